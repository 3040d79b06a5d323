#include "cpu/step.h"

#include <algorithm>
#include <stdexcept>

#include "ir/error.h"
#include "kernels/movement.h"

namespace gemmule::cpu {
namespace {

using Make = std::unique_ptr<Step> (*)(const StepContext&);

// By Op, from ops.def.
constexpr Make kMake[] = {
#define ELEMENTWISE(name, arity, result, properties) make_elementwise,
#define OP(name, arity, outputs, kernel, properties) make_##name,
#include "ir/ops.def"
};

ConstView view_of(const Layout& layout) { return {nullptr, layout.dtype, layout.shape, layout.strides}; }

std::unique_ptr<Step> copy_step(const Layout& from, const Layout& to) {
  const View out{nullptr, to.dtype, to.shape, to.strides};
  return step_of([kernel = kernels::CopyKernel(view_of(from), out)](void* const* address) {
    if (address[0] != address[1]) kernel.run(address[0], address[1]);
  });
}

std::unique_ptr<Step> view_that_copies(const StepContext& context) {
  // Elements in the order of the operand's axes: reshape alone cannot always be a view.
  Layout to = context.results[0];
  to.shape = context.operands[0].shape;
  to.strides = row_major_strides(to.shape);
  return copy_step(context.operands[0], to);
}

[[noreturn]] void not_an_instruction(const StepContext& context) {
  throw InternalError(context.message("is no instruction"));
}

}  // namespace

ConstView StepContext::operand(int i) const { return view_of(operands[i]); }

View StepContext::result(int i) const {
  const Layout& layout = results[i];
  return {nullptr, layout.dtype, layout.shape, layout.strides};
}

ConstView StepContext::stretched(int i, const Extents& shape) const {
  ConstView view = operand(i);
  const Extents from = view.shape, strides = view.strides;
  view.shape = shape;
  view.strides.assign(shape.size(), 0);
  const std::size_t shift = shape.size() - from.size();
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    if (from[axis] == shape[axis + shift]) view.strides[axis + shift] = strides[axis];
  }
  return view;
}

int StepContext::axis(int rank) const {
  const std::int64_t axis = node.attributes.integer("axis");
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<int> StepContext::axes(std::string_view attribute, int rank) const {
  std::vector<int> axes;
  for (const std::int64_t axis : node.attributes.integers(attribute)) {
    axes.push_back(static_cast<int>(axis < 0 ? axis + rank : axis));
  }
  return axes;
}

std::string StepContext::message(const std::string& what) const {
  return "[" + std::string(info(node.op).name) + "] " + what +
         (node.origin.empty() ? "" : " (node \"" + node.origin + "\")");
}

std::unique_ptr<Step> make_step(const LinearProgram& program, const Instruction& instruction) {
  if (instruction.node == kNone) return copy_step(instruction.operands[0], instruction.results[0]);
  const Node& node = program.graph.nodes[instruction.node];
  const StepContext context{program.graph, node, instruction.operands, instruction.results};
  try {
    return kMake[static_cast<std::size_t>(node.op)](context);
  } catch (const std::invalid_argument& error) {  // a kernel has no loops for these dtypes
    throw UnsupportedError(error.what());
  }
}

std::unique_ptr<Step> make_copy(const StepContext& context) {
  return copy_step(context.operands[0], context.results[0]);
}

std::unique_ptr<Step> make_reshape(const StepContext& context) { return view_that_copies(context); }
std::unique_ptr<Step> make_expand_dims(const StepContext& context) { return view_that_copies(context); }
std::unique_ptr<Step> make_squeeze(const StepContext& context) { return view_that_copies(context); }

// Views and constants have layouts only, `dim` is folded, flat sums live between two passes.
std::unique_ptr<Step> make_transpose(const StepContext& context) { not_an_instruction(context); }
std::unique_ptr<Step> make_broadcast_to(const StepContext& context) { not_an_instruction(context); }
std::unique_ptr<Step> make_slice(const StepContext& context) { not_an_instruction(context); }
std::unique_ptr<Step> make_diagonal(const StepContext& context) { not_an_instruction(context); }
std::unique_ptr<Step> make_constant(const StepContext& context) { not_an_instruction(context); }
std::unique_ptr<Step> make_dim(const StepContext& context) { not_an_instruction(context); }
std::unique_ptr<Step> make_scaled_sum(const StepContext& context) { not_an_instruction(context); }

}  // namespace gemmule::cpu
