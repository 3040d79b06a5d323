#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "kernels/blas.h"
#include "kernels/strided_matrix.h"

namespace gemmule::kernels {
namespace {

struct BatchStrides {
  std::int64_t a, b, c, out;
};

// The innermost batch dimension as rows of one product: B is the same for all, and the rows of A, C
// and out go on from one matrix to the next.
bool batch_extends_rows(const GemmArgs& g, bool reads_c, const BatchStrides& s) {
  return s.b == 0 && s.a == g.m * g.a.row_stride && s.out == g.m * g.out.row_stride &&
         (!reads_c || s.c == g.m * g.c.row_stride);
}
bool batch_extends_columns(const GemmArgs& g, bool reads_c, const BatchStrides& s) {
  return s.a == 0 && s.b == g.n * g.b.col_stride && s.out == g.n * g.out.col_stride &&
         (!reads_c || s.c == g.n * g.c.col_stride);
}

// A single row or column has no stride of its own: gives it that of the batch, so that the batch
// may extend it.
void stretch_single_row(GemmArgs& g, const BatchStrides& s) {
  if (g.m != 1) return;
  g.a.row_stride = s.a;
  g.c.row_stride = s.c;
  g.out.row_stride = s.out;
}
void stretch_single_column(GemmArgs& g, const BatchStrides& s) {
  if (g.n != 1) return;
  g.b.col_stride = s.b;
  g.c.col_stride = s.c;
  g.out.col_stride = s.out;
}

// Runs the products below batch dimension `axis`, with `args.matrix` at index 0 of them.
void run(BatchedGemmArgs& args, bool reads_c, std::size_t axis) {
  if (axis == args.batch_shape.size()) return gemm(args.matrix);
  const GemmArgs first = args.matrix;
  GemmArgs& g = args.matrix;
  const std::int64_t size = args.batch_shape[axis];
  const BatchStrides strides{args.a_batch_strides[axis], args.b_batch_strides[axis],
                             reads_c ? args.c_batch_strides[axis] : 0,
                             args.out_batch_strides[axis]};
  if (axis + 1 == args.batch_shape.size() && size > 0 &&
      size <= kBlasIntMax / std::max<std::int64_t>(1, std::max(g.m, g.n))) {
    stretch_single_row(g, strides);
    if (batch_extends_rows(g, reads_c, strides)) {
      g.m *= size;
      gemm(g);
      g = first;
      return;
    }
    g = first;
    stretch_single_column(g, strides);
    if (batch_extends_columns(g, reads_c, strides)) {
      g.n *= size;
      gemm(g);
      g = first;
      return;
    }
    g = first;
  }
  const auto bytes = static_cast<std::int64_t>(size_of(g.dtype));
  const auto at = [bytes](const void* data, std::int64_t offset) -> const void* {
    return data ? static_cast<const std::byte*>(data) + offset * bytes : nullptr;
  };
  for (std::int64_t i = 0; i < size; ++i) {
    g.a.data = at(first.a.data, i * strides.a);
    g.b.data = at(first.b.data, i * strides.b);
    g.c.data = at(first.c.data, i * strides.c);
    g.out.data = static_cast<std::byte*>(first.out.data) + i * strides.out * bytes;
    run(args, reads_c, axis + 1);
  }
  g = first;
}

bool is_zero(DType dtype, const void* scalar) {
  return !scalar || visit_dtype(dtype, [scalar](auto zero) {
    using T = decltype(zero);
    const T value = *static_cast<const T*>(scalar);
    return convert<ComputeType<T>>(value) == ComputeType<T>(0);
  });
}

}  // namespace

void batched_gemm(const BatchedGemmArgs& args) {
  const std::size_t rank = args.batch_shape.size();
  const bool reads_c = !is_zero(args.matrix.dtype, args.matrix.beta);
  if (args.a_batch_strides.size() != rank || args.b_batch_strides.size() != rank ||
      args.out_batch_strides.size() != rank || (reads_c && args.c_batch_strides.size() != rank)) {
    throw std::invalid_argument(
        "[batched_gemm] every operand needs one batch stride per batch dimension (" +
        std::to_string(rank) + ").");
  }
  if (args.matrix.m == 0 || args.matrix.n == 0) return;
  BatchedGemmArgs walk = args;
  run(walk, reads_c, 0);
}

}  // namespace gemmule::kernels
