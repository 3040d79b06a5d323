// Lowering: one function per op of ops.def, from a node with known sizes to MLX arrays.
#pragma once

#include <memory>
#include <vector>

#include "ir/graph.h"
#include "mlx/array.h"
#include "mlx/device.h"
#include "mlx/run_status.h"
#include "mlx/stream.h"

namespace gemmule {

namespace mx = mlx::core;

class ElementwiseChain;
struct HostProgram;

// What the lowering of one node knows. Operands are the arrays of node.inputs, in that order; every
// type of the graph is static. An array of dtype c128, which MLX lacks, is an f64 array with one more
// axis of size 2 at the end (real, imaginary).
struct LowerContext {
  const Graph& graph;
  const Node& node;
  std::vector<mx::array> operands;  // owned by the call: an operand used last here may be donated
  mx::Stream stream;                // where the node runs
  bool on_cpu;                      // the stream is a CPU's: Gemmule's primitives over src/kernels serve
  // Where host primitives leave errors that only run-time values show; MlxProgram makes one and, once
  // the results are evaluated, Executable calls rethrow(). Null: such an error ends the process.
  std::shared_ptr<RunStatus> status = nullptr;
  // Per operand, or empty: the array is an input of the program in the caller's memory, which may be
  // overwritten once nobody else holds it.
  std::vector<bool> given_away = {};
  // The node as elementwise_chain makes it, from an earlier call. Null: it is made.
  std::shared_ptr<const ElementwiseChain> chain = nullptr;
  // The same of a node that runs on the host only, as host_program makes it.
  std::shared_ptr<const HostProgram> host = nullptr;

  const Type& operand_type(int i) const { return graph.type(node.inputs[i]); }
  const Type& result_type(int i = 0) const { return graph.type(node.outputs[i]); }
};

using Lowered = std::vector<mx::array>;  // one array per result

#define ELEMENTWISE(name, arity, result, properties)
#define OP(name, arity, outputs, kernel, properties) Lowered lower_##name(LowerContext& context);
#define HOST(name, arity, outputs, kernel, properties)
#include "ir/ops.def"

// Whether the op has a kernel of the native executor only.
bool runs_on_host_only(Op op);

// What runs such a node. Throws UnsupportedError for what has no kernel.
std::shared_ptr<const HostProgram> host_program(const Graph& graph, const Node& node);

// Whether the node draws from a generator, which is computed at once and never traced.
bool draws(const Node& node);

// A node that runs on the host only: the native executor's step on the stream of a CPU.
Lowered lower_on_host(LowerContext& context);

// What runs an elementwise or fused node on the CPU; operands are not read. Throws UnsupportedError
// where an op has no meaning for its dtypes.
std::shared_ptr<const ElementwiseChain> elementwise_chain(const LowerContext& context);

// Any elementwise node: the primitive `Elementwise` on the CPU, mlx::core ops elsewhere.
Lowered lower_elementwise(LowerContext& context);

// Dispatches on node.op. Throws InternalError when a result has another shape or dtype than the node
// declares.
Lowered lower(LowerContext& context);

// The elementwise op `op` in terms of mlx::core ops, for devices other than the CPU. `dtype` is that
// of the result. Throws UnsupportedError for what MLX lacks: such nodes run on a CPU stream.
mx::array lower_scalar_function(Op op, const std::vector<mx::array>& operands, DType dtype, mx::Stream stream);

// Whether lower_scalar_function has `op` with operands of dtype `operand` (of `where`: its second).
bool has_mlx_function(Op op, DType operand = DType::f32);

// Whether the node is a gather or scatter of integers by run-time indices: an index out of bounds has no
// way to show on a GPU (in floats it becomes NaN), so such nodes run on a CPU stream.
bool checks_indices_on_host(const Graph& graph, const Node& node);

// Whether the node can run on a GPU stream: dtypes that GPUs have (no f64, c128), and ops for which MLX
// has GPU kernels.
bool runs_on_gpu(const Graph& graph, const Node& node);

// An evaluated array without elements: no kernel runs for it, on any device.
mx::array without_elements(mx::Shape shape, mx::Dtype dtype);

mx::Dtype to_mlx(DType dtype);  // c128 -> float64 (see LowerContext)
DType from_mlx(mx::Dtype dtype);  // throws DTypeError for bfloat16
mx::Shape to_mlx_shape(const Type& type);

}  // namespace gemmule
