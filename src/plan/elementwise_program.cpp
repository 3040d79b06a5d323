#include "plan/elementwise_program.h"

#include <cstring>

#include "ir/error.h"
#include "ir/fused.h"
#include "kernels/elementwise_loops.h"

namespace gemmule {
namespace {

using kernels::ElementwiseProgram;

// The dtype that decides which loop runs: that of the last operand, as `where` begins with a bool.
void need_loop(const Node& user, Op op, DType operand, DType result) {
  const bool exists = op == Op::cast ? kernels::cast_loop(operand, result) != nullptr
                                     : kernels::loop(op, operand) != nullptr;
  if (exists) return;
  throw UnsupportedError("[" + std::string(info(user.op).name) + "] " + std::string(info(op).name) +
                         " of " + std::string(numpy_name(operand)) + " has no meaning" +
                         (user.origin.empty() ? "" : " (node \"" + user.origin + "\")"));
}

ElementwiseProgram of_one_op(const Graph& graph, const Node& node) {
  ElementwiseProgram program;
  kernels::ElementwiseInstruction instruction{node.op};
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    program.registers.push_back(graph.type(node.inputs[i]).dtype);
    instruction.in[i] = static_cast<int>(i);
  }
  program.n_inputs = static_cast<int>(program.registers.size());
  instruction.out = program.n_inputs;
  const DType result = graph.type(node.outputs[0]).dtype;
  need_loop(node, node.op, program.registers.back(), result);
  program.registers.push_back(result);
  program.code = {instruction};
  program.outputs = {instruction.out};
  return program;
}

}  // namespace

ElementwiseProgram body_program(const Node& user, const Graph& body) {
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
    need_loop(user, node.op, body.type(node.inputs.back()).dtype, program.registers[out]);
    program.code.push_back(instruction);
  }
  for (const ValueId output : body.outputs) program.outputs.push_back(register_of[output]);
  return program;
}

ElementwiseProgram elementwise_program(const Graph& graph, const Node& node) {
  if (node.op != Op::fused) return of_one_op(graph, node);
  ElementwiseProgram program = body_program(node, node.attributes.graph("body"));
  for (const FusedResult& result : fused_results(node.attributes)) {
    if (!result.reduction) {
      program.reductions.push_back({});
    } else {
      program.reductions.push_back({*result.reduction, {result.axes.begin(), result.axes.end()}});
    }
  }
  return program;
}

}  // namespace gemmule
