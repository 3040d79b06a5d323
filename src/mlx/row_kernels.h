// Kernels for CUDA that compute chains of elementwise ops and the sums over their rows in one pass.
//
// mx::compile fuses elementwise ops with one result, and nothing into reductions, updates of slices
// or joins; on a GPU each kernel more is several microseconds. Here nodes over the same elements
// become one kernel: a block of threads per row, which reads every operand once, writes what others
// need and accumulates sums, in float64. The elementwise ops are those of MLX's own headers, as
// mx::compile writes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mlx/lower.h"

namespace gemmule {

struct RowKernel {
  std::vector<NodeId> nodes;     // in the graph's order
  std::vector<ValueId> inputs;   // in0, in1 ... of the source
  std::vector<ValueId> outputs;  // out0, out1 ...
  std::vector<bool>
      is_reduced;  // per output: a result per row and part of it, which are to be joined
  std::string source;
  std::int64_t rows = 1, columns = 1, parts = 1;  // blocks share a row where there are few rows
  int threads = 32;
};

// The kernels for a graph of static types, disjoint in their nodes. No two wait for each other.
// `stream` is where MLX's ops are written down; nothing is computed there.
std::vector<RowKernel> row_kernels(const Graph& graph, mx::Stream stream);

// One array per output. CUDA only.
std::vector<mx::array> run_row_kernel(const RowKernel& kernel, const Graph& graph,
                                      const std::vector<mx::array>& inputs, mx::Stream stream);

}  // namespace gemmule
