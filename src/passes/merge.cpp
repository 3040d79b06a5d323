// Nodes that compute the same thing become one (common subexpressions).
#include <string>
#include <unordered_map>

#include "passes/pass.h"

namespace gemmule {
namespace {

// Two nodes with one key compute the same value. The origin is left out: it is for messages only.
std::string key_of(const Node& node) {
  std::string key(info(node.op).name);
  for (const ValueId operand : node.inputs) key += " " + std::to_string(operand);
  for (const auto& [name, attribute] : node.attributes.items) {
    key += " " + name + "=";
    if (const auto* flag = std::get_if<bool>(&attribute)) key += *flag ? "true" : "false";
    if (const auto* number = std::get_if<std::int64_t>(&attribute)) key += std::to_string(*number);
    if (const auto* text = std::get_if<std::string>(&attribute)) key += *text;
    if (const auto* dtype = std::get_if<DType>(&attribute)) key += gemmule::name(*dtype);
    if (const auto* numbers = std::get_if<Integers>(&attribute)) {
      for (const std::int64_t number : *numbers) key += std::to_string(number) + ",";
    }
    if (const auto* tensor = std::get_if<Tensor>(&attribute)) {
      key += gemmule::name(tensor->dtype);
      for (const std::int64_t size : tensor->shape) key += "," + std::to_string(size);
      // Small constants by their bits, large ones by their memory.
      if (tensor->bytes() <= 64) {
        key.append(reinterpret_cast<const char*>(tensor->data.get()), tensor->bytes());
      } else {
        key += "@" + std::to_string(reinterpret_cast<std::uintptr_t>(tensor->data.get()));
      }
    }
    if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&attribute)) {
      key += "@" + std::to_string(reinterpret_cast<std::uintptr_t>(body->get()));
    }
  }
  return key;
}

}  // namespace

void merge(Graph& graph, PassContext&) {
  std::unordered_map<std::string, NodeId> seen;
  std::vector<ValueId> forward(graph.values.size());
  for (std::size_t value = 0; value < forward.size(); ++value) forward[value] = static_cast<ValueId>(value);
  bool changed = false;
  for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
    Node& node = graph.nodes[id];
    for (ValueId& operand : node.inputs) operand = forward[operand];
    if (node.op == Op::copy) continue;  // fresh memory is the point of it
    const auto [first, is_new] = seen.emplace(key_of(node), static_cast<NodeId>(id));
    if (is_new) continue;
    changed = true;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      forward[node.outputs[i]] = graph.nodes[first->second].outputs[i];
    }
  }
  if (!changed) return;
  for (ValueId& output : graph.outputs) output = forward[output];
  graph = pruned(graph);
}

}  // namespace gemmule
