#include "kernels/small_gemm.h"

#include "kernels/function_clones.h"
#include "kernels/small_vectors.h"

namespace gemmule::kernels {
namespace {

// One column: A times a vector. `length`: k, or 0 where the compiler does not know it.
template <class T, int length>
GEMMULE_INLINE void multiply_vector(const GemmArgs& args, T alpha, T beta) {
  const auto* a = static_cast<const T*>(args.a.data);
  const auto* x = static_cast<const T*>(args.b.data);
  const auto* c = static_cast<const T*>(args.c.data);
  auto* out = static_cast<T*>(args.out.data);
  const std::int64_t m = args.m, k = length > 0 ? length : args.k, step = args.a.col_stride;
  T numbers[length > 0 ? length : kSmallGemm];
  for (std::int64_t p = 0; p < k; ++p) numbers[p] = x[p * args.b.row_stride];
  for (std::int64_t i = 0; i < m; ++i) {
    const T* const row = a + i * args.a.row_stride;
    T sum(0);
    for (std::int64_t p = 0; p < k; ++p) sum += row[p * step] * numbers[p];
    sum *= alpha;
    if (beta != T(0)) sum += beta * c[i * args.c.row_stride];
    out[i * args.out.row_stride] = sum;
  }
}

// n columns, a number that the compiler knows: a row of B and of the result is one vector or two.
template <class T, int n, int length>
GEMMULE_INLINE void multiply(const GemmArgs& args, T alpha, T beta) {
  using Vector = Quad<T>;
  constexpr int first = n < 4 ? n : 4, second = n - first;  // numbers in each vector
  const auto* a = static_cast<const T*>(args.a.data);
  const auto* b = static_cast<const T*>(args.b.data);
  const auto* c = static_cast<const T*>(args.c.data);
  auto* out = static_cast<T*>(args.out.data);
  const std::int64_t m = args.m, k = length > 0 ? length : args.k, step = args.a.col_stride;
  const std::int64_t b_step = args.b.col_stride, c_step = args.c.col_stride, out_step = args.out.col_stride;
  if (k > kSmallGemm) __builtin_unreachable();
  Vector left[length > 0 ? length : kSmallGemm], right[length > 0 ? length : kSmallGemm];
  for (std::int64_t p = 0; p < k; ++p, b += args.b.row_stride) {
    load<first>(b, b_step, left[p]);
    if constexpr (second > 0) load<second>(b + 4 * b_step, b_step, right[p]);
  }
  for (std::int64_t i = 0; i < m; ++i) {
    Vector sum{}, rest{};
    for (std::int64_t p = 0; p < k; ++p) {
      const T factor = a[p * step];
      sum += factor * left[p];
      if constexpr (second > 0) rest += factor * right[p];
    }
    sum *= alpha;
    rest *= alpha;
    if (beta != T(0)) {
      Vector addend;
      load<first>(c, c_step, addend);
      sum += beta * addend;
      if constexpr (second > 0) {
        load<second>(c + 4 * c_step, c_step, addend);
        rest += beta * addend;
      }
      c += args.c.row_stride;
    }
    store<first>(out, out_step, sum);
    if constexpr (second > 0) store<second>(out + 4 * out_step, out_step, rest);
    a += args.a.row_stride;
    out += args.out.row_stride;
  }
}

template <class T, int n, int length>
GEMMULE_INLINE void multiply_columns(const GemmArgs& args, T alpha, T beta) {
  if constexpr (n == 1)
    multiply_vector<T, length>(args, alpha, beta);
  else
    multiply<T, n, length>(args, alpha, beta);
}

template <class T, int n>
GEMMULE_INLINE void choose_length(const GemmArgs& args, T alpha, T beta) {
  switch (args.k) {
    case 1:
      return multiply_columns<T, n, 1>(args, alpha, beta);
    case 2:
      return multiply_columns<T, n, 2>(args, alpha, beta);
    case 3:
      return multiply_columns<T, n, 3>(args, alpha, beta);
    case 4:
      return multiply_columns<T, n, 4>(args, alpha, beta);
    default:
      return multiply_columns<T, n, 0>(args, alpha, beta);
  }
}

template <class T>
GEMMULE_INLINE void choose(const GemmArgs& args, T alpha, T beta) {
  switch (args.n) {
    case 1:
      return choose_length<T, 1>(args, alpha, beta);
    case 2:
      return choose_length<T, 2>(args, alpha, beta);
    case 3:
      return choose_length<T, 3>(args, alpha, beta);
    case 4:
      return choose_length<T, 4>(args, alpha, beta);
    case 5:
      return choose_length<T, 5>(args, alpha, beta);
    case 6:
      return choose_length<T, 6>(args, alpha, beta);
    case 7:
      return choose_length<T, 7>(args, alpha, beta);
    default:
      return choose_length<T, 8>(args, alpha, beta);
  }
}

}  // namespace

// Clones cannot be templates.
GEMMULE_CLONES void small_gemm_f64(const GemmArgs& args, double alpha, double beta) { choose(args, alpha, beta); }
GEMMULE_CLONES void small_gemm_f32(const GemmArgs& args, float alpha, float beta) { choose(args, alpha, beta); }

template <>
void small_gemm(const GemmArgs& args, double alpha, double beta) {
  small_gemm_f64(args, alpha, beta);
}
template <>
void small_gemm(const GemmArgs& args, float alpha, float beta) {
  small_gemm_f32(args, alpha, beta);
}

}  // namespace gemmule::kernels
