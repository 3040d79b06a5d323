// Products of strided host memory: BLAS with NumPy's freedom of strides and dtypes.
//
// Common to all functions:
//   Sizes >= 0. Strides count elements, have any sign, and may be 0 on inputs; `data` points at the
//   element with all indices 0 and is aligned for its dtype. Data of an operand without elements,
//   or that is not read, may be null. Operands that BLAS cannot take as they are (no unit stride,
//   negative or zero strides) are packed into scratch memory; everything else runs without a copy.
//   One dtype for all operands. "inexact" stands for f16, f32, f64, c64, c128; f16 is computed in
//   f32 and rounded once. Nothing is conjugated. `alpha` and `beta` point at one element of that
//   dtype; null means alpha = 1 and beta = 0.
//     beta = 0    the addend is not read: it may be uninitialised or NaN
//     alpha = 0   A and B (A and x; x and y) are not read
//     k = 0       the result is beta*addend
//   `out` may have any strides under which its elements are distinct. It overlaps no input, except
//   that the addend may be exactly `out` (same data and strides): then the product works in place.
//   Re-entrant: threads may call at once, with different outputs.
//   Throws std::length_error for sizes beyond the BLAS library's 32-bit integers, std::bad_alloc.
#pragma once

#include <cstdint>
#include <span>

#include "ir/dtype.h"

namespace gemmule::kernels {

struct MatrixRef {
  const void* data = nullptr;
  std::int64_t row_stride = 0;
  std::int64_t col_stride = 0;
};

struct MutableMatrixRef {
  void* data = nullptr;
  std::int64_t row_stride = 0;
  std::int64_t col_stride = 0;

  operator MatrixRef() const { return {data, row_stride, col_stride}; }
};

struct VectorRef {
  const void* data = nullptr;
  std::int64_t stride = 0;
};

struct MutableVectorRef {
  void* data = nullptr;
  std::int64_t stride = 0;

  operator VectorRef() const { return {data, stride}; }
};

inline MatrixRef transposed(const MatrixRef& a) { return {a.data, a.col_stride, a.row_stride}; }
inline MutableMatrixRef transposed(const MutableMatrixRef& a) {
  return {a.data, a.col_stride, a.row_stride};
}

// out[m,n] = alpha * A[m,k] @ B[k,n] + beta * C[m,n]
//
// Integer and bool dtypes: alpha must be 1 and beta 0 (std::invalid_argument otherwise), and the
// result is integer_matmul's.
struct GemmArgs {
  DType dtype = DType::f64;
  std::int64_t m = 0, n = 0, k = 0;
  const void* alpha = nullptr;
  MatrixRef a = {}, b = {};
  const void* beta = nullptr;
  MatrixRef c = {};
  MutableMatrixRef out = {};
};
void gemm(const GemmArgs& args);

// out[i...] = alpha * A[i...] @ B[i...] + beta * C[i...] for every index i... below `batch_shape`.
//
// `matrix` describes the product at index 0. The four stride lists have one stride per batch
// dimension (0 broadcasts an input); `c_batch_strides` may be empty when beta is 0. Batch
// dimensions over which one factor is broadcast and the rest is contiguous become rows or columns
// of a larger product. Throws std::invalid_argument when the lists differ in length, and what gemm
// throws.
struct BatchedGemmArgs {
  GemmArgs matrix;
  std::span<const std::int64_t> batch_shape = {};
  std::span<const std::int64_t> a_batch_strides = {};
  std::span<const std::int64_t> b_batch_strides = {};
  std::span<const std::int64_t> c_batch_strides = {};
  std::span<const std::int64_t> out_batch_strides = {};
};
void batched_gemm(const BatchedGemmArgs& args);

// out[m] = alpha * A[m,n] @ x[n] + beta * y[m]
//
// Integer and bool dtypes as in gemm.
struct GemvArgs {
  DType dtype = DType::f64;
  std::int64_t m = 0, n = 0;
  const void* alpha = nullptr;
  MatrixRef a = {};
  VectorRef x = {};
  const void* beta = nullptr;
  VectorRef y = {};
  MutableVectorRef out = {};
};
void gemv(const GemvArgs& args);

// out[m,n] = A[m,n] + alpha * x[m] y[n]^T, dtypes inexact.
//
// A without data means alpha * x y^T. A may be exactly `out`. With alpha = 0 the result is A.
// Throws std::invalid_argument for other dtypes.
struct GerArgs {
  DType dtype = DType::f64;
  std::int64_t m = 0, n = 0;
  const void* alpha = nullptr;
  VectorRef x = {}, y = {};
  MatrixRef a = {};
  MutableMatrixRef out = {};
};
void ger(const GerArgs& args);

// *out = sum_i x[i] y[i], every dtype; 0 (false) for n = 0. `out` is one element of the dtype.
//
// f32 is summed as the BLAS library does. Integers wrap around, bool is OR of ANDs.
struct DotArgs {
  DType dtype = DType::f64;
  std::int64_t n = 0;
  VectorRef x = {}, y = {};
  void* out = nullptr;
};
void dot(const DotArgs& args);

// out[m,n] = A[m,k] @ B[k,n], integers and bool.
//
// Exact in the ring of the dtype: products and sums wrap around in its own width, as NumPy's do,
// and i64 is exact beyond 2^53. bool: out[i,j] = OR_p (A[i,p] AND B[p,j]). Throws
// std::invalid_argument for inexact dtypes.
struct IntegerMatmulArgs {
  DType dtype = DType::i64;
  std::int64_t m = 0, n = 0, k = 0;
  MatrixRef a = {}, b = {};
  MutableMatrixRef out = {};
};
void integer_matmul(const IntegerMatmulArgs& args);

// How many threads the BLAS library may use for one large product, for the whole process. The
// library's default is one per core; small products stay on the calling thread in any case (see
// blas_threads.h).
// Accelerate decides by itself and ignores this. Throws std::invalid_argument unless count >= 1.
void set_blas_threads(int count);
int blas_threads();

}  // namespace gemmule::kernels
