// LU of real matrices so small that LAPACK's calls cost more than the work, and what is solved with
// it.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/strided_matrix.h"

namespace gemmule::kernels {

// Rows up to which these beat OpenBLAS 0.3.34.
inline constexpr std::int64_t kSmallLu = 8;

// Whether matrices of m rows of T are factored here; m = 0 is not.
template <class T>
constexpr bool is_small_lu(std::int64_t m) {
  return std::is_floating_point_v<T> && m > 0 && m <= kSmallLu;
}

// P A = L U: row i of L below the diagonal in l[i], row i of U from the diagonal on in u[i]. What
// else is in them has no meaning.
template <class T>
struct SmallLu {
  alignas(64) T u[kSmallLu][kSmallLu];
  alignas(64) T l[kSmallLu][kSmallLu];
  int pivots[kSmallLu];  // step i exchanged rows i and pivots[i] - 1, as getrf has it
  int rows[kSmallLu];    // row i of P A is row rows[i] of A
};

// LAPACK's getrf for 0 < m <= kSmallLu: its pivots, and its info.
int small_getrf(std::int64_t m, const Strided<const float>& a, SmallLu<float>& lu);
int small_getrf(std::int64_t m, const Strided<const double>& a, SmallLu<double>& lu);

// X = A^-1 B for n columns, U's diagonal without a zero. `x` may be `b`.
void small_getrs(std::int64_t m, std::int64_t n, const SmallLu<float>& lu,
                 const Strided<const float>& b, const Strided<float>& x);
void small_getrs(std::int64_t m, std::int64_t n, const SmallLu<double>& lu,
                 const Strided<const double>& b, const Strided<double>& x);

// A^-1, U's diagonal without a zero.
void small_getri(std::int64_t m, const SmallLu<float>& lu, const Strided<float>& out);
void small_getri(std::int64_t m, const SmallLu<double>& lu, const Strided<double>& out);

// small_getrf and small_getrs: X, or NaN everywhere and false for a singular A.
template <class T>
bool small_solve(std::int64_t m, std::int64_t n, const Strided<const T>& a,
                 const Strided<const T>& b, const Strided<T>& x) {
  SmallLu<T> lu;
  if (small_getrf(m, a, lu) == 0) {
    small_getrs(m, n, lu, b, x);
    return true;
  }
  fill_matrix(m, n, x, std::numeric_limits<T>::quiet_NaN());
  return false;
}

// small_getrf and small_getri: A^-1, or NaN everywhere and false for a singular A. `out` may be
// `a`.
template <class T>
bool small_inv(std::int64_t m, const Strided<const T>& a, const Strided<T>& out) {
  SmallLu<T> lu;
  if (small_getrf(m, a, lu) == 0) {
    small_getri(m, lu, out);
    return true;
  }
  fill_matrix(m, m, out, std::numeric_limits<T>::quiet_NaN());
  return false;
}

// L's multipliers below U, as getrf leaves them.
template <class T>
void copy_factors(std::int64_t m, const SmallLu<T>& lu, Strided<T> out) {
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < m; ++j) out(i, j) = j < i ? lu.l[i][j] : lu.u[i][j];
  }
}

}  // namespace gemmule::kernels
