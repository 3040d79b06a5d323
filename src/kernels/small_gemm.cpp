#include "kernels/small_gemm.h"

#include <cstring>

#include "kernels/function_clones.h"

namespace gemmule::kernels {
namespace {

// A row of the result in registers of four numbers; the last ones are not used.
template <class T>
struct Quad {
  typedef T type __attribute__((vector_size(4 * sizeof(T))));
};

// One column: A times a vector.
template <class T>
GEMMULE_INLINE void multiply_vector(const GemmArgs& args, T alpha, T beta) {
  const auto* a = static_cast<const T*>(args.a.data);
  const auto* x = static_cast<const T*>(args.b.data);
  const auto* c = static_cast<const T*>(args.c.data);
  auto* out = static_cast<T*>(args.out.data);
  const std::int64_t m = args.m, k = args.k, step = args.a.col_stride, x_step = args.b.row_stride;
  for (std::int64_t i = 0; i < m; ++i) {
    const T* const row = a + i * args.a.row_stride;
    T sum(0);
    for (std::int64_t p = 0; p < k; ++p) sum += row[p * step] * x[p * x_step];
    sum *= alpha;
    if (beta != T(0)) sum += beta * c[i * args.c.row_stride];
    out[i * args.out.row_stride] = sum;
  }
}

// n columns, a number that the compiler knows: a row of B and of the result is `quads` vectors.
template <class T, int n>
GEMMULE_INLINE void multiply(const GemmArgs& args, T alpha, T beta) {
  using Vector = typename Quad<T>::type;
  constexpr int quads = (n + 3) / 4;
  const auto* a = static_cast<const T*>(args.a.data);
  const auto* b = static_cast<const T*>(args.b.data);
  const auto* c = static_cast<const T*>(args.c.data);
  auto* out = static_cast<T*>(args.out.data);
  const std::int64_t m = args.m, k = args.k, step = args.a.col_stride;
  const std::int64_t c_step = args.c.col_stride, out_step = args.out.col_stride;
  Vector rows[kSmallGemm][quads];
  for (std::int64_t p = 0; p < k; ++p) {
    T row[quads * 4] = {};
    if (args.b.col_stride == 1) {
      for (int j = 0; j < n; ++j) row[j] = b[j];
    } else {
      for (int j = 0; j < n; ++j) row[j] = b[j * args.b.col_stride];
    }
    std::memcpy(rows[p], row, sizeof row);
    b += args.b.row_stride;
  }
  for (std::int64_t i = 0; i < m; ++i) {
    Vector sum[quads] = {};
    for (std::int64_t p = 0; p < k; ++p) {
      const T factor = a[p * step];
      for (int q = 0; q < quads; ++q) sum[q] += factor * rows[p][q];
    }
    for (int q = 0; q < quads; ++q) sum[q] *= alpha;
    T result[quads * 4];
    std::memcpy(result, sum, sizeof result);
    if (beta != T(0)) {
      for (int j = 0; j < n; ++j) result[j] += beta * c[j * c_step];
      c += args.c.row_stride;
    }
    if (out_step == 1) {
      for (int j = 0; j < n; ++j) out[j] = result[j];
    } else {
      for (int j = 0; j < n; ++j) out[j * out_step] = result[j];
    }
    a += args.a.row_stride;
    out += args.out.row_stride;
  }
}

template <class T>
GEMMULE_INLINE void choose(const GemmArgs& args, T alpha, T beta) {
  switch (args.n) {
    case 1:
      return multiply_vector<T>(args, alpha, beta);
    case 2:
      return multiply<T, 2>(args, alpha, beta);
    case 3:
      return multiply<T, 3>(args, alpha, beta);
    case 4:
      return multiply<T, 4>(args, alpha, beta);
    case 5:
      return multiply<T, 5>(args, alpha, beta);
    case 6:
      return multiply<T, 6>(args, alpha, beta);
    case 7:
      return multiply<T, 7>(args, alpha, beta);
    default:
      return multiply<T, 8>(args, alpha, beta);
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
