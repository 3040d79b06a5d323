// Elementwise nodes and fused chains of them.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "ir/error.h"
#include "kernels/elementwise_loops.h"
#include "mlx/host_primitives.h"
#include "mlx/lower_helpers.h"
#include "mlx/ops.h"

namespace gemmule {
namespace {

using kernels::ElementwiseProgram;

// -- on the CPU: one pass over the elements -------------------------------------------------------

// The dtype that decides which loop runs: that of the last operand, as `where` begins with a bool.
void need_loop(const LowerContext& context, Op op, DType operand, DType result) {
  const bool exists = op == Op::cast ? kernels::cast_loop(operand, result) != nullptr
                                     : kernels::loop(op, operand) != nullptr;
  if (exists) return;
  throw UnsupportedError(message(
      context,
      std::string(info(op).name) + " of " + std::string(numpy_name(operand)) + " has no meaning"));
}

ElementwiseProgram one_instruction(const LowerContext& context) {
  ElementwiseProgram program;
  kernels::ElementwiseInstruction instruction{context.node.op};
  for (int i = 0; i < static_cast<int>(context.node.inputs.size()); ++i) {
    program.registers.push_back(context.operand_type(i).dtype);
    instruction.in[i] = i;
  }
  program.n_inputs = static_cast<int>(program.registers.size());
  instruction.out = program.n_inputs;
  need_loop(context, context.node.op, program.registers.back(), context.result_type().dtype);
  program.registers.push_back(context.result_type().dtype);
  program.code = {instruction};
  program.outputs = {instruction.out};
  return program;
}

ElementwiseProgram program_of(const LowerContext& context, const Graph& body) {
  ElementwiseProgram program;
  program.n_inputs = static_cast<int>(body.inputs.size());
  std::vector<int> register_of(body.values.size(), kNone);
  const auto assign = [&](ValueId value) {
    register_of[value] = static_cast<int>(program.registers.size());
    program.registers.push_back(body.type(value).dtype);
  };
  for (const ValueId input : body.inputs) assign(input);
  for (const Node& node : body.nodes) {
    assign(node.outputs[0]);
    const int out = register_of[node.outputs[0]];
    if (node.op == Op::constant) {
      const Tensor& value = node.attributes.tensor("value");
      kernels::ElementwiseConstant constant{out};
      std::memcpy(constant.bits.data(), value.data.get(), value.bytes());
      program.constants.push_back(constant);
      continue;
    }
    kernels::ElementwiseInstruction instruction{node.op};
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      instruction.in[i] = register_of[node.inputs[i]];
    instruction.out = out;
    need_loop(context, node.op, body.type(node.inputs.back()).dtype, program.registers[out]);
    program.code.push_back(instruction);
  }
  for (const ValueId output : body.outputs) program.outputs.push_back(register_of[output]);
  return program;
}

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
  return std::make_shared<const ElementwiseChain>(
      context.node.op == Op::fused ? program_of(context, context.node.attributes.graph("body"))
                                   : one_instruction(context));
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
