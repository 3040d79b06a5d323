// Factorisations and solvers, batched over leading dimensions.
//
// Common to all functions:
//   dtypes f32, f64, c64, c128, one for all operands; std::invalid_argument names the op and the
//   dtype otherwise, and when shapes do not fit each other.
//   `...` stands for the same batch dimensions in every operand: the caller broadcasts (stride 0 on
//   inputs). Strides have any sign; those of outputs keep elements distinct. An output may be
//   exactly its input of the same shape (same data and strides), and overlaps no input otherwise.
//   Sizes may be 0. A matrix without a result (singular, not positive definite) gives NaN in its
//   own place of the batch and nowhere else; the functions return how many those were, for callers
//   that raise. NaN in the input never raises: it gives NaN in the output. Throws std::length_error
//   for sizes beyond LAPACK's 32-bit integers.
#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace gemmule::kernels {

// A[..., m, m] = L L^H (lower) or U^H U, the factor in out[..., m, m] with zeros in the other
// triangle.
//
// Reads only the triangle that `lower` names. Not positive definite: the whole matrix is NaN.
// (LAPACK potrf)
std::int64_t cholesky(const ConstView& a, const View& out, bool lower);

enum class Transpose : std::uint8_t { none, transpose, conjugate };  // op(A) = A, A^T, A^H

struct TriangularOptions {
  bool lower = true;  // the triangle of A (not of op(A)) that is read
  Transpose trans = Transpose::none;
  bool unit_diagonal = false;  // the diagonal is 1 and not read
};

// op(A) X = B for triangular A[..., m, m] and B[..., m, n]; X in out[..., m, n]. `out` may be B.
//
// A zero on the diagonal: X is NaN. (BLAS trsm, trsv)
std::int64_t solve_triangular(const ConstView& a, const ConstView& b, const View& out,
                              TriangularOptions options);

// A X = B for A[..., m, m] and B[..., m, n]; X in out[..., m, n]. `out` may be B. (LAPACK getrf,
// getrs)
//
// Singular: X is NaN.
std::int64_t solve(const ConstView& a, const ConstView& b, const View& out);

// A^-1 of A[..., m, m] in out[..., m, m]. Singular: NaN. (LAPACK getrf, getri)
std::int64_t inv(const ConstView& a, const View& out);

// det A = sign * exp(logabsdet) of A[..., m, m]; sign[...] has the dtype of A, logabsdet[...] its
// real part's.
//
// Singular: sign 0, logabsdet -inf. m = 0: 1, 0. A complex sign lies on the unit circle. (LAPACK
// getrf)
void slogdet(const ConstView& a, const View& sign, const View& logabsdet);

// A = V diag(w) V^H for Hermitian A[..., m, m]: w[..., m] ascending, of A's real dtype; the columns
// of V[..., m, m] are orthonormal, their signs LAPACK's.
//
// Reads only the triangle that `lower` names. `vectors` without data: eigenvalues only. NaN or
// infinity in that triangle, or no convergence: w and V are NaN. (LAPACK syevr, heevr)
std::int64_t eigh(const ConstView& a, bool lower, const View& values, const View& vectors);

}  // namespace gemmule::kernels
