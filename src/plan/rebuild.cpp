#include "plan/rebuild.h"

#include <utility>

namespace gemmule {

Graph rebuilt(const Graph& from, Graph& to, std::vector<ValueId>& moved,
              const std::function<ValueId(const Node&)>& replacement) {
  moved.assign(from.values.size(), kNone);
  to.symbols = from.symbols;
  for (const ValueId input : from.inputs) {
    moved[input] = to.add_input(from.type(input), from.values[input].name);
  }
  for (const Node& node : from.nodes) {
    const ValueId value = replacement(node);
    if (value != kNone) {
      moved[node.outputs[0]] = value;
      continue;
    }
    std::vector<ValueId> operands;
    for (const ValueId operand : node.inputs) operands.push_back(moved[operand]);
    const auto results = to.add_all(node.op, std::move(operands), node.attributes, node.origin);
    to.nodes.back().equation = node.equation;
    for (std::size_t i = 0; i < results.size(); ++i) moved[node.outputs[i]] = results[i];
  }
  for (const ValueId output : from.outputs) to.outputs.push_back(moved[output]);
  return pruned(to);
}

}  // namespace gemmule
