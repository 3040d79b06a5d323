// Elementwise ops that feed each other run as one pass over the elements: a `fused` node whose body says
// what happens to each of them.
//
// A node joins the group of its readers when all of them are in that group and the shapes are the same:
// a vector that a matrix-shaped group reads stays outside, else its elements would be computed once per
// row.
#include <algorithm>
#include <map>

#include "ir/infer_rules.h"
#include "passes/pass.h"

namespace gemmule {
namespace {

// The most instructions of one group: keeps what a block interpreter has to hold in cache bounded.
constexpr int kLargestGroup = 96;

// The groups: the node of a group's result stands for it.
std::vector<NodeId> group_nodes(const Graph& graph) {
  const auto nodes = static_cast<NodeId>(graph.nodes.size());
  std::vector<NodeId> group(nodes, kNone);
  std::vector<int> size(nodes, 0);
  std::vector<std::vector<NodeId>> readers(graph.values.size());
  for (NodeId id = 0; id < nodes; ++id) {
    for (const ValueId operand : graph.nodes[id].inputs) readers[operand].push_back(id);
  }
  std::vector<bool> is_output(graph.values.size(), false);
  for (const ValueId output : graph.outputs) is_output[output] = true;

  for (NodeId id = nodes - 1; id >= 0; --id) {  // readers first
    const Node& node = graph.nodes[id];
    if (!is_elementwise(node.op)) continue;
    const ValueId value = node.outputs[0];
    NodeId joined = is_output[value] || readers[value].empty() ? kNone : group[readers[value][0]];
    for (const NodeId reader : readers[value]) {
      if (group[reader] == kNone || group[reader] != joined) joined = kNone;
    }
    const bool fits = joined != kNone && size[joined] < kLargestGroup &&
                      has_same_shape(graph.type(value), graph.type(graph.nodes[joined].outputs[0]));
    group[id] = fits ? joined : id;
    ++size[group[id]];
  }
  return group;
}

// Builds the node for the group whose result is that of node `last`.
class GroupBuilder {
 public:
  explicit GroupBuilder(Graph& graph) : graph_(graph) {}

  ValueId build(const std::vector<NodeId>& members) {
    auto body = std::make_shared<Graph>();
    std::map<ValueId, ValueId> inside;
    std::vector<ValueId> operands;
    for (const NodeId id : members) {
      const Node& node = graph_.nodes[id];
      std::vector<ValueId> inputs;
      for (const ValueId operand : node.inputs) {
        auto found = inside.find(operand);
        if (found == inside.end()) found = inside.emplace(operand, enter(*body, operand, operands)).first;
        inputs.push_back(found->second);
      }
      inside[node.outputs[0]] = body->add(node.op, std::move(inputs), node.attributes);
    }
    const Node& last = graph_.nodes[members.back()];
    body->outputs = {inside.at(last.outputs[0])};
    return graph_.add(Op::fused, operands, {{"body", std::shared_ptr<const Graph>(body)}}, last.origin);
  }

 private:
  // A value from outside: small constants move in, everything else becomes an operand.
  ValueId enter(Graph& body, ValueId value, std::vector<ValueId>& operands) {
    const Tensor* constant = graph_.constant(value);
    if (constant != nullptr && constant->count() == 1) {
      return body.add_constant(Tensor::from_bytes(constant->dtype, {}, constant->data.get()));
    }
    operands.push_back(value);
    return body.add_input(Type{graph_.type(value).dtype, {}});
  }

  Graph& graph_;
};

}  // namespace

void fusion(Graph& graph, PassContext&) {
  const std::vector<NodeId> group = group_nodes(graph);
  std::map<NodeId, std::vector<NodeId>> members;
  for (NodeId id = 0; id < static_cast<NodeId>(group.size()); ++id) {
    if (group[id] != kNone) members[group[id]].push_back(id);
  }
  GroupBuilder builder(graph);
  for (const auto& [last, nodes] : members) {
    if (nodes.size() < 2) continue;
    const ValueId result = graph.nodes[last].outputs[0];
    const ValueId fused = builder.build(nodes);
    // One-element constants that moved inside no longer stretch the shape: only a group in which
    // nothing else has the full shape is affected, and it stays as it is.
    if (has_same_shape(graph.type(fused), graph.type(result))) replace_uses(graph, result, fused);
  }
  graph = pruned(graph);
}

}  // namespace gemmule
