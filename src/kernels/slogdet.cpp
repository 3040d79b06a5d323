#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/lapack.h"
#include "kernels/lapack_batch.h"
#include "kernels/scratch.h"
#include "kernels/small_lu.h"

namespace gemmule::kernels {
namespace {

// The factor of unit modulus of a diagonal element; NaN counts as positive in real matrices, as
// NumPy has it.
template <class R>
R phase(R x) {
  return x < 0 ? R(-1) : R(1);
}
template <class R>
std::complex<R> phase(std::complex<R> x) {
  return x / std::abs(x);
}

}  // namespace

void slogdet(const ConstView& a, const View& sign, const View& logabsdet) {
  visit_lapack("slogdet", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    using R = blas::Real<T>;
    const std::int64_t m = check_square("slogdet", a);
    check_operand("slogdet", "sign", sign, a.dtype, a, {});
    check_operand("slogdet", "logabsdet", logabsdet, real_part(a.dtype), a, {});

    // `factor` takes A and says whether it is singular; diagonal(i) is then that of U.
    const auto determinants = [&](const int* pivots, auto&& factor, auto&& diagonal) {
      for_each_in_batch<3>(batch_shape(a), {&a.strides, &sign.strides, &logabsdet.strides},
                           [&](const auto& offsets) {
                             T& s = static_cast<T*>(sign.data)[offsets[1]];
                             R& log_det = static_cast<R*>(logabsdet.data)[offsets[2]];
                             s = T(1);
                             log_det = R(0);
                             if (m == 0) return;
                             if (factor(matrix_at<T>(a, offsets[0]))) {
                               s = T(0);
                               log_det = -std::numeric_limits<R>::infinity();
                               return;
                             }
                             // det A = (-1)^(row exchanges) * product of U's diagonal; pivots count
                             // from 1
                             for (std::int64_t i = 0; i < m; ++i) {
                               const T u = diagonal(i);
                               s = multiply(s, phase(u));
                               if (pivots[i] != i + 1) s = -s;
                               log_det += std::log(std::abs(u));
                             }
                           });
    };
    if constexpr (std::is_floating_point_v<T>) {
      if (is_small_lu<T>(m)) {
        SmallLu<T> lu;
        return determinants(
            lu.pivots, [&](Strided<const T> matrix) { return small_getrf(m, matrix, lu) > 0; },
            [&](std::int64_t i) { return lu.u[i][i]; });
      }
    }
    const Scratch factors(sizeof(T) * static_cast<std::size_t>(m * m));
    const Scratch pivots(sizeof(int) * static_cast<std::size_t>(m));
    const Strided<T> lu{factors.as<T>(), 1, m};
    const int order = static_cast<int>(m);
    determinants(
        pivots.as<int>(),
        [&](Strided<const T> matrix) {
          copy_matrix(m, m, matrix, lu);
          return blas::getrf(order, lu.data, order, pivots.as<int>()) > 0;
        },
        [&](std::int64_t i) { return lu(i, i); });
  });
}

}  // namespace gemmule::kernels
