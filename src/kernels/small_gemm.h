// Products of matrices of a few rows and columns, which are done before a library has checked its arguments.
#pragma once

#include <cstdint>

#include "kernels/blas.h"

namespace gemmule::kernels {

// Rows, columns and inner dimension up to which small_gemm beats OpenBLAS 0.3.34.
inline constexpr std::int64_t kSmallGemm = 8;

inline bool is_small_gemm(const GemmArgs& args) {
  return args.m <= kSmallGemm && args.n <= kSmallGemm && args.k <= kSmallGemm;
}

// gemm for float and double: T is that of args.dtype, is_small_gemm(args), no size is 0. With beta = 0 C is not
// read; alpha = 0 multiplies by it.
template <class T>
void small_gemm(const GemmArgs& args, T alpha, T beta);

}  // namespace gemmule::kernels
