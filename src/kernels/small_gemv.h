// Products of row-major matrices and vectors as plain loops, for what the library does worse: matrices that
// fit a cache, where its preparations cost more than the work; few columns; rank-1 updates that are not in place.
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

// out[i*out_ld + j] = a[i*ld + j] + alpha * x[i] * y[j], contiguous y; `a` may be `out` or null, which counts as 0.
template <class T>
void rows_ger(std::int64_t m, std::int64_t n, T alpha, const T* x, std::int64_t x_stride, const T* y, const T* a,
              std::int64_t ld, T* out, std::int64_t out_ld);

}  // namespace gemmule::kernels
