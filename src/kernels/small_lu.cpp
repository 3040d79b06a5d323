// Every loop has a length that the compiler knows, so that rows stay in registers.
#include "kernels/small_lu.h"

#include <cmath>
#include <limits>
#include <utility>

#include "kernels/function_clones.h"
#include "kernels/small_vectors.h"

namespace gemmule::kernels {
namespace {

// What leaves an element is summed first, as OpenBLAS's gemv and dot do.
template <int m, class T>
GEMMULE_INLINE int factor(const Strided<const T>& a, SmallLu<T>& lu) {
  constexpr int parts = kQuads<m>;
  Quad<T> u[m][parts], sums[m][parts];
  int places[m], info = 0;
#pragma GCC unroll 8
  for (int i = 0; i < m; ++i) {
    load_row<m>(a.data + i * a.row_stride, a.col_stride, u[i]);
    places[i] = i;
  }
#pragma GCC unroll 8
  for (int k = 0; k < m; ++k) {
    T column[m];
#pragma GCC unroll 8
    for (int i = k; i < m; ++i) {
      column[i] = u[i][k / 4][k % 4];
      if (k > 0) column[i] -= sums[i][k / 4][k % 4];
    }
    int pivot = k;
    T largest = std::abs(column[k]);
#pragma GCC unroll 8
    for (int i = k + 1; i < m; ++i) {
      const T size = std::abs(column[i]);
      if (size > largest) {
        largest = size;
        pivot = i;
      }
    }
    lu.pivots[k] = pivot + 1;
    if (pivot != k) {
      // Registers have no addresses.
#pragma GCC unroll 8
      for (int i = k + 1; i < m; ++i) {
        if (i == pivot) {
          std::swap(u[k], u[i]);
          if (k > 0) std::swap(sums[k], sums[i]);
          std::swap(column[k], column[i]);
          std::swap(places[k], places[i]);
        }
      }
      for (int j = 0; j < k; ++j) std::swap(lu.l[k][j], lu.l[pivot][j]);
    }
    const T diagonal = column[k];
    if (diagonal == T(0) && info == 0) info = k + 1;
    if (k > 0) {
#pragma GCC unroll 2
      for (int part = k / 4; part < parts; ++part) u[k][part] -= sums[k][part];
    }
    // LAPACK multiplies by the inverse, which rounds otherwise than a division: whether a matrix is
    // singular depends on it. OpenBLAS's product with the inverse of an infinite pivot is 0 for all
    // numbers.
    const bool inverts =
        largest >= std::numeric_limits<T>::min() && largest <= std::numeric_limits<T>::max();
    const T inverse = T(1) / diagonal;
#pragma GCC unroll 8
    for (int i = k + 1; i < m; ++i) {
      T factor = column[i];
      if (inverts) {
        factor *= inverse;
      } else if (std::isinf(diagonal)) {
        factor = T(0);
      } else if (diagonal != T(0)) {
        factor /= diagonal;
      }
      lu.l[i][k] = factor;
#pragma GCC unroll 2
      for (int part = k / 4; part < parts; ++part) {
        const Quad<T> product = factor * u[k][part];
        sums[i][part] = k > 0 ? sums[i][part] + product : product;
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < m; ++i) {
    lu.rows[i] = places[i];
#pragma GCC unroll 2
    for (int part = i / 4; part < parts; ++part) store<4>(lu.u[i] + 4 * part, 1, u[i][part]);
  }
  return info;
}

// Rows of X, numbers or vectors, in place of those of P B.
template <int m, class T, class X>
GEMMULE_INLINE void substitute(const SmallLu<T>& lu, X* x) {
#pragma GCC unroll 8
  for (int k = 0; k < m; ++k) {
#pragma GCC unroll 8
    for (int i = k + 1; i < m; ++i) x[i] -= lu.l[i][k] * x[k];
  }
#pragma GCC unroll 8
  for (int k = m - 1; k >= 0; --k) {
    x[k] /= lu.u[k][k];
#pragma GCC unroll 8
    for (int i = 0; i < k; ++i) x[i] -= lu.u[i][k] * x[k];
  }
}

template <int m, class T>
GEMMULE_INLINE void solve_column(const SmallLu<T>& lu, const T* b, std::int64_t b_stride, T* out,
                                 std::int64_t out_stride) {
  T x[m];
#pragma GCC unroll 8
  for (int i = 0; i < m; ++i) x[i] = b[lu.rows[i] * b_stride];
  substitute<m>(lu, x);
#pragma GCC unroll 8
  for (int i = 0; i < m; ++i) out[i * out_stride] = x[i];
}

// Up to four columns.
template <int m, class T>
GEMMULE_INLINE void solve_columns(int count, const SmallLu<T>& lu, const T* b,
                                  const Strided<const T>& from, T* out, const Strided<T>& to) {
  Quad<T> x[m];
#pragma GCC unroll 8
  for (int i = 0; i < m; ++i) load(count, b + lu.rows[i] * from.row_stride, from.col_stride, x[i]);
  substitute<m>(lu, x);
#pragma GCC unroll 8
  for (int i = 0; i < m; ++i) store(count, out + i * to.row_stride, to.col_stride, x[i]);
}

template <int m, class T>
GEMMULE_INLINE void solve(std::int64_t n, const SmallLu<T>& lu, const Strided<const T>& b,
                          const Strided<T>& out) {
  const T* from = b.data;
  T* to = out.data;
  for (; n > 1; n -= 4) {
    solve_columns<m>(n < 4 ? static_cast<int>(n) : 4, lu, from, b, to, out);
    from += 4 * b.col_stride;
    to += 4 * out.col_stride;
  }
  if (n == 1) solve_column<m>(lu, from, b.row_stride, to, out.row_stride);
}

template <class T>
GEMMULE_INLINE int choose_factor(std::int64_t m, const Strided<const T>& a, SmallLu<T>& lu) {
  return with_order(m, [&]<int order>() GEMMULE_INLINE_LAMBDA { return factor<order>(a, lu); });
}

template <class T>
GEMMULE_INLINE void choose_solve(std::int64_t m, std::int64_t n, const SmallLu<T>& lu,
                                 const Strided<const T>& b, const Strided<T>& x) {
  with_order(m, [&]<int order>() GEMMULE_INLINE_LAMBDA { solve<order>(n, lu, b, x); });
}

template <class T>
constexpr auto kIdentity = [] {
  struct Matrix {
    T elements[kSmallLu * kSmallLu] = {};
  } identity;
  for (std::int64_t i = 0; i < kSmallLu; ++i) identity.elements[i * kSmallLu + i] = T(1);
  return identity;
}();

}  // namespace

GEMMULE_CLONES int small_getrf(std::int64_t m, const Strided<const float>& a, SmallLu<float>& lu) {
  return choose_factor(m, a, lu);
}
GEMMULE_CLONES int small_getrf(std::int64_t m, const Strided<const double>& a,
                               SmallLu<double>& lu) {
  return choose_factor(m, a, lu);
}

GEMMULE_CLONES void small_getrs(std::int64_t m, std::int64_t n, const SmallLu<float>& lu,
                                const Strided<const float>& b, const Strided<float>& x) {
  choose_solve(m, n, lu, b, x);
}
GEMMULE_CLONES void small_getrs(std::int64_t m, std::int64_t n, const SmallLu<double>& lu,
                                const Strided<const double>& b, const Strided<double>& x) {
  choose_solve(m, n, lu, b, x);
}

void small_getri(std::int64_t m, const SmallLu<float>& lu, const Strided<float>& out) {
  small_getrs(m, m, lu, {kIdentity<float>.elements, kSmallLu, 1}, out);
}
void small_getri(std::int64_t m, const SmallLu<double>& lu, const Strided<double>& out) {
  small_getrs(m, m, lu, {kIdentity<double>.elements, kSmallLu, 1}, out);
}

}  // namespace gemmule::kernels
