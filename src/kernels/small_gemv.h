// Matrix-vector products of row-major matrices that fit a cache: loops instead of the library, whose
// preparations cost more than the work there, and which is slow for few columns.
#pragma once

#include <cstdint>

namespace gemmule::kernels {

// Elements of a matrix up to which these loops beat OpenBLAS 0.3.34 on AVX2 and AVX-512.
inline constexpr std::int64_t kSmallGemv = 32 << 10;
// Columns up to which they do for any number of rows.
inline constexpr std::int64_t kFewColumns = 16;

// out[i] += alpha * sum_j a[i*ld + j] x[j], contiguous x and out that do not overlap. float and double.
template <class T>
void small_gemv(std::int64_t m, std::int64_t n, T alpha, const T* a, std::int64_t ld, const T* x, T* out);

// out[j] += alpha * sum_i a[i*ld + j] x[i] for j < n: the transpose of the same matrix of m rows.
template <class T>
void small_gemv_transposed(std::int64_t m, std::int64_t n, T alpha, const T* a, std::int64_t ld, const T* x, T* out);

}  // namespace gemmule::kernels
