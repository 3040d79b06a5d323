#include <cstdint>

#include "kernels/lapack.h"
#include "kernels/lapack_batch.h"
#include "kernels/scratch.h"
#include "kernels/small_lu.h"

namespace gemmule::kernels {
namespace {

// Calls factor(A), which says whether A is singular, for every matrix of the batch but those that
// are in the same place as the one before, as all are of a broadcast A; then solve(B, X). Returns
// how many were singular.
template <class T, class Factor, class Solve>
std::int64_t solve_batch(std::int64_t m, std::int64_t n, const ConstView& a, const ConstView& b,
                         const View& out, Factor&& factor, Solve&& solve) {
  std::int64_t failures = 0;
  const T* factored = nullptr;
  bool singular = false;
  for_each_in_batch<3>(batch_shape(a), {&a.strides, &b.strides, &out.strides},
                       [&](const auto& offsets) {
                         const auto matrix = matrix_at<T>(a, offsets[0]);
                         const auto result = matrix_at<T>(out, offsets[2]);
                         if (matrix.data != factored) {
                           singular = factor(matrix);
                           factored = matrix.data;
                         }
                         if (singular) {
                           ++failures;
                           return fill_matrix(m, n, result, kNaN<T>);
                         }
                         solve(matrix_at<T>(b, offsets[1]), result);
                       });
  return failures;
}

}  // namespace

std::int64_t solve(const ConstView& a, const ConstView& b, const View& out) {
  return visit_lapack("solve", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t m = check_square("solve", a);
    const std::int64_t n = b.shape.empty() ? 0 : blas_int("solve", b.shape[b.shape.size() - 1]);
    check_operand("solve", "B", b, a.dtype, a, {m, n});
    check_operand("solve", "the result", out, a.dtype, a, {m, n});
    if (m == 0 || n == 0) return std::int64_t{0};

    if constexpr (std::is_floating_point_v<T>) {
      if (is_small_lu<T>(m)) {
        SmallLu<T> lu;
        return solve_batch<T>(
            m, n, a, b, out,
            [&](Strided<const T> matrix) { return small_getrf(m, matrix, lu) != 0; },
            [&](Strided<const T> right, Strided<T> x) { small_getrs(m, n, lu, right, x); });
      }
    }
    const Scratch factors(sizeof(T) * static_cast<std::size_t>(m * m));
    const Scratch columns(sizeof(T) * static_cast<std::size_t>(m * n));
    const Scratch pivots(sizeof(int) * static_cast<std::size_t>(m));
    const Strided<T> lu{factors.as<T>(), 1, m};
    const Strided<T> x{columns.as<T>(), 1, m};
    const int order = static_cast<int>(m);
    return solve_batch<T>(
        m, n, a, b, out,
        [&](Strided<const T> matrix) {
          copy_matrix(m, m, matrix, lu);
          return blas::getrf(order, lu.data, order, pivots.as<int>()) != 0;
        },
        [&](Strided<const T> right, Strided<T> result) {
          copy_matrix(m, n, right, x);
          blas::getrs('N', order, static_cast<int>(n), lu.data, order, pivots.as<int>(), x.data,
                      order);
          copy_matrix(m, n, x, result);
        });
  });
}

}  // namespace gemmule::kernels
