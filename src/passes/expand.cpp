// What is left of flattened sums becomes elementwise ops again: terms that share a scale are added
// first. Outer products that only elementwise ops read become broadcast multiplications, which those
// ops take along in their pass over the elements.
#include <cmath>
#include <compare>
#include <map>
#include <optional>

#include "ir/error.h"
#include "passes/pass.h"

namespace gemmule {
namespace {

// The constant behind a scale, so that equal numbers group; other scales group by value.
struct GroupKey {
  std::optional<double> number;
  ValueId value = kNone;
  friend auto operator<=>(const GroupKey&, const GroupKey&) = default;
};

ValueId expanded(Graph& graph, const Node& node) {
  std::vector<GroupKey> order;
  std::map<GroupKey, ValueId> groups;
  for (std::size_t i = 0; i < node.inputs.size(); i += 2) {
    auto number = graph.scalar_constant(node.inputs[i]);
    if (number && std::isnan(*number)) number.reset();  // NaN has no place in an order
    const GroupKey key{number, number ? kNone : node.inputs[i]};
    const auto [group, is_new] = groups.emplace(key, node.inputs[i + 1]);
    if (is_new) {
      order.push_back(key);
    } else {
      group->second = graph.add(Op::add, {group->second, node.inputs[i + 1]}, {}, node.origin);
    }
  }
  const auto scaled = [&](const GroupKey& key) {
    const ValueId term = groups.at(key);
    if (key.number == 1.0) return term;
    if (key.number == -1.0) return graph.add(Op::negative, {term}, {}, node.origin);
    const ValueId scale = key.number ? graph.add_scalar(graph.type(term).dtype, *key.number) : key.value;
    return graph.add(Op::multiply, {scale, term}, {}, node.origin);
  };
  // Terms that are only subtracted come after the first other one.
  ValueId sum = kNone;
  for (const GroupKey& key : order) {
    if (key.number == -1.0) continue;
    sum = sum == kNone ? scaled(key) : graph.add(Op::add, {sum, scaled(key)}, {}, node.origin);
  }
  for (const GroupKey& key : order) {
    if (key.number != -1.0) continue;
    sum = sum == kNone ? scaled(key) : graph.add(Op::subtract, {sum, groups.at(key)}, {}, node.origin);
  }
  return sum;
}

// x[:, None] * y[None, :] * alpha
ValueId broadcast_product(Graph& graph, const Node& node) {
  const auto operands = node.inputs;
  ValueId x = operands[0];
  if (operands.size() == 3) x = graph.add(Op::multiply, {operands[2], x}, {}, node.origin);
  const ValueId column = graph.add(Op::expand_dims, {x}, {{"axes", Integers{1}}});
  const ValueId row = graph.add(Op::expand_dims, {operands[1]}, {{"axes", Integers{0}}});
  return graph.add(Op::multiply, {column, row}, {}, node.origin);
}

bool only_elementwise_readers(const Graph& graph, ValueId value) {
  for (const ValueId output : graph.outputs) {
    if (output == value) return false;
  }
  bool any = false;
  for (const Node& node : graph.nodes) {
    for (const ValueId operand : node.inputs) {
      if (operand != value) continue;
      any = true;
      if (!is_elementwise(node.op)) return false;
    }
  }
  return any;
}

}  // namespace

void expand(Graph& graph, PassContext&) {
  for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
    if (graph.nodes[id].op != Op::scaled_sum) continue;
    const Node node = graph.nodes[id];
    replace_uses(graph, node.outputs[0], expanded(graph, node));
  }
  graph = pruned(graph);
  const std::size_t count = graph.nodes.size();
  for (std::size_t id = 0; id < count; ++id) {
    if (graph.nodes[id].op != Op::outer || !only_elementwise_readers(graph, graph.nodes[id].outputs[0])) continue;
    const Node node = graph.nodes[id];
    replace_uses(graph, node.outputs[0], broadcast_product(graph, node));
  }
  graph = pruned(graph);
}

}  // namespace gemmule
