// Factorisation and solution of matrices so small that LAPACK's checks cost more than the work.
#pragma once

#include <cstdint>

#include "kernels/strided_matrix.h"

namespace gemmule::kernels {

inline constexpr std::int64_t kSmallOrder = 16;

// cholesky for real matrices of m <= kSmallOrder rows: the factor with zeros in the other triangle,
// or NaN everywhere and false. `out` may be `a`.
bool small_cholesky(std::int64_t m, Strided<const float> a, bool lower, Strided<float> out);
bool small_cholesky(std::int64_t m, Strided<const double> a, bool lower, Strided<double> out);

// X = A^-1 B for real triangular A of m <= kSmallOrder rows, no zero on its diagonal; n columns.
// `x` may be `b`.
void small_solve_triangular(std::int64_t m, std::int64_t n, Strided<const float> a, bool lower,
                            bool unit_diagonal, Strided<const float> b, Strided<float> x);
void small_solve_triangular(std::int64_t m, std::int64_t n, Strided<const double> a, bool lower,
                            bool unit_diagonal, Strided<const double> b, Strided<double> x);

}  // namespace gemmule::kernels
