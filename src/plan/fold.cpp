// What follows from constants alone is computed once, when the program is made.
#include <algorithm>
#include <optional>
#include <stdexcept>

#include "ir/error.h"
#include "plan/evaluate.h"
#include "plan/linear_program.h"
#include "plan/prepare.h"

namespace gemmule {
namespace {

constexpr std::size_t kSmall = 64 << 10;         // bytes of a result that is always worth keeping
constexpr std::size_t kLargest = 16 << 20;       // bytes of a result that never is
constexpr std::size_t kGrowth = 8;               // how many times the operands' bytes a large result may take

class Folder {
 public:
  explicit Folder(Graph& graph) : graph_(graph), tensors_(graph.values.size()), known_(graph.values.size(), false) {}

  void run() {
    bool changed = false;
    for (Node& node : graph_.nodes) {
      if (!follows_from_constants(node)) continue;
      if (node.op == Op::constant || is_view(node.op)) {
        known_[node.outputs[0]] = true;
        continue;
      }
      if (node.outputs.size() != 1 || !is_worth_keeping(node)) continue;
      auto results = results_of(node);
      if (!results) continue;
      tensors_[node.outputs[0]] = (*results)[0];
      known_[node.outputs[0]] = true;
      node.op = Op::constant;
      node.inputs.clear();
      node.equation.clear();
      node.attributes = {{"value", std::move((*results)[0])}};
      changed = true;
    }
    if (changed) graph_ = pruned(graph_);
  }

 private:
  // Nothing where the values are at fault (an index out of bounds): the call raises then, not the compiler.
  std::optional<std::vector<Tensor>> results_of(const Node& node) {
    std::vector<Tensor> operands;
    for (const ValueId operand : node.inputs) operands.push_back(tensor(operand));
    try {
      return evaluate(graph_, node, operands);
    } catch (const UserError&) {
      return std::nullopt;
    } catch (const std::invalid_argument&) {  // no loop for the dtype
      return std::nullopt;
    }
  }

  bool follows_from_constants(const Node& node) const {
    return node.op == Op::constant ||
           (!node.inputs.empty() && std::ranges::all_of(node.inputs, [&](ValueId operand) { return known_[operand]; }));
  }

  std::size_t bytes_of(ValueId value) const {
    std::size_t bytes = size_of(graph_.type(value).dtype);
    for (const Dim& dim : graph_.type(value).shape) bytes *= static_cast<std::size_t>(dim.size);
    return bytes;
  }

  bool is_worth_keeping(const Node& node) const {
    if (!is_elementwise(node.op) && node.op != Op::eye && node.op != Op::arange && node.op != Op::gather &&
        node.op != Op::concatenate && node.op != Op::stack && node.op != Op::slice_set && node.op != Op::slice_add) {
      return false;
    }
    const std::size_t result = bytes_of(node.outputs[0]);
    std::size_t operands = 0;
    for (const ValueId operand : node.inputs) operands += stored_bytes(operand);
    return result <= kSmall || (result <= kLargest && result <= kGrowth * operands);
  }

  // What a view looks at counts, not what it stretches it to.
  std::size_t stored_bytes(ValueId value) const {
    const Node* node = graph_.producer(value);
    while (node != nullptr && is_view(node->op)) {
      value = node->inputs[0];
      node = graph_.producer(value);
    }
    return bytes_of(value);
  }

  const Tensor& tensor(ValueId value) {
    std::optional<Tensor>& known = tensors_[value];
    if (known) return *known;
    const Node& node = *graph_.producer(value);
    if (node.op == Op::constant) {
      known = node.attributes.tensor("value");
    } else {
      std::vector<Tensor> operands;
      for (const ValueId operand : node.inputs) operands.push_back(tensor(operand));
      known = (*evaluate(graph_, node, operands))[0];
    }
    return *known;
  }

  Graph& graph_;
  std::vector<std::optional<Tensor>> tensors_;
  std::vector<bool> known_;  // by value: it follows from constants
};

}  // namespace

void fold(Graph& graph, const PrepareOptions&) { Folder(graph).run(); }

}  // namespace gemmule
