#include <cstdint>

#include "kernels/lapack.h"
#include "kernels/lapack_batch.h"
#include "kernels/scratch.h"

namespace gemmule::kernels {

std::int64_t solve(const ConstView& a, const ConstView& b, const View& out) {
  return visit_lapack("solve", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t m = check_square("solve", a);
    const std::int64_t n = b.shape.empty() ? 0 : blas_int("solve", b.shape[b.shape.size() - 1]);
    check_operand("solve", "B", b, a.dtype, a, {m, n});
    check_operand("solve", "the result", out, a.dtype, a, {m, n});
    std::int64_t failures = 0;
    if (m == 0 || n == 0) return failures;

    const Scratch factors(sizeof(T) * static_cast<std::size_t>(m * m));
    const Scratch columns(sizeof(T) * static_cast<std::size_t>(m * n));
    const Scratch pivots(sizeof(int) * static_cast<std::size_t>(m));
    const Strided<T> lu{factors.as<T>(), 1, m};
    const Strided<T> x{columns.as<T>(), 1, m};
    const int order = static_cast<int>(m);
    const T* factored = nullptr;  // the matrix that `lu` holds: a broadcast A is factored once
    bool singular = false;

    for_each_in_batch<3>(batch_shape(a), {&a.strides, &b.strides, &out.strides},
                         [&](const auto& offsets) {
                           const auto matrix = matrix_at<T>(a, offsets[0]);
                           const auto result = matrix_at<T>(out, offsets[2]);
                           if (matrix.data != factored) {
                             copy_matrix(m, m, matrix, lu);
                             singular = blas::getrf(order, lu.data, order, pivots.as<int>()) != 0;
                             factored = matrix.data;
                           }
                           if (singular) {
                             ++failures;
                             return fill_matrix(m, n, result, kNaN<T>);
                           }
                           copy_matrix(m, n, matrix_at<T>(b, offsets[1]), x);
                           blas::getrs('N', order, static_cast<int>(n), lu.data, order,
                                       pivots.as<int>(), x.data, order);
                           copy_matrix(m, n, x, result);
                         });
    return failures;
  });
}

}  // namespace gemmule::kernels
