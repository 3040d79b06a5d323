#include "kernels/small_gemm.h"

#include <array>
#include <utility>

#include "kernels/function_clones.h"

namespace gemmule::kernels {
namespace {

// B's rows lie `ld` elements apart, each contiguous. The number of columns is known to the compiler.
template <class T, int n>
GEMMULE_INLINE void multiply(const GemmArgs& args, T alpha, T beta, const T* b, std::int64_t ld) {
  const auto* a = static_cast<const T*>(args.a.data);
  const auto* c = static_cast<const T*>(args.c.data);
  auto* out = static_cast<T*>(args.out.data);
  const bool contiguous = args.out.col_stride == 1 && (beta == T(0) || args.c.col_stride == 1);
  for (std::int64_t i = 0; i < args.m; ++i, a += args.a.row_stride, out += args.out.row_stride) {
    std::array<T, n> sum{};
    for (std::int64_t p = 0; p < args.k; ++p) {
      const T factor = a[p * args.a.col_stride];
      for (int j = 0; j < n; ++j) sum[j] += factor * b[p * ld + j];
    }
    for (int j = 0; j < n; ++j) sum[j] *= alpha;
    if (beta != T(0)) {
      const T* const addend = c + i * args.c.row_stride;
      if (contiguous) {
        for (int j = 0; j < n; ++j) sum[j] += beta * addend[j];
      } else {
        for (int j = 0; j < n; ++j) sum[j] += beta * addend[j * args.c.col_stride];
      }
    }
    if (contiguous) {
      for (int j = 0; j < n; ++j) out[j] = sum[j];
    } else {
      for (int j = 0; j < n; ++j) out[j * args.out.col_stride] = sum[j];
    }
  }
}

template <class T, int... n>
GEMMULE_INLINE void choose(const GemmArgs& args, T alpha, T beta, std::integer_sequence<int, n...>) {
  const auto* b = static_cast<const T*>(args.b.data);
  std::int64_t ld = args.b.row_stride;
  std::array<T, kSmallGemm * kSmallGemm> packed;
  if (args.b.col_stride != 1) {
    for (std::int64_t p = 0; p < args.k; ++p) {
      for (std::int64_t j = 0; j < args.n; ++j) packed[p * args.n + j] = b[p * ld + j * args.b.col_stride];
    }
    b = packed.data();
    ld = args.n;
  }
  static_cast<void>(((args.n == n + 1 && (multiply<T, n + 1>(args, alpha, beta, b, ld), true)) || ...));
}

using Columns = std::make_integer_sequence<int, kSmallGemm>;

}  // namespace

// Clones cannot be templates.
GEMMULE_CLONES void small_gemm_f64(const GemmArgs& args, double alpha, double beta) { choose(args, alpha, beta, Columns()); }
GEMMULE_CLONES void small_gemm_f32(const GemmArgs& args, float alpha, float beta) { choose(args, alpha, beta, Columns()); }

template <>
void small_gemm(const GemmArgs& args, double alpha, double beta) {
  small_gemm_f64(args, alpha, beta);
}
template <>
void small_gemm(const GemmArgs& args, float alpha, float beta) {
  small_gemm_f32(args, alpha, beta);
}

}  // namespace gemmule::kernels
