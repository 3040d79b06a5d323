// Elementwise nodes and fused chains of them.
#include <memory>
#include <string>

#include "ir/error.h"
#include "mlx/host_primitives.h"
#include "mlx/lower_helpers.h"
#include "mlx/ops.h"
#include "plan/elementwise_program.h"

namespace gemmule {
namespace {

// -- elsewhere: MLX's ops, which mx::compile fuses ------------------------------------------------

Lowered lower_body(LowerContext& context, const Graph& body) {
  std::vector<std::optional<mx::array>> values(body.values.size());
  for (std::size_t i = 0; i < body.inputs.size(); ++i) values[body.inputs[i]] = context.operands[i];
  for (const Node& node : body.nodes) {
    std::vector<mx::array> operands;
    for (const ValueId input : node.inputs) operands.push_back(*values[input]);
    LowerContext inner{body, node, std::move(operands), context.stream, context.on_cpu};
    values[node.outputs[0]] =
        node.op == Op::constant ? lower_constant(inner)[0] : lower_elementwise(inner)[0];
  }
  Lowered results;
  for (const ValueId output : body.outputs) {
    // A result that depends on some of the operands only has the shape of those.
    results.push_back(
        mx::broadcast_to(*values[output], to_mlx_shape(context.result_type()), context.stream));
  }
  return results;
}

Lowered lower_chain(LowerContext& context) {
  return lower_to<Elementwise>(context, context.chain ? context.chain : elementwise_chain(context));
}

}  // namespace

std::shared_ptr<const ElementwiseChain> elementwise_chain(const LowerContext& context) {
  return std::make_shared<const ElementwiseChain>(elementwise_program(context.graph, context.node));
}

Lowered lower_elementwise(LowerContext& context) {
  if (!context.on_cpu) {
    return {lower_scalar_function(context.node.op, context.operands, context.result_type().dtype,
                                  context.stream)};
  }
  return lower_chain(context);
}

Lowered lower_fused(LowerContext& context) {
  const Graph& body = context.node.attributes.graph("body");
  if (!context.on_cpu) return lower_body(context, body);
  return lower_chain(context);
}

Lowered lower_row_blocks(LowerContext& context) {
  throw InternalError(message(context, "is made for the native executor only"));
}

Lowered lower_scaled_sum(LowerContext& context) {
  throw InternalError(message(context, "lives between the passes flatten and expand only"));
}

}  // namespace gemmule
