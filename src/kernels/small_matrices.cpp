#include "kernels/small_matrices.h"

#include <cmath>
#include <limits>

#include "kernels/function_clones.h"
#include "kernels/small_vectors.h"

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
// triangle has them.
template <int m, class T>
GEMMULE_INLINE bool factor(const Strided<const T>& a, const Strided<T>& out) {
  constexpr int parts = kQuads<m>;
  Quad<T> v[m][parts];
#pragma GCC unroll 8
  for (int i = 0; i < m; ++i) load_row<m>(a.data + i * a.row_stride, a.col_stride, v[i]);
#pragma GCC unroll 8
  for (int i = 0; i < m; ++i) {
    const T pivot = v[i][i / 4][i % 4];
    if (pivot <= T(0)) return false;  // NaN goes on
#pragma GCC unroll 2
    for (int part = i / 4; part < parts; ++part) {
      const Quad<T> factors = v[i][part] / pivot;
#pragma GCC unroll 8
      for (int j = i + 1; j < m; ++j) {
        if (j / 4 != part) continue;
#pragma GCC unroll 2
        for (int to = part; to < parts; ++to) v[j][to] -= factors[j % 4] * v[i][to];
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < m; ++i) {
    const T root = std::sqrt(v[i][i / 4][i % 4]), inverse = T(1) / root;
    T* const row = out.data + i * out.row_stride;
#pragma GCC unroll 8
    for (int k = 0; k < i; ++k) row[k * out.col_stride] = T(0);
    row[i * out.col_stride] = root;
#pragma GCC unroll 8
    for (int k = i + 1; k < m; ++k) row[k * out.col_stride] = v[i][k / 4][k % 4] * inverse;
  }
  return true;
}

// The same for m from 9 to 16.
template <class T>
GEMMULE_INLINE bool factor_wide(std::int64_t m, const Strided<const T>& a, const Strided<T>& out) {
  alignas(64) T v[kSmallOrder][kSmallOrder];
  alignas(64) T factors[kSmallOrder];
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t k = 0; k < kSmallOrder; ++k) v[i][k] = T(0);
    for (std::int64_t k = i; k < m; ++k) v[i][k] = a(i, k);
  }
  for (std::int64_t i = 0; i < m; ++i) {
    const T pivot = v[i][i];
    if (pivot <= T(0)) return false;  // NaN goes on
#pragma omp simd
    for (std::int64_t k = 0; k < kSmallOrder; ++k) factors[k] = v[i][k] / pivot;
    for (std::int64_t j = i + 1; j < m; ++j) subtract_row<kSmallOrder>(v[j], factors[j], v[i]);
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
GEMMULE_CLONES bool factor_cloned(std::int64_t m, const Strided<const T>& a,
                                  const Strided<T>& out) {
  if (m > 8) return factor_wide(m, a, out);
  return with_order(m, [&]<int order>() GEMMULE_INLINE_LAMBDA { return factor<order>(a, out); });
}

template <class T>
bool cholesky_of(std::int64_t m, const Strided<const T>& a, bool lower, const Strided<T>& out) {
  if (lower ? factor_cloned<T>(m, a.transposed(), out.transposed()) : factor_cloned<T>(m, a, out)) {
    return true;
  }
  fill_matrix(m, m, out, std::numeric_limits<T>::quiet_NaN());
  return false;
}

// X, numbers or vectors, in place of the rows of B; each leaves the equations that follow.
template <int m, class T, class X>
GEMMULE_INLINE void substitute(const Strided<const T>& a, bool unit_diagonal, X* x) {
#pragma GCC unroll 8
  for (int i = 0; i < m; ++i) {
    if (!unit_diagonal) x[i] /= a(i, i);
#pragma GCC unroll 8
    for (int k = i + 1; k < m; ++k) x[k] -= a(k, i) * x[i];
  }
}

template <int m, class T>
GEMMULE_INLINE void solve(std::int64_t n, const Strided<const T>& a, bool unit_diagonal,
                          const Strided<const T>& b, const Strided<T>& out) {
  const T* from = b.data;
  T* to = out.data;
  for (; n > 1; n -= 4) {
    const int count = n < 4 ? static_cast<int>(n) : 4;
    Quad<T> x[m];
#pragma GCC unroll 8
    for (int i = 0; i < m; ++i) load(count, from + i * b.row_stride, b.col_stride, x[i]);
    substitute<m>(a, unit_diagonal, x);
#pragma GCC unroll 8
    for (int i = 0; i < m; ++i) store(count, to + i * out.row_stride, out.col_stride, x[i]);
    from += 4 * b.col_stride;
    to += 4 * out.col_stride;
  }
  if (n != 1) return;
  T x[m];
#pragma GCC unroll 8
  for (int i = 0; i < m; ++i) x[i] = from[i * b.row_stride];
  substitute<m>(a, unit_diagonal, x);
#pragma GCC unroll 8
  for (int i = 0; i < m; ++i) to[i * out.row_stride] = x[i];
}

// One column; its elements so far are subtracted in order, so that only the last one is waited for.
template <class T>
GEMMULE_INLINE void solve_column(std::int64_t m, const Strided<const T>& a, bool unit_diagonal,
                                 const T* b, std::int64_t b_stride, T* out,
                                 std::int64_t out_stride) {
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
GEMMULE_INLINE void solve_columns(std::int64_t m, std::int64_t n, const Strided<const T>& a,
                                  bool unit_diagonal, const Strided<const T>& b,
                                  const Strided<T>& out) {
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
GEMMULE_CLONES void solve_cloned(std::int64_t m, std::int64_t n, const Strided<const T>& a,
                                 bool unit_diagonal, const Strided<const T>& b,
                                 const Strided<T>& out) {
  if (m <= 8) {
    return with_order(
        m, [&]<int order>() GEMMULE_INLINE_LAMBDA { solve<order>(n, a, unit_diagonal, b, out); });
  }
  if (n == 1) {
    return solve_column(m, a, unit_diagonal, b.data, b.row_stride, out.data, out.row_stride);
  }
  Strided<const T> from = b;
  Strided<T> to = out;
  for (; n > 4; n -= 16) {
    const std::int64_t columns = n < 16 ? n : 16;
    solve_columns<16>(m, columns, a, unit_diagonal, from, to);
    from.data += columns * b.col_stride;
    to.data += columns * out.col_stride;
  }
  if (n > 0) solve_columns<4>(m, n, a, unit_diagonal, from, to);
}

// An upper triangular matrix is a lower one with rows and columns from the last to the first.
template <class T>
bool solve_of(std::int64_t m, std::int64_t n, const Strided<const T>& a, bool lower,
              bool unit_diagonal, const Strided<const T>& b, const Strided<T>& x) {
  if (!unit_diagonal) {
    for (std::int64_t i = 0; i < m; ++i) {
      if (a(i, i) != T(0)) continue;
      fill_matrix(m, n, x, std::numeric_limits<T>::quiet_NaN());
      return false;
    }
  }
  if (lower) {
    solve_cloned<T>(m, n, a, unit_diagonal, b, x);
  } else {
    solve_cloned<T>(m, n, {&a(m - 1, m - 1), -a.row_stride, -a.col_stride}, unit_diagonal,
                    {&b(m - 1, 0), -b.row_stride, b.col_stride},
                    {&x(m - 1, 0), -x.row_stride, x.col_stride});
  }
  return true;
}

}  // namespace

bool small_cholesky(std::int64_t m, const Strided<const float>& a, bool lower,
                    const Strided<float>& out) {
  return cholesky_of(m, a, lower, out);
}
bool small_cholesky(std::int64_t m, const Strided<const double>& a, bool lower,
                    const Strided<double>& out) {
  return cholesky_of(m, a, lower, out);
}

bool small_solve_triangular(std::int64_t m, std::int64_t n, const Strided<const float>& a,
                            bool lower, bool unit_diagonal, const Strided<const float>& b,
                            const Strided<float>& x) {
  return solve_of(m, n, a, lower, unit_diagonal, b, x);
}
bool small_solve_triangular(std::int64_t m, std::int64_t n, const Strided<const double>& a,
                            bool lower, bool unit_diagonal, const Strided<const double>& b,
                            const Strided<double>& x) {
  return solve_of(m, n, a, lower, unit_diagonal, b, x);
}

}  // namespace gemmule::kernels
