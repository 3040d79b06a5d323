#include "kernels/small_matrices.h"

#include <cmath>
#include <limits>

#include "kernels/function_clones.h"

namespace gemmule::kernels {
namespace {

// y -= factor * x
template <std::int64_t Width, class T>
GEMMULE_INLINE void subtract_row(T* y, T factor, const T* x) {
#pragma omp simd
  for (std::int64_t k = 0; k < Width; ++k) y[k] -= factor * x[k];
}

// A = U^T U by A = V^T D^-1 V with D the diagonal of V, row by row: each row leaves those below by
// an outer product, and roots are taken at the end, all at once. `a` and `out` as the upper
// triangle has them; Width >= m, for loops of known length.
template <std::int64_t Width, class T>
GEMMULE_INLINE bool factor(std::int64_t m, Strided<const T> a, Strided<T> out) {
  alignas(64) T v[kSmallOrder][Width];
  alignas(64) T factors[Width];
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t k = 0; k < Width; ++k) v[i][k] = T(0);
    for (std::int64_t k = i; k < m; ++k) v[i][k] = a(i, k);
  }
  for (std::int64_t i = 0; i < m; ++i) {
    const T pivot = v[i][i];
    if (pivot <= T(0)) return false;  // NaN goes on
#pragma omp simd
    for (std::int64_t k = 0; k < Width; ++k) factors[k] = v[i][k] / pivot;
    for (std::int64_t j = i + 1; j < m; ++j) subtract_row<Width>(v[j], factors[j], v[i]);
  }
  for (std::int64_t i = 0; i < m; ++i) {
    const T root = std::sqrt(v[i][i]), inverse = T(1) / root;
    for (std::int64_t k = 0; k < i; ++k) out(i, k) = T(0);
    out(i, i) = root;
    for (std::int64_t k = i + 1; k < m; ++k) out(i, k) = v[i][k] * inverse;
  }
  return true;
}

template <class T>
GEMMULE_CLONES bool factor_cloned(std::int64_t m, Strided<const T> a, Strided<T> out) {
  return m <= 4 ? factor<4>(m, a, out) : m <= 8 ? factor<8>(m, a, out) : factor<16>(m, a, out);
}

template <class T>
bool cholesky_of(std::int64_t m, Strided<const T> a, bool lower, Strided<T> out) {
  if (lower) {
    a = a.transposed();
    out = out.transposed();
  }
  if (factor_cloned<T>(m, a, out)) return true;
  fill_matrix(m, m, out, std::numeric_limits<T>::quiet_NaN());
  return false;
}

// One column; its elements so far are subtracted in order, so that only the last one is waited for.
template <class T>
GEMMULE_INLINE void solve_column(std::int64_t m, Strided<const T> a, bool unit_diagonal, const T* b,
                                 std::int64_t b_stride, T* out, std::int64_t out_stride) {
  T x[kSmallOrder];
  for (std::int64_t i = 0; i < m; ++i) {
    T sum = b[i * b_stride];
    for (std::int64_t j = 0; j < i; ++j) sum -= a(i, j) * x[j];
    x[i] = unit_diagonal ? sum : sum / a(i, i);
  }
  for (std::int64_t i = 0; i < m; ++i) out[i * out_stride] = x[i];
}

// At most Width columns; a row of X that is known leaves the equations that follow.
template <std::int64_t Width, class T>
GEMMULE_INLINE void solve_columns(std::int64_t m, std::int64_t n, Strided<const T> a,
                                  bool unit_diagonal, Strided<const T> b, Strided<T> out) {
  alignas(64) T x[kSmallOrder][Width];
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) x[i][j] = b(i, j);
    for (std::int64_t j = n; j < Width; ++j) x[i][j] = T(0);
  }
  for (std::int64_t i = 0; i < m; ++i) {
    if (!unit_diagonal) {
      const T diagonal = a(i, i);
#pragma omp simd
      for (std::int64_t j = 0; j < Width; ++j) x[i][j] /= diagonal;
    }
    for (std::int64_t k = i + 1; k < m; ++k) subtract_row<Width>(x[k], a(k, i), x[i]);
  }
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) out(i, j) = x[i][j];
  }
}

// A lower triangular.
template <class T>
GEMMULE_CLONES void solve_cloned(std::int64_t m, std::int64_t n, Strided<const T> a,
                                 bool unit_diagonal, Strided<const T> b, Strided<T> out) {
  if (n == 1) {
    return solve_column(m, a, unit_diagonal, b.data, b.row_stride, out.data, out.row_stride);
  }
  for (; n > 4; n -= 16) {
    const std::int64_t columns = n < 16 ? n : 16;
    solve_columns<16>(m, columns, a, unit_diagonal, b, out);
    b.data += columns * b.col_stride;
    out.data += columns * out.col_stride;
  }
  if (n > 0) solve_columns<4>(m, n, a, unit_diagonal, b, out);
}

// An upper triangular matrix is a lower one with rows and columns from the last to the first.
template <class T>
void solve_of(std::int64_t m, std::int64_t n, Strided<const T> a, bool lower, bool unit_diagonal,
              Strided<const T> b, Strided<T> x) {
  if (!lower) {
    a = {&a(m - 1, m - 1), -a.row_stride, -a.col_stride};
    b = {&b(m - 1, 0), -b.row_stride, b.col_stride};
    x = {&x(m - 1, 0), -x.row_stride, x.col_stride};
  }
  solve_cloned<T>(m, n, a, unit_diagonal, b, x);
}

}  // namespace

bool small_cholesky(std::int64_t m, Strided<const float> a, bool lower, Strided<float> out) {
  return cholesky_of(m, a, lower, out);
}
bool small_cholesky(std::int64_t m, Strided<const double> a, bool lower, Strided<double> out) {
  return cholesky_of(m, a, lower, out);
}

void small_solve_triangular(std::int64_t m, std::int64_t n, Strided<const float> a, bool lower,
                            bool unit_diagonal, Strided<const float> b, Strided<float> x) {
  solve_of(m, n, a, lower, unit_diagonal, b, x);
}
void small_solve_triangular(std::int64_t m, std::int64_t n, Strided<const double> a, bool lower,
                            bool unit_diagonal, Strided<const double> b, Strided<double> x) {
  solve_of(m, n, a, lower, unit_diagonal, b, x);
}

}  // namespace gemmule::kernels
