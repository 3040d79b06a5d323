// Factorisation and solution of matrices so small that LAPACK's checks cost more than the work.
#pragma once

#include <cstdint>

#include "kernels/strided_matrix.h"

namespace gemmule::kernels {

inline constexpr std::int64_t kSmallOrder = 16;

// cholesky for real matrices of 0 < m <= kSmallOrder rows: the factor with zeros in the other
// triangle, or NaN everywhere and false. `out` may be `a`.
bool small_cholesky(std::int64_t m, const Strided<const float>& a, bool lower,
                    const Strided<float>& out);
bool small_cholesky(std::int64_t m, const Strided<const double>& a, bool lower,
                    const Strided<double>& out);

// X = A^-1 B for real triangular A of m <= kSmallOrder rows and n columns, or NaN everywhere and
// false for a zero on its diagonal. `x` may be `b`.
bool small_solve_triangular(std::int64_t m, std::int64_t n, const Strided<const float>& a,
                            bool lower, bool unit_diagonal, const Strided<const float>& b,
                            const Strided<float>& x);
bool small_solve_triangular(std::int64_t m, std::int64_t n, const Strided<const double>& a,
                            bool lower, bool unit_diagonal, const Strided<const double>& b,
                            const Strided<double>& x);

}  // namespace gemmule::kernels
