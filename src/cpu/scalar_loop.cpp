// Special functions of many arguments and loops over scalars.
#include "kernels/scalar_loop.h"

#include "cpu/step.h"
#include "kernels/hyp2f1.h"
#include "passes/pass.h"
#include "plan/elementwise_program.h"
#include "plan/specialise.h"

namespace gemmule::cpu {
namespace {

std::vector<ConstView> stretched_operands(const StepContext& context) {
  std::vector<ConstView> views;
  for (int i = 0; i < context.count(); ++i)
    views.push_back(context.stretched(i, context.results[0].shape));
  return views;
}

// PyTensor optimises what is around a loop, not its body: constants are folded here, and what is
// computed twice (casts of one counter) is computed once.
Graph simplified(const Graph& body) {
  std::vector<Type> types;
  for (const ValueId input : body.inputs) types.push_back(body.type(input));
  Graph graph = specialise_unfused(body, types, std::vector<const Tensor*>(types.size()));
  PassContext context;
  merge(graph, context);
  return graph;
}

// Which results of the node the program reads.
std::vector<bool> read_results(const StepContext& context) {
  std::vector<bool> read(context.graph.values.size(), false);
  for (const Node& node : context.graph.nodes) {
    for (const ValueId operand : node.inputs) read[operand] = true;
  }
  for (const ValueId output : context.graph.outputs) read[output] = true;
  std::vector<bool> results;
  for (const ValueId result : context.node.outputs) results.push_back(read[result]);
  return results;
}

}  // namespace

std::unique_ptr<Step> make_hyp2f1(const StepContext& context) {
  return step_of([kernel = kernels::Hyp2f1Kernel(stretched_operands(context), context.result())](
                     void* const* address) { kernel.run(address, address[4]); });
}

std::unique_ptr<Step> make_scalar_loop(const StepContext& context) {
  const Graph body = simplified(context.node.attributes.graph("body"));
  const bool until = context.node.attributes.flag("until");
  const int states = static_cast<int>(body.outputs.size()) - (until ? 1 : 0);
  std::vector<View> out;
  for (int i = 0; i < static_cast<int>(context.results.size()); ++i)
    out.push_back(context.result(i));
  return step_of([kernel = kernels::ScalarLoopKernel(
                      {body_program(context.node, body), states, until}, context.results[0].shape,
                      stretched_operands(context), out, read_results(context)),
                  operands = context.count()](void* const* address) {
    kernel.run(address, address + operands);
  });
}

}  // namespace gemmule::cpu
