// Inference of loops.
#include <map>

#include "ir/infer_rules.h"
#include "ir/scan.h"

namespace gemmule {
namespace {

// What the body's symbols stand for outside of it.
class Binding {
 public:
  Binding(InferContext& context, const Graph& body) : context_(context), body_(body) {}

  // The element of an operand that an input of the body is: shapes have to agree.
  void bind(int input, int operand, bool sliced) {
    const Type& inside = body_.type(body_.inputs[input]);
    const Type& given = context_.type(operand);
    Shape shape = given.shape;
    if (sliced) {
      need_rank_at_least(context_, operand, 1, "operand " + std::to_string(operand));
      shape.erase(shape.begin());
    }
    const auto expected = [&] {
      return describe(context_, operand, "operand " + std::to_string(operand)) + ", input " + std::to_string(input) +
             " of the body is " + to_text(inside, &body_);
    };
    if (given.dtype != inside.dtype) fail_dtype(context_, expected());
    if (shape.size() != inside.shape.size()) fail_shape(context_, expected());
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      const Dim& dim = inside.shape[axis];
      if (dim.is_known()) {
        if (!may_agree(dim, shape[axis])) fail_shape(context_, expected());
        continue;
      }
      const auto [found, fresh] = symbols_.emplace(dim.symbol, shape[axis]);
      if (fresh) continue;
      if (!may_agree(found->second, shape[axis])) fail_shape(context_, expected());
      found->second = agreed(found->second, shape[axis]);
    }
  }

  Dim outside(const Dim& dim) {
    if (dim.is_known()) return dim;
    const auto found = symbols_.find(dim.symbol);
    if (found != symbols_.end()) return found->second;
    return symbols_.emplace(dim.symbol, Dim::unknown(context_.graph.add_symbol())).first->second;
  }

 private:
  InferContext& context_;
  const Graph& body_;
  std::map<SymbolId, Dim> symbols_;
};

// The state's buffer, one element of which is what the body writes.
Type written_buffer(InferContext& context, const ScanState& state, int operand, const Type& element, Binding& binding) {
  Shape shape{Dim{}};
  for (const Dim& dim : element.shape) shape.push_back(binding.outside(dim));
  if (state.kind == ScanState::Kind::output) {
    need_scalar(context, operand, "length");
    need_integer(context, operand, "length");
    shape[0] = size_operand(context, operand);
    return {element.dtype, shape};
  }
  const Type& buffer = context.type(operand);
  const auto text = [&] {
    return describe(context, operand, "the state") + ", the body writes " + to_text(Type{element.dtype, {shape.begin() + 1, shape.end()}}, &context.graph);
  };
  if (buffer.dtype != element.dtype) fail_dtype(context, text());
  if (buffer.shape.size() != shape.size()) fail_shape(context, text());
  for (std::size_t axis = 1; axis < shape.size(); ++axis) {
    if (!may_agree(shape[axis], buffer.shape[axis])) fail_shape(context, text());
  }
  return buffer;
}

}  // namespace

Types infer_scan(InferContext& context) {
  const Graph& body = context.attributes.graph("body");
  const ScanLoop loop = scan_loop(context.attributes);
  const int inputs = static_cast<int>(body.inputs.size());
  if (inputs < loop.first_constant_input()) throw UserError(message(context, "the body has too few inputs"));
  const int operands = loop.first_constant() + inputs - loop.first_constant_input();
  need_operands(context, operands, operands);
  if (static_cast<int>(body.outputs.size()) != loop.writes() + (loop.until ? 1 : 0)) {
    throw UserError(message(context, "the body has " + std::to_string(body.outputs.size()) + " outputs, the states write " +
                                         std::to_string(loop.writes())));
  }
  need_scalar(context, 0, "the number of steps");
  if (context.type(0).dtype != DType::i64) fail_dtype(context, describe(context, 0, "the number of steps") + ", not i64");

  Binding binding(context, body);
  const std::vector<int> operand_of = scan_operands(loop, body);
  for (int i = 0; i < inputs; ++i) binding.bind(i, operand_of[i], operand_of[i] < loop.first_constant());

  Types results;
  int output = 0;
  for (std::size_t i = 0; i < loop.states.size(); ++i) {
    const ScanState& state = loop.states[i];
    Type buffer;
    for (std::size_t k = 0; k < state.writes.size(); ++k) {
      buffer = written_buffer(context, state, loop.first_state() + static_cast<int>(i), body.type(body.outputs[output++]), binding);
    }
    results.push_back(std::move(buffer));
  }
  if (loop.until) {
    const Type& condition = body.type(body.outputs.back());
    if (condition.dtype != DType::bool_ || !condition.shape.empty()) {
      fail_dtype(context, "the condition is " + to_text(condition, &body) + ", not bool[]");
    }
    results.push_back(Type{DType::i64, {}});
  }
  return results;
}

}  // namespace gemmule
