// BLAS over mx::array on every device, lazy like MLX's own ops.
//
// On CPU streams Gemmule's primitives run; on a GPU MLX's kernels do (addmm where alpha and beta
// are known numbers), except for float64, integers and bool, which MLX's GPU products lack: they
// run on the calling thread's default CPU stream.
//
// Common to all functions:
//   One dtype for all arrays: float16, float32, float64, complex64; matmul, matvec and dot take
//   integers and bool, too (without alpha). DTypeError (Python: TypeError) otherwise, also for
//   bfloat16. Scales are numbers or arrays of one element, of any real or complex dtype: they are
//   cast to that of the arrays. beta = 0 does not read the addend, also when beta is only known at
//   run time. Without an inner dimension the result is beta*C, or zeros. Sizes that do not fit:
//   ShapeError (Python: ValueError), "[gemm] A is f64[3,4], B is f64[5,6]: inner dimensions 4 and 5
//   differ".
#pragma once

#include <optional>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace gemmule {

namespace mx = mlx::core;

// alpha or beta: an array of one element, with its value when that is known on the host now.
struct Scale {
  std::optional<double> known;
  std::optional<mx::array> array;

  Scale(double value) : known(value) {}
  Scale(mx::array value, std::optional<double> known_value = std::nullopt)
      : known(known_value), array(std::move(value)) {}

  bool is(double value) const { return known && *known == value; }
  // 0-d, of dtype `dtype`.
  mx::array as(mx::Dtype dtype, mx::Stream stream) const;
};

// alpha * op(A) @ op(B) + beta * C for A[..., m, k], B[..., k, n] of equal leading dims.
//
// C and the product broadcast to each other as NumPy's rule says. (BLAS gemm)
struct GemmOperands {
  Scale alpha = 1.0;
  mx::array a, b;
  Scale beta = 1.0;
  mx::array c;
  bool trans_a = false, trans_b = false;
};
mx::array gemm(GemmOperands x, mx::StreamOrDevice s = {});

// alpha * op(A) @ op(B) for A[..., m, k], B[..., k, n] of equal leading dims.
struct MatmulOperands {
  mx::array a, b;
  Scale alpha = 1.0;
  bool trans_a = false, trans_b = false;
};
mx::array matmul(MatmulOperands x, mx::StreamOrDevice s = {});

// alpha * op(A) @ x + beta * y for A[m, k], x[k], y[m] or y[1]. (BLAS gemv)
struct GemvOperands {
  Scale alpha = 1.0;
  mx::array a, x;
  Scale beta = 1.0;
  mx::array y;
  bool trans_a = false;
};
mx::array gemv(GemvOperands x, mx::StreamOrDevice s = {});

// alpha * op(A) @ x for A[m, k], x[k].
struct MatvecOperands {
  mx::array a, x;
  Scale alpha = 1.0;
  bool trans_a = false;
};
mx::array matvec(MatvecOperands x, mx::StreamOrDevice s = {});

// A + alpha * outer(x, y) for x[m], y[n], A[m, n]. (BLAS geru)
struct GerOperands {
  Scale alpha = 1.0;
  mx::array x, y;
  mx::array a;
};
mx::array ger(GerOperands x, mx::StreamOrDevice s = {});

// alpha * outer(x, y) for x[m], y[n]; inexact dtypes.
struct OuterOperands {
  mx::array x, y;
  Scale alpha = 1.0;
};
mx::array outer(OuterOperands x, mx::StreamOrDevice s = {});

// sum(x * y) for x[k], y[k]; nothing is conjugated. (BLAS dot, dotu)
mx::array dot(mx::array x, mx::array y, mx::StreamOrDevice s = {});

// How MLX runs on CUDA, which it reads from the environment at its first kernel. What the
// environment has stays. Called before the first program for a GPU is made.
//
// float32 products are computed at full precision: MLX_ENABLE_TF32=0, where MLX's default is TF32
// (10 bits of mantissa). With GEMMULE_TF32=1 that stays.
//
// Kernels are launched one by one: MLX_USE_CUDA_GRAPHS=0. MLX's default collects them in a graph,
// which is made anew for each evaluation and launched at its end, so that the GPU waits meanwhile.
void configure_cuda();

}  // namespace gemmule
