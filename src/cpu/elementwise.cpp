// Elementwise and fused nodes, and reductions.
#include "kernels/elementwise.h"

#include <algorithm>

#include "cpu/step.h"
#include "kernels/reduce.h"
#include "plan/elementwise_program.h"

namespace gemmule::cpu {
namespace {

// The broadcast of all operands; ranks may differ only by 0-d ones.
Extents pass_extents(const StepContext& context) {
  Extents shape;
  for (const Layout& operand : context.operands) {
    if (operand.shape.size() > shape.size()) shape.resize(operand.shape.size(), 1);
    for (std::size_t axis = 0; axis < operand.shape.size(); ++axis) {
      if (operand.shape[axis] != 1) shape[axis] = operand.shape[axis];
    }
  }
  return shape;
}

std::unique_ptr<Step> reduction(const StepContext& context) {
  std::vector<int> axes = context.axes("axes", static_cast<int>(context.operands[0].shape.size()));
  std::sort(axes.begin(), axes.end());
  return step_of([kernel = kernels::ReduceKernel(context.node.op, context.dtype(), context.operand(0), axes,
                                                 context.result())](void* const* address) {
    kernel.run(address[0], address[1]);
  });
}

}  // namespace

std::unique_ptr<Step> make_elementwise(const StepContext& context) {
  const Extents shape = context.node.op == Op::fused || context.count() == 0 ? pass_extents(context)
                                                                             : context.results[0].shape;
  std::vector<ConstView> in;
  std::vector<View> out;
  for (int i = 0; i < context.count(); ++i) in.push_back(context.stretched(i, shape));
  for (int i = 0; i < static_cast<int>(context.results.size()); ++i) out.push_back(context.result(i));
  return step_of([kernel = kernels::ElementwiseKernel(elementwise_program(context.graph, context.node), shape, in, out),
                  operands = context.count()](void* const* address) { kernel.run(address, address + operands); });
}

std::unique_ptr<Step> make_fused(const StepContext& context) { return make_elementwise(context); }

std::unique_ptr<Step> make_reduce_sum(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_reduce_prod(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_reduce_max(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_reduce_min(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_reduce_any(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_reduce_all(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_argmax(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_argmin(const StepContext& context) { return reduction(context); }

}  // namespace gemmule::cpu
