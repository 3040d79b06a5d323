#include "kernels/small_gemv.h"

#include <array>
#include <utility>

#include "kernels/function_clones.h"

namespace gemmule::kernels {
namespace {

constexpr std::int64_t kRows = 4;  // that share a pass over x, or over the sums

// -- few columns: the number of columns is known to the compiler ----------------------------------

template <class T, int n>
GEMMULE_INLINE void narrow(std::int64_t m, T alpha, const T* a, std::int64_t ld, const T* x, T* out) {
  std::array<T, n> factors;
  for (int j = 0; j < n; ++j) factors[j] = x[j];
  for (std::int64_t i = 0; i < m; ++i) {
    const T* const row = a + i * ld;
    T even = 0, odd = 0;  // two chains of additions
    for (int j = 0; j + 1 < n; j += 2) {
      even += row[j] * factors[j];
      odd += row[j + 1] * factors[j + 1];
    }
    if constexpr (n % 2 == 1) even += row[n - 1] * factors[n - 1];
    out[i] += alpha * (even + odd);
  }
}

template <class T, int n>
GEMMULE_INLINE void narrow_transposed(std::int64_t m, T alpha, const T* a, std::int64_t ld, const T* x, T* out) {
  // Rows in turn go to two sets of sums, so that additions need not wait for each other.
  std::array<T, n> even{}, odd{};
  std::int64_t i = 0;
  for (; i + 2 <= m; i += 2) {
    const T* const row = a + i * ld;
    for (int j = 0; j < n; ++j) even[j] += x[i] * row[j];
    for (int j = 0; j < n; ++j) odd[j] += x[i + 1] * row[ld + j];
  }
  if (i < m) {
    for (int j = 0; j < n; ++j) even[j] += x[i] * a[i * ld + j];
  }
  for (int j = 0; j < n; ++j) out[j] += alpha * (even[j] + odd[j]);
}

template <class T, int... n>
GEMMULE_INLINE void choose_narrow(std::int64_t m, std::int64_t columns, T alpha, const T* a, std::int64_t ld, const T* x,
                                  T* out, bool transposed, std::integer_sequence<int, n...>) {
  static_cast<void>(((columns == n + 1 && (transposed ? narrow_transposed<T, n + 1>(m, alpha, a, ld, x, out)
                                                      : narrow<T, n + 1>(m, alpha, a, ld, x, out),
                                           true)) ||
                     ...));
}

using FewColumns = std::make_integer_sequence<int, kFewColumns>;

// -- more columns ---------------------------------------------------------------------------------

template <class T>
GEMMULE_INLINE void wide(std::int64_t m, std::int64_t n, T alpha, const T* a, std::int64_t ld, const T* x, T* out) {
  std::int64_t i = 0;
  for (; i + kRows <= m; i += kRows) {
    const T *const a0 = a + i * ld, *const a1 = a0 + ld, *const a2 = a1 + ld, *const a3 = a2 + ld;
    T s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
    for (std::int64_t j = 0; j < n; ++j) {
      s0 += a0[j] * x[j];
      s1 += a1[j] * x[j];
      s2 += a2[j] * x[j];
      s3 += a3[j] * x[j];
    }
    out[i] += alpha * s0;
    out[i + 1] += alpha * s1;
    out[i + 2] += alpha * s2;
    out[i + 3] += alpha * s3;
  }
  for (; i < m; ++i) {
    const T* const row = a + i * ld;
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t j = 0; j < n; ++j) sum += row[j] * x[j];
    out[i] += alpha * sum;
  }
}

template <class T>
GEMMULE_INLINE void wide_transposed(std::int64_t m, std::int64_t n, T alpha, const T* a, std::int64_t ld, const T* x,
                                    T* out) {
  std::int64_t i = 0;
  for (; i + kRows <= m; i += kRows) {
    const T *const a0 = a + i * ld, *const a1 = a0 + ld, *const a2 = a1 + ld, *const a3 = a2 + ld;
    const T x0 = alpha * x[i], x1 = alpha * x[i + 1], x2 = alpha * x[i + 2], x3 = alpha * x[i + 3];
#pragma omp simd
    for (std::int64_t j = 0; j < n; ++j) out[j] += (x0 * a0[j] + x1 * a1[j]) + (x2 * a2[j] + x3 * a3[j]);
  }
  for (; i < m; ++i) {
    const T* const row = a + i * ld;
    const T factor = alpha * x[i];
#pragma omp simd
    for (std::int64_t j = 0; j < n; ++j) out[j] += factor * row[j];
  }
}

template <class T>
GEMMULE_INLINE void multiply(std::int64_t m, std::int64_t n, T alpha, const T* a, std::int64_t ld, const T* x, T* out,
                             bool transposed) {
  if (n <= kFewColumns) return choose_narrow<T>(m, n, alpha, a, ld, x, out, transposed, FewColumns());
  transposed ? wide_transposed(m, n, alpha, a, ld, x, out) : wide(m, n, alpha, a, ld, x, out);
}

// -- rank-1 updates -------------------------------------------------------------------------------

template <class T>
GEMMULE_INLINE void add_outer(std::int64_t m, std::int64_t n, T alpha, const T* x, std::int64_t x_stride, const T* y,
                              const T* a, std::int64_t ld, T* out, std::int64_t out_ld) {
  for (std::int64_t i = 0; i < m; ++i) {
    const T factor = alpha * x[i * x_stride];
    T* const row = out + i * out_ld;
    if (a == nullptr) {
#pragma omp simd
      for (std::int64_t j = 0; j < n; ++j) row[j] = factor * y[j];
      continue;
    }
    const T* const addend = a + i * ld;
#pragma omp simd
    for (std::int64_t j = 0; j < n; ++j) row[j] = addend[j] + factor * y[j];
  }
}

GEMMULE_CLONES void add_outer_f64(std::int64_t m, std::int64_t n, double alpha, const double* x, std::int64_t x_stride,
                                  const double* y, const double* a, std::int64_t ld, double* out, std::int64_t out_ld) {
  add_outer(m, n, alpha, x, x_stride, y, a, ld, out, out_ld);
}
GEMMULE_CLONES void add_outer_f32(std::int64_t m, std::int64_t n, float alpha, const float* x, std::int64_t x_stride,
                                  const float* y, const float* a, std::int64_t ld, float* out, std::int64_t out_ld) {
  add_outer(m, n, alpha, x, x_stride, y, a, ld, out, out_ld);
}

// One clone per type and not per template: what clones call is inlined.
GEMMULE_CLONES void multiply_f64(std::int64_t m, std::int64_t n, double alpha, const double* a, std::int64_t ld,
                                 const double* x, double* out, bool transposed) {
  multiply(m, n, alpha, a, ld, x, out, transposed);
}
GEMMULE_CLONES void multiply_f32(std::int64_t m, std::int64_t n, float alpha, const float* a, std::int64_t ld,
                                 const float* x, float* out, bool transposed) {
  multiply(m, n, alpha, a, ld, x, out, transposed);
}

}  // namespace

template <>
void small_gemv(std::int64_t m, std::int64_t n, double alpha, const double* a, std::int64_t ld, const double* x,
                double* out) {
  multiply_f64(m, n, alpha, a, ld, x, out, false);
}
template <>
void small_gemv(std::int64_t m, std::int64_t n, float alpha, const float* a, std::int64_t ld, const float* x,
                float* out) {
  multiply_f32(m, n, alpha, a, ld, x, out, false);
}
template <>
void small_gemv_transposed(std::int64_t m, std::int64_t n, double alpha, const double* a, std::int64_t ld,
                           const double* x, double* out) {
  multiply_f64(m, n, alpha, a, ld, x, out, true);
}
template <>
void small_gemv_transposed(std::int64_t m, std::int64_t n, float alpha, const float* a, std::int64_t ld,
                           const float* x, float* out) {
  multiply_f32(m, n, alpha, a, ld, x, out, true);
}

template <>
void rows_ger(std::int64_t m, std::int64_t n, double alpha, const double* x, std::int64_t x_stride, const double* y,
              const double* a, std::int64_t ld, double* out, std::int64_t out_ld) {
  add_outer_f64(m, n, alpha, x, x_stride, y, a, ld, out, out_ld);
}
template <>
void rows_ger(std::int64_t m, std::int64_t n, float alpha, const float* x, std::int64_t x_stride, const float* y,
              const float* a, std::int64_t ld, float* out, std::int64_t out_ld) {
  add_outer_f32(m, n, alpha, x, x_stride, y, a, ld, out, out_ld);
}

}  // namespace gemmule::kernels
