#include <algorithm>
#include <cstdint>

#include "kernels/blas.h"
#include "kernels/blas_library.h"
#include "kernels/small_gemv.h"
#include "kernels/strided_matrix.h"
#include "kernels/strided_vector.h"

namespace gemmule::kernels {
namespace {

// alpha*A@x + beta*y for any strides, each result rounded once. Blocks of rows share one pass over
// x; a block is walked along the smaller stride of A.
template <class T>
void gemv_loop(std::int64_t m, std::int64_t n, ComputeType<T> alpha, Strided<const T> a,
               StridedVector<const T> x, ComputeType<T> beta, StridedVector<const T> y,
               StridedVector<T> out) {
  using C = ComputeType<T>;
  constexpr std::int64_t kRows = 64;
  C sums[kRows];
  const bool along_rows = std::abs(a.col_stride) <= std::abs(a.row_stride);
  for (std::int64_t i0 = 0; i0 < m; i0 += kRows) {
    const std::int64_t rows = std::min(kRows, m - i0);
    std::fill_n(sums, rows, C(0));
    if (along_rows) {
      for (std::int64_t i = 0; i < rows; ++i) {
        const T* row = &a(i0 + i, 0);
        C sum(0);
        for (std::int64_t j = 0; j < n; ++j) {
          sum += multiply(convert<C>(row[j * a.col_stride]), convert<C>(x[j]));
        }
        sums[i] = sum;
      }
    } else {
      for (std::int64_t j = 0; j < n; ++j) {
        const T* column = &a(i0, j);
        const C xj = convert<C>(x[j]);
        for (std::int64_t i = 0; i < rows; ++i) {
          sums[i] += multiply(convert<C>(column[i * a.row_stride]), xj);
        }
      }
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      C result = multiply(alpha, sums[i]);
      if (beta != C(0)) result += multiply(beta, convert<C>(y[i0 + i]));
      out[i0 + i] = convert<T>(result);
    }
  }
}

// BLAS knows no negative strides of matrices: turns the matrix and the vector along that axis
// round.
template <class T, class V>
void make_stride_positive(std::int64_t size, T*& data, std::int64_t& stride, V& vector) {
  if (stride >= 0) return;
  data += (size - 1) * stride;
  stride = -stride;
  vector = vector.reversed(size);
}

// out = beta*y. Does not read y where beta is 0.
template <class T>
void scale_vector(std::int64_t m, T beta, StridedVector<const T> y, T* out) {
  if (beta == T(0)) {
    std::fill_n(out, m, T(0));
  } else if (y.stride == 1) {
    if (beta != T(1) || y.data != out) std::transform(y.data, y.data + m, out, [beta](T value) { return beta * value; });
  } else {
    for (std::int64_t i = 0; i < m; ++i) out[i] = beta * y[i];
  }
}

template <class T>
void gemv_inexact(const GemvArgs& args) {
  using C = ComputeType<T>;
  const std::int64_t m = args.m, n = args.n;
  const C alpha = scalar_or<T>(args.alpha, C(1));
  const C beta = scalar_or<T>(args.beta, C(0));
  const StridedVector<const T> y{static_cast<const T*>(args.y.data), args.y.stride};
  StridedVector<T> out{static_cast<T*>(args.out.data), args.out.stride};
  if (n == 0 || alpha == C(0)) {
    return scale_matrix<T>(m, 1, beta, y.as_column(), out.as_column());
  }
  auto a = strided<T>(args.a);
  StridedVector<const T> x{static_cast<const T*>(args.x.data), args.x.stride};
  blas_int("gemv", std::max(m, n));

  if constexpr (std::is_floating_point_v<T>) {
    // Rows of the matrix in memory, whichever way round it is multiplied.
    const bool by_rows = a.col_stride == 1 && (a.row_stride >= n || m == 1);
    const bool by_columns = a.row_stride == 1 && (a.col_stride >= m || n == 1);
    const bool is_small = m * n <= kSmallGemv || (by_rows ? n : m) <= kFewColumns;
    if (is_small && (by_rows || by_columns) && x.stride == 1 && out.stride == 1) {
      scale_vector(m, beta, y, out.data);
      if (by_rows) {
        small_gemv<T>(m, n, alpha, a.data, a.row_stride, x.data, out.data);
      } else {
        small_gemv_transposed<T>(n, m, alpha, a.data, a.col_stride, x.data, out.data);
      }
      return;
    }
  }
  if constexpr (std::is_same_v<T, C>) {
    const auto a_given = a;
    const auto x_given = x;
    const auto out_given = out;
    make_stride_positive(m, a.data, a.row_stride, out);
    make_stride_positive(n, a.data, a.col_stride, x);
    const auto matrix = as_blas_matrix(m, n, a);
    if (matrix && x.fits_blas(n) && out.fits_blas(m)) {
      // The library adds to `out` = beta*y, so that it neither scales nor reads what is not there.
      scale_matrix<T>(m, 1, beta, y.as_column(), out_given.as_column());
      blas::gemv(matrix.order, CblasNoTrans, static_cast<int>(m), static_cast<int>(n), alpha,
                 matrix.data, matrix.ld, x.lowest(n), x.increment(n), C(1), out.lowest(m),
                 out.increment(m));
      return;
    }
    a = a_given;
    x = x_given;
    out = out_given;
  }
  gemv_loop<T>(m, n, alpha, a, x, beta, y, out);
}

}  // namespace

void gemv(const GemvArgs& args) {
  if (args.m == 0) return;
  if (!is_inexact(args.dtype)) {
    check_plain_product("gemv", args.dtype, args.alpha, args.beta);
    return integer_matmul({args.dtype,
                           args.m,
                           1,
                           args.n,
                           args.a,
                           {args.x.data, args.x.stride, 0},
                           {args.out.data, args.out.stride, 0}});
  }
  visit_inexact("gemv", args.dtype, [&](auto zero) { gemv_inexact<decltype(zero)>(args); });
}

}  // namespace gemmule::kernels
