#include <cstdint>
#include <optional>

#include "kernels/lapack.h"
#include "kernels/lapack_batch.h"
#include "kernels/scratch.h"

namespace gemmule::kernels {
namespace {

// Factors one matrix in `work`, which may be `a` itself. Whether A is positive definite.
//
// A row-major L is what LAPACK sees as the upper factor of A^T: A = L L^H is A^T = (L^T)^H L^T.
template <class T>
bool factor(std::int64_t m, Strided<const T> a, bool lower, Strided<T> work, BlasMatrix<T> matrix) {
  if (!same_memory(m, m, a, work)) {
    for_each_in_triangle(m, lower, [&](auto i, auto j) { work(i, j) = a(i, j); });
  }
  const bool lower_in_memory = lower == (matrix.order == CblasColMajor);
  const int info =
      blas::potrf(uplo_letter(lower_in_memory), static_cast<int>(m), matrix.data, matrix.ld);
  if (info != 0) {
    fill_matrix(m, m, work, kNaN<T>);
    return false;
  }
  for_each_in_triangle(m, !lower, [&](auto i, auto j) {
    if (i != j) work(i, j) = T(0);
  });
  return true;
}

}  // namespace

std::int64_t cholesky(const ConstView& a, const View& out, bool lower) {
  return visit_lapack("cholesky", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t m = check_square("cholesky", a);
    check_operand("cholesky", "the result", out, a.dtype, a, {m, m});
    std::int64_t failures = 0;
    if (m == 0) return failures;

    std::optional<Scratch> scratch;
    if (!as_blas_matrix(m, m, matrix_at<T>(out, 0))) {
      scratch.emplace(sizeof(T) * static_cast<std::size_t>(m * m));
    }
    for_each_in_batch<2>(batch_shape(a), {&a.strides, &out.strides}, [&](const auto& offsets) {
      const auto in = matrix_at<T>(a, offsets[0]);
      const auto result = matrix_at<T>(out, offsets[1]);
      const auto work = scratch ? Strided<T>{scratch->as<T>(), 1, m} : result;
      failures += !factor(m, in, lower, work, as_blas_matrix(m, m, work));
      if (scratch) copy_matrix(m, m, work, result);
    });
    return failures;
  });
}

}  // namespace gemmule::kernels
