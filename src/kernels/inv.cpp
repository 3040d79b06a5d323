#include <algorithm>
#include <cstdint>

#include "kernels/lapack.h"
#include "kernels/lapack_batch.h"
#include "kernels/scratch.h"
#include "kernels/small_lu.h"

namespace gemmule::kernels {

std::int64_t inv(const ConstView& a, const View& out) {
  return visit_lapack("inv", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t m = check_square("inv", a);
    check_operand("inv", "the result", out, a.dtype, a, {m, m});
    std::int64_t failures = 0;
    if (m == 0) return failures;

    if constexpr (std::is_floating_point_v<T>) {
      if (is_small_lu<T>(m)) {
        for_each_in_batch<2>(batch_shape(a), {&a.strides, &out.strides}, [&](const auto& offsets) {
          failures += !small_inv(m, matrix_at<T>(a, offsets[0]), matrix_at<T>(out, offsets[1]));
        });
        return failures;
      }
    }
    const int order = static_cast<int>(m);
    T best_size(0);
    blas::getri(order, static_cast<T*>(nullptr), order, nullptr, &best_size, -1);
    const std::int64_t work_size = std::max(m, static_cast<std::int64_t>(std::real(best_size)));
    const Scratch columns(sizeof(T) * static_cast<std::size_t>(m * m));
    const Scratch work(sizeof(T) * static_cast<std::size_t>(work_size));
    const Scratch pivots(sizeof(int) * static_cast<std::size_t>(m));
    const Strided<T> x{columns.as<T>(), 1, m};

    for_each_in_batch<2>(batch_shape(a), {&a.strides, &out.strides}, [&](const auto& offsets) {
      const auto result = matrix_at<T>(out, offsets[1]);
      copy_matrix(m, m, matrix_at<T>(a, offsets[0]), x);
      const bool singular = blas::getrf(order, x.data, order, pivots.as<int>()) != 0 ||
                            blas::getri(order, x.data, order, pivots.as<int>(), work.as<T>(),
                                        static_cast<int>(work_size)) != 0;
      if (singular) {
        ++failures;
        return fill_matrix(m, m, result, kNaN<T>);
      }
      copy_matrix(m, m, x, result);
    });
    return failures;
  });
}

}  // namespace gemmule::kernels
