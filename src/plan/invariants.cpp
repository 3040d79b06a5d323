#include "plan/invariants.h"

#include <algorithm>
#include <map>

#include "plan/linear_program.h"

namespace gemmule {
namespace {

class Split {
 public:
  using Compute = std::function<std::vector<ValueId>(const Node&, const std::vector<ValueId>&)>;

  Split(const Graph& body, int first_constant, const std::vector<ValueId>& constants, const Graph& outside,
        const Compute& compute, std::vector<ValueId>& operands)
      : body_(body), outside_(outside), compute_(compute), operands_(operands),
        invariant_(body.values.size(), false), out_(body.values.size(), kNone), in_(body.values.size(), kNone) {
    for (int i = 0; i < static_cast<int>(body.inputs.size()); ++i) {
      const ValueId input = body.inputs[i];
      if (i < first_constant) {
        in_[input] = inside_.add_input(body.type(input), body.values[input].name);
      } else {
        invariant_[input] = true;
        out_[input] = constants[i - first_constant];
      }
    }
  }

  Graph run() {
    for (const Node& node : body_.nodes) {
      const bool depends = node.op == Op::random || std::any_of(node.inputs.begin(), node.inputs.end(),
                                                                [&](ValueId operand) { return !invariant_[operand]; });
      for (const ValueId output : node.outputs) invariant_[output] = !depends;
      if (!depends) continue;
      add_inside(node);
    }
    for (const ValueId output : body_.outputs) inside_.outputs.push_back(inside(output));
    return std::move(inside_);
  }

 private:
  void add_inside(const Node& node) {
    std::vector<ValueId> operands;
    for (const ValueId operand : node.inputs) operands.push_back(inside(operand));
    const auto results = inside_.add_all(node.op, operands, node.attributes, node.origin);
    inside_.nodes.back().equation = node.equation;
    for (std::size_t i = 0; i < results.size(); ++i) in_[node.outputs[i]] = results[i];
  }

  // The value outside that an invariant one is.
  ValueId outside(ValueId value) {
    if (out_[value] != kNone) return out_[value];
    const Node& node = *body_.producer(value);
    std::vector<ValueId> operands;
    for (const ValueId operand : node.inputs) operands.push_back(outside(operand));
    const auto results = compute_(node, operands);
    for (std::size_t i = 0; i < results.size(); ++i) out_[node.outputs[i]] = results[i];
    return out_[value];
  }

  ValueId inside(ValueId value) {
    if (in_[value] != kNone) return in_[value];
    const Node* node = body_.producer(value);
    if (node != nullptr && (node->op == Op::constant || is_view(node->op))) {
      add_inside(*node);
      return in_[value];
    }
    const ValueId given = outside(value);
    if (const Tensor* constant = outside_.constant(given)) return in_[value] = inside_.add_constant(*constant);
    const auto known = std::find(given_.begin(), given_.end(), given);
    if (known != given_.end()) return in_[value] = inputs_[known - given_.begin()];
    in_[value] = inside_.add_input(body_.type(value), body_.values[value].name);
    operands_.push_back(given);
    given_.push_back(given);
    inputs_.push_back(in_[value]);
    return in_[value];
  }

  const Graph& body_;
  const Graph& outside_;
  const Compute& compute_;
  std::vector<ValueId>& operands_;
  Graph inside_;
  std::vector<bool> invariant_;
  std::vector<ValueId> out_, in_;       // by value of the body
  std::vector<ValueId> given_, inputs_;  // values outside, and the inputs that they are inside
};

}  // namespace

Graph without_invariants(const Graph& body, int first_constant, const std::vector<ValueId>& constants,
                         const Graph& outside,
                         const std::function<std::vector<ValueId>(const Node&, const std::vector<ValueId>&)>& compute,
                         std::vector<ValueId>& operands) {
  return Split(body, first_constant, constants, outside, compute, operands).run();
}

}  // namespace gemmule
