#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <type_traits>

#include "kernels/lapack.h"
#include "kernels/lapack_batch.h"
#include "kernels/scratch.h"
#include "kernels/small_matrices.h"

namespace gemmule::kernels {
namespace {

template <class T>
void copy_triangle(std::int64_t m, bool lower, Strided<const T> a, Strided<T> to) {
  if (std::abs(to.col_stride) > std::abs(to.row_stride)) {
    a = a.transposed();
    to = to.transposed();
    lower = !lower;
  }
  for (std::int64_t i = 0; i < m; ++i) {
    const std::int64_t begin = lower ? 0 : i, n = lower ? i + 1 : m - i;
    move_elements(sizeof(T), &to(i, begin), to.col_stride, &a(i, begin), a.col_stride, n);
  }
}

// Factors one matrix in `work`, which may be `a` itself. Whether A is positive definite.
//
// A row-major L is what LAPACK sees as the upper factor of A^T: A = L L^H is A^T = (L^T)^H L^T.
template <class T>
bool factor(std::int64_t m, Strided<const T> a, bool lower, Strided<T> work, BlasMatrix<T> matrix) {
  if (!same_memory(m, m, a, work)) copy_triangle(m, lower, a, work);
  const bool lower_in_memory = lower == (matrix.order == CblasColMajor);
  const int info =
      blas::potrf(uplo_letter(lower_in_memory), static_cast<int>(m), matrix.data, matrix.ld);
  if (info != 0) {
    fill_matrix(m, m, work, kNaN<T>);
    return false;
  }
  // Row by row in memory, without the diagonal.
  const Strided<T> rows = matrix.order == CblasRowMajor ? work : work.transposed();
  for (std::int64_t i = 0; i < m; ++i) {
    const std::int64_t begin = lower_in_memory ? 0 : i + 1, end = lower_in_memory ? i : m;
    std::fill(&rows(i, begin), &rows(i, begin) + std::max<std::int64_t>(end - begin, 0), T(0));
  }
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

    if constexpr (std::is_floating_point_v<T>) {
      if (m <= kSmallOrder) {
        for_each_in_batch<2>(batch_shape(a), {&a.strides, &out.strides}, [&](const auto& offsets) {
          failures +=
              !small_cholesky(m, matrix_at<T>(a, offsets[0]), lower, matrix_at<T>(out, offsets[1]));
        });
        return failures;
      }
    }
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
