#include <cstdint>
#include <optional>
#include <type_traits>

#include "kernels/lapack.h"
#include "kernels/lapack_batch.h"
#include "kernels/scratch.h"
#include "kernels/small_matrices.h"
#include "kernels/strided_vector.h"

namespace gemmule::kernels {
namespace {

template <class T>
T conjugate(T x) {
  return x;
}
template <class R>
std::complex<R> conjugate(std::complex<R> x) {
  return std::conj(x);
}

template <class T>
bool has_zero_on_diagonal(std::int64_t m, Strided<const T> a) {
  for (std::int64_t i = 0; i < m; ++i) {
    if (a(i, i) == T(0)) return true;
  }
  return false;
}

// x = op(A)^-1 x in place, for A and x in BLAS's orders.
template <class T>
void solve_in_place(std::int64_t m, std::int64_t n, BlasMatrix<const T> a,
                    TriangularOptions options, Strided<T> x, BlasMatrix<T> matrix) {
  const CBLAS_DIAG diag = options.unit_diagonal ? CblasUnit : CblasNonUnit;
  const int rows = static_cast<int>(m), columns = static_cast<int>(n);
  // A^H only arrives in the order of x (see Factor); for real matrices it is A^T.
  CBLAS_TRANSPOSE trans = options.trans == Transpose::none ? CblasNoTrans : CblasTrans;
  if (n == 1) {
    const StridedVector<T> column{x.data, x.row_stride};
    return blas::trsv(a.order, uplo(options.lower), trans, diag, rows, a.data, a.ld,
                      column.lowest(m), column.increment(m));
  }
  // Seen in the other order, A is A^T: the other triangle, and transposed when it was not.
  const bool flipped = a.order != matrix.order;
  if (flipped) trans = trans == CblasNoTrans ? CblasTrans : CblasNoTrans;
  blas::trsm(matrix.order, uplo(options.lower != flipped), trans, diag, rows, columns, a.data, a.ld,
             matrix.data, matrix.ld);
}

}  // namespace

std::int64_t solve_triangular(const ConstView& a, const ConstView& b, const View& out,
                              TriangularOptions options) {
  return visit_lapack("solve_triangular", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t m = check_square("solve_triangular", a);
    const std::int64_t n =
        b.shape.empty() ? 0 : blas_int("solve_triangular", b.shape[b.shape.size() - 1]);
    check_operand("solve_triangular", "B", b, a.dtype, a, {m, n});
    check_operand("solve_triangular", "the result", out, a.dtype, a, {m, n});
    std::int64_t failures = 0;
    if (m == 0 || n == 0) return failures;

    if constexpr (std::is_floating_point_v<T>) {
      if (m <= kSmallOrder) {
        const bool transposes = options.trans != Transpose::none;
        for_each_in_batch<3>(
            batch_shape(a), {&a.strides, &b.strides, &out.strides}, [&](const auto& offsets) {
              auto factor = matrix_at<T>(a, offsets[0]);
              const auto result = matrix_at<T>(out, offsets[2]);
              if (transposes) factor = factor.transposed();
              failures += !small_solve_triangular(m, n, factor, options.lower != transposes,
                                                  options.unit_diagonal,
                                                  matrix_at<T>(b, offsets[1]), result);
            });
        return failures;
      }
    }

    // A that BLAS cannot read, and A^H, which some libraries apply only without transposing, are
    // packed: A^H as the matrix to solve with.
    constexpr bool is_complex_type = !std::is_same_v<T, blas::Real<T>>;
    const bool conjugates = is_complex_type && options.trans == Transpose::conjugate;
    TriangularOptions packed_options = options;
    if (conjugates) {
      packed_options.trans = Transpose::none;
      packed_options.lower = !options.lower;
    }
    std::optional<Scratch> packed_a, packed_x;
    if (conjugates || !as_blas_matrix(m, m, matrix_at<T>(a, 0))) {
      packed_a.emplace(sizeof(T) * static_cast<std::size_t>(m * m));
    }
    const auto first = matrix_at<T>(out, 0);
    const StridedVector<T> column{first.data, first.row_stride};
    if (n == 1 ? !column.fits_blas(m) : !as_blas_matrix(m, n, first)) {
      packed_x.emplace(sizeof(T) * static_cast<std::size_t>(m * n));
    }

    for_each_in_batch<3>(
        batch_shape(a), {&a.strides, &b.strides, &out.strides}, [&](const auto& offsets) {
          const auto factor = matrix_at<T>(a, offsets[0]);
          const auto right = matrix_at<T>(b, offsets[1]);
          const auto result = matrix_at<T>(out, offsets[2]);
          if (!options.unit_diagonal && has_zero_on_diagonal(m, factor)) {
            ++failures;
            return fill_matrix(m, n, result, kNaN<T>);
          }
          auto read = as_blas_matrix(m, m, factor);
          if (packed_a) {
            const Strided<T> pack{packed_a->template as<T>(), m, 1};
            const auto source = conjugates ? factor.transposed() : factor;
            for_each_in_triangle(m, packed_options.lower, [&](auto i, auto j) {
              pack(i, j) = conjugates ? conjugate(source(i, j)) : source(i, j);
            });
            read = {pack.data, CblasRowMajor, static_cast<int>(m)};
          }
          const auto x = packed_x ? Strided<T>{packed_x->template as<T>(), n, 1} : result;
          if (!same_memory(m, n, right, x)) copy_matrix(m, n, right, x);
          solve_in_place(m, n, read, packed_options, x, as_blas_matrix(m, n, x));
          if (packed_x) copy_matrix(m, n, x, result);
        });
    return failures;
  });
}

}  // namespace gemmule::kernels
