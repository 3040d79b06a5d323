// The order of the nodes: of those whose operands are there, the one that frees most memory next. What
// was computed last is read first where there is a tie, so that values are used while in cache.
#include <algorithm>

#include "plan/linear_program.h"

namespace gemmule {
namespace {

std::int64_t bytes_of(const Type& type) {
  std::int64_t bytes = static_cast<std::int64_t>(size_of(type.dtype));
  for (const Dim& dim : type.shape) bytes *= dim.size;
  return bytes;
}

// Views and constants take no memory; what they look at stays alive as long as they are read.
class Lifetimes {
 public:
  explicit Lifetimes(const Graph& graph) : graph_(graph), root_(graph.values.size()), readers_(graph.values.size(), 0) {
    for (ValueId value = 0; value < static_cast<ValueId>(root_.size()); ++value) root_[value] = value;
    for (const Node& node : graph.nodes) {
      if (is_view(node.op)) root_[node.outputs[0]] = root_[node.inputs[0]];
      if (node.op == Op::constant) continue;
      for (const ValueId operand : node.inputs) ++readers_[root_[operand]];
    }
    for (const ValueId output : graph.outputs) ++readers_[root_[output]];
  }

  // Bytes that are free after the node has run, less those that it takes.
  std::int64_t gain(const Node& node) const {
    std::int64_t bytes = 0;
    if (!is_view(node.op)) {
      for (const ValueId output : node.outputs) bytes -= bytes_of(graph_.type(output));
    }
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId root = root_[node.inputs[i]];
      if (graph_.values[root].node == kNone || graph_.producer(root, Op::constant) != nullptr) continue;
      const auto same = [&](ValueId other) { return root_[other] == root; };
      if (std::any_of(node.inputs.begin(), node.inputs.begin() + static_cast<std::ptrdiff_t>(i), same)) continue;
      if (readers_[root] == std::count_if(node.inputs.begin(), node.inputs.end(), same)) {
        bytes += bytes_of(graph_.type(root));
      }
    }
    return bytes;
  }

  void ran(const Node& node) {
    for (const ValueId operand : node.inputs) --readers_[root_[operand]];
  }

 private:
  const Graph& graph_;
  std::vector<ValueId> root_;
  std::vector<std::ptrdiff_t> readers_;  // of a root: operands of nodes that did not run yet, and outputs
};

}  // namespace

std::vector<NodeId> schedule(const Graph& graph) {
  const auto count = static_cast<NodeId>(graph.nodes.size());
  std::vector<std::vector<NodeId>> readers(graph.values.size());
  std::vector<int> missing(graph.nodes.size(), 0);
  std::vector<NodeId> ready;
  for (NodeId id = 0; id < count; ++id) {
    for (const ValueId operand : graph.nodes[id].inputs) {
      if (graph.values[operand].node == kNone) continue;
      ++missing[id];
      readers[operand].push_back(id);
    }
  }
  for (NodeId id = count - 1; id >= 0; --id) {
    if (missing[id] == 0) ready.push_back(id);
  }
  Lifetimes lifetimes(graph);
  std::vector<NodeId> order;
  order.reserve(graph.nodes.size());
  while (!ready.empty()) {
    std::size_t best = ready.size() - 1;
    std::int64_t best_gain = lifetimes.gain(graph.nodes[ready[best]]);
    for (std::size_t i = ready.size() - 1; i-- > 0;) {
      const std::int64_t gain = lifetimes.gain(graph.nodes[ready[i]]);
      if (gain > best_gain) best = i, best_gain = gain;
    }
    const NodeId id = ready[best];
    ready.erase(ready.begin() + static_cast<std::ptrdiff_t>(best));
    order.push_back(id);
    const Node& node = graph.nodes[id];
    if (node.op != Op::constant) lifetimes.ran(node);
    for (const ValueId output : node.outputs) {
      for (const NodeId reader : readers[output]) {
        if (--missing[reader] == 0) ready.push_back(reader);
      }
    }
  }
  return order;
}

}  // namespace gemmule
