// LU, QR, SVD, Schur, general eigenvalues and what is built on them, batched over leading
// dimensions.
//
// As in lapack.h: dtypes f32, f64, c64, c128, one for all operands except where a row says so; the
// same batch dimensions in all operands, strides of any sign, sizes of 0; std::length_error beyond
// LAPACK's integers. Shapes are the caller's to check (ir/infer_factorisations.cpp). Outputs
// overlap no input.
// A result whose view has no dimensions is not wanted.
// A matrix without a result gives NaN in its own place of the batch; functions that return a number
// count those, for callers that raise.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/view.h"

namespace gemmule::kernels {

// How a matrix is structured; `lower` names the triangle that is read.
enum class Structure : std::uint8_t { symmetric, hermitian, tridiagonal, banded };
Structure parse_structure(std::string_view name);  // "sym", "her", "tridiagonal", "banded"

// A X = B for A[..., m, m], B[..., m, n], X in out[..., m, n]. Counts singular matrices. (LAPACK
// sysv, hesv, gttrf, gbsv)
//
// Tridiagonal: the other diagonals are not read. Banded: the bandwidth is that of the elements that
// are not 0.
std::int64_t solve_structured(const ConstView& a, const ConstView& b, const View& out,
                              Structure structure, bool lower);

// A[..., m, m] = P L U. `l` gets P L when `p` is not wanted; `p` is either a matrix of A's real
// dtype or the i32 indices p[..., m] with A[i] = (L U)[p[i]]. Counts matrices with NaN or infinity.
// (LAPACK getrf)
std::int64_t lu(const ConstView& a, const View& p, const View& l, const View& u);

// L without its diagonal and U in one matrix, and the row exchanges i32[..., m], counted from 0.
// Singular: NaN. (LAPACK getrf)
std::int64_t lu_factor(const ConstView& a, const View& factors, const View& pivots);

// The order of rows after the exchanges pivots[..., m] (i64), or its inverse, the argsort.
// Throws IndexError for a pivot out of bounds.
void pivots_to_permutation(const ConstView& pivots, const View& out, bool inverse);

// The LU factorisation of the tridiagonal matrix with the diagonals dl[..., n - 1], d[..., n],
// du[..., n - 1]; `pivots` i32. The results are those of gttrf also where it is singular.
struct Tridiagonal {
  View dl, d, du, du2, pivots;
};
void lu_factor_tridiagonal(const ConstView& dl, const ConstView& d, const ConstView& du,
                           const Tridiagonal& factors);

// op(A) X = B from these factors, B[..., n, k], X in out. (LAPACK gttrs)
struct TridiagonalFactors {
  ConstView dl, d, du, du2, pivots;
};
void solve_tridiagonal(const TridiagonalFactors& factors, const ConstView& b, const View& out,
                       bool transposed);

// A[..., m, n] = Q R with k = min(m, n); jpvt[..., n] (i32): A[:, jpvt] = Q R. (LAPACK geqrf,
// geqp3, orgqr)
struct QrResults {
  View q;    // [..., m, m] or [..., m, k]
  View r;    // [..., m, n] or [..., k, n]
  View raw;  // what geqrf gives, [..., m, n], with tau[..., k]
  View tau;
  View jpvt;  // not wanted: no pivoting
};
void qr(const ConstView& a, const QrResults& results);

// A[..., m, n] = U diag(s) V^H, s of A's real dtype, descending. U is [..., m, m] and V^H
// [..., n, n], or [..., m, k] and [..., k, n]; U not wanted: singular values only. Counts matrices
// with NaN or infinity, and those without convergence. (LAPACK gesdd)
std::int64_t svd(const ConstView& a, const View& u, const View& s, const View& vh);

// The pseudo-inverse: singular values up to 1e-15 of the largest count as 0. Hermitian: by eigh,
// and NaN counts as no failure.
std::int64_t pinv(const ConstView& a, const View& out, bool hermitian);

// min |A X - B|, of least norm, for A[m, n], B[m, k], rcond[] of A's real dtype: X[n, k],
// residuals[k], of which count[] (i64: k or 0) are in use, rank[] (i32), singular values.
// (LAPACK gelsd)
struct LeastSquares {
  View x, residuals, rank, s, count;
};
std::int64_t lstsq(const ConstView& a, const ConstView& b, const ConstView& rcond,
                   const LeastSquares& results);

// A V = V diag(w), w[..., m] and V[..., m, m] complex, of A's precision. Counts matrices with NaN
// or infinity, and those without convergence. (LAPACK geev)
std::int64_t eig(const ConstView& a, const View& values, const View& vectors);

// A V = B V diag(w) for Hermitian A and positive definite B, V^H B V = I. Counts pairs without a
// result. (LAPACK sygvd, hegvd)
std::int64_t eigh_generalized(const ConstView& a, const ConstView& b, bool lower,
                              const View& values, const View& vectors);

// Eigenvalues that come first: real part < 0, >= 0; modulus <= 1, > 1.
enum class EigenvalueOrder : std::uint8_t { none, lhp, rhp, iuc, ouc };
EigenvalueOrder parse_eigenvalue_order(std::string_view name);  // "" is none

// A[..., m, m] = Z T Z^H. NaN, infinity or no convergence: NaN. (LAPACK gees)
std::int64_t schur(const ConstView& a, const View& t, const View& z, EigenvalueOrder order);

// A = Q S Z^H, B = Q T Z^H; eigenvalues alpha / beta, alpha complex. Sorted as SciPy's ordqz does:
// rhp leaves out 0, iuc 1. NaN, infinity or no convergence: NaN. (LAPACK gges, tgsen)
struct QzResults {
  View s, t, alpha, beta, q, z;
};
std::int64_t qz(const ConstView& a, const ConstView& b, const QzResults& results,
                EigenvalueOrder order);

// A X + X B = C for upper (quasi) triangular A[..., m, m] and B[..., n, n] in Schur form, X in
// out[..., m, n]. (LAPACK trsyl)
void sylvester(const ConstView& a, const ConstView& b, const ConstView& c, const View& out);

// exp A of A[..., m, m], computed in double precision. NaN or infinity: NaN.
void expm(const ConstView& a, const View& out);

}  // namespace gemmule::kernels
