// Inference: special functions of many arguments and loops over scalars.
#include "ir/infer_rules.h"

namespace gemmule {
namespace {

std::vector<int> operands_from(const InferContext& context, int first) {
  std::vector<int> operands;
  for (int i = first; i < context.count(); ++i) operands.push_back(i);
  return operands;
}

std::string name_of(DType dtype) { return std::string(name(dtype)); }

// Elementwise ops and constants on 0-d values.
void need_scalar_body(const InferContext& context, const Graph& body) {
  for (const Node& node : body.nodes) {
    if (node.op != Op::constant && !info(node.op).elementwise()) {
      throw UserError(message(context, "the body has " + std::string(info(node.op).name) +
                                           ", it may have elementwise ops and constants only"));
    }
  }
  for (const Value& value : body.values) {
    if (value.type.rank() != 0)
      fail_shape(context, "the body has " + to_text(value.type, &body) + ", all must be 0-d");
  }
}

}  // namespace

Types infer_hyp2f1(InferContext& context) {
  need_same_dtype(context);
  const DType dtype = context.type(0).dtype;
  if (kind(dtype) != DTypeKind::floating)
    fail_dtype(context, "operands are " + name_of(dtype) + ", they must be floats");
  return {{dtype, broadcast(context, operands_from(context, 0))}};
}

Types infer_scalar_loop(InferContext& context) {
  if (context.attributes.find("body") == nullptr)
    throw UserError(message(context, "has no attribute body"));
  const Graph& body = context.attributes.graph("body");
  const bool until = context.attributes.flag("until");
  const int inputs = static_cast<int>(body.inputs.size()),
            outputs = static_cast<int>(body.outputs.size());
  const int states = outputs - (until ? 1 : 0);
  need_scalar_body(context, body);
  if (states < 1 || states > inputs) {
    throw UserError(message(context, "the body has " + std::to_string(inputs) + " inputs and " +
                                         std::to_string(outputs) +
                                         " outputs: it needs a state, and an input for each"));
  }
  need_operands(context, inputs + 1, inputs + 1);
  if (context.type(0).dtype != DType::i64)
    fail_dtype(context, describe(context, 0, "n") + ", it must be i64");
  for (int i = 0; i < inputs; ++i) {
    const DType expected = body.type(body.inputs[i]).dtype;
    if (context.type(i + 1).dtype != expected) {
      fail_dtype(context, describe(context, i + 1, "operand " + std::to_string(i + 1)) +
                              ", the body expects " + name_of(expected));
    }
  }
  for (int i = 0; i < states; ++i) {
    const DType before = body.type(body.inputs[i]).dtype, after = body.type(body.outputs[i]).dtype;
    if (before != after) {
      fail_dtype(context, "state " + std::to_string(i) + " is " + name_of(before) +
                              " and becomes " + name_of(after));
    }
  }
  if (until && body.type(body.outputs.back()).dtype != DType::bool_) {
    fail_dtype(context, "the condition is " + name_of(body.type(body.outputs.back()).dtype) +
                            ", it must be bool");
  }
  const Shape shape = broadcast(context, operands_from(context, 0));
  Types types;
  for (const ValueId output : body.outputs) types.push_back({body.type(output).dtype, shape});
  return types;
}

}  // namespace gemmule
