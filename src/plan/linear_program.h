// A graph with known sizes as a list of instructions over one block of memory.
//
//   schedule    the nodes in an order that keeps what is alive at once small
//   views       transposes, slices, broadcasts and the like are other strides over the same memory
//   in place    a result takes the memory of an operand that nothing reads later
//   workspace   what is left gets offsets in one block; values that are not alive together share bytes
//
// All of it is decided here, before the first call: an executor only follows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "kernels/view.h"

namespace gemmule {

enum class Memory : std::uint8_t { input, output, constant, workspace };

struct Buffer {
  Memory memory = Memory::workspace;
  int index = kNone;       // which input or output, or the value of the constant
  std::size_t bytes = 0;   // of an input: what its shape holds; its strides may span more
  std::size_t offset = 0;  // in the workspace; a multiple of kAlignment from that many bytes up
  int first = 0, last = 0; // workspace: the instructions that write it first and touch it last
};

inline constexpr std::size_t kAlignment = 64;  // bytes: a line of the cache

// Where the elements of a value lie.
struct Layout {
  int buffer = kNone;
  std::int64_t offset = 0;  // bytes from the start of the buffer
  DType dtype = DType::f64;
  Extents shape;
  Extents strides;  // in elements, as those of a View

  std::int64_t count() const { return element_count(shape); }
  bool is_row_major() const;
};

struct Instruction {
  NodeId node = kNone;  // kNone: copies its operand to its result
  std::vector<Layout> operands;
  std::vector<Layout> results;
};

// An output that may be computed in the memory of an input: the program reads the input no more once
// it writes the output, or its kernel works in place. Kernels see equal addresses at run time.
struct TakeOver {
  int output = 0;
  int input = 0;
};

struct LinearProgram {
  Graph graph;
  std::vector<Buffer> buffers;
  std::vector<Instruction> instructions;
  std::vector<Layout> inputs;   // as the caller passes them
  std::vector<Layout> outputs;  // row-major, each the whole of its own buffer
  std::vector<TakeOver> take_overs;
  std::size_t workspace_bytes = 0;
  std::size_t live_bytes = 0;  // the largest sum of buffers that are alive at once: what no order of offsets goes below
};

struct PlanOptions {
  // Strides of each input in elements; empty: row-major.
  std::vector<Extents> input_strides;
  // Inputs that a call may overwrite.
  std::vector<int> donatable;
};

// All types of `graph` are static. Throws UnsupportedError for an op that no executor has at this stage.
LinearProgram plan(Graph graph, const PlanOptions& options = {});

// One line per instruction: "%7: f64[64] = gemv(...)  workspace+128, in place of %3".
std::string to_text(const LinearProgram& program);

// -- the parts, each in its own file --------------------------------------------------------------

// The order in which to run the nodes.
std::vector<NodeId> schedule(const Graph& graph);

// Whether the op only looks at its first operand in another way.
bool is_view(Op op);

// The layout of the result of a view; nothing where it cannot be had without moving elements (a reshape
// of what is not contiguous).
std::optional<Layout> view_layout(const Graph& graph, const Node& node, const Layout& operand);

// Cuts a layout to the slice that `operands` (from `first` on: start, stop, step per axis of `axes`) name.
// Throws UnsupportedError for bounds that are not constant.
void slice_layout(Layout& layout, const Graph& graph, const Integers& axes, const std::vector<ValueId>& operands,
                  std::size_t first);

// The operand whose memory a result of the node may take, or kNone: the addend of gemm, the matrix of cholesky, the
// buffer of a loop's state. Elementwise and fused nodes may take any operand of the same layout.
int overwritable_operand(const Node& node, int result);

// Sets the offsets of workspace buffers; returns the bytes of the whole.
std::size_t assign_offsets(std::vector<Buffer>& buffers);

}  // namespace gemmule
