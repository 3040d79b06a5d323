#include "mlx/narrow.h"

#include <algorithm>
#include <memory>
#include <vector>

namespace gemmule {
namespace {

bool is_cast(const Graph& graph, const Node& node, DType from, DType to) {
  return node.op == Op::cast && graph.type(node.inputs[0]).dtype == from &&
         graph.type(node.outputs[0]).dtype == to;
}

int position(const std::vector<ValueId>& values, ValueId value) {
  return static_cast<int>(std::find(values.begin(), values.end(), value) - values.begin());
}

void retype(Graph& graph, ValueId value) { graph.values[value].type.dtype = DType::f32; }

void retype_cast(Graph& graph, Node& cast) {
  retype(graph, cast.outputs[0]);
  cast.attributes.set("dtype", DType::f32);
}

class Narrowing {
 public:
  explicit Narrowing(Graph& graph) : graph_(graph), readers_(graph.values.size()) {
    for (NodeId n = 0; n < static_cast<NodeId>(graph.nodes.size()); ++n) {
      for (const ValueId input : graph.nodes[n].inputs) readers_[input].push_back(n);
    }
    is_output_.resize(graph.values.size(), false);
    for (const ValueId output : graph.outputs) is_output_[output] = true;
  }

  void run() {
    for (ValueId value = 0; value < static_cast<ValueId>(readers_.size()); ++value) {
      if (graph_.type(value).dtype != DType::f64 || !widens(value) || !is_summed_narrowly(value)) {
        continue;
      }
      for (const NodeId n : readers_[value]) {
        Node& reduction = graph_.nodes[n];
        reduction.attributes.set("dtype", DType::f32);
        retype(graph_, reduction.outputs[0]);
        for (const NodeId reader : readers_[reduction.outputs[0]]) {
          narrow_input(graph_.nodes[reader], reduction.outputs[0]);
        }
      }
      narrow_output(value);
    }
  }

 private:
  // Whether the value is a float32 number that a cast made wider.
  bool widens(ValueId value) const {
    const Node* node = graph_.producer(value);
    if (node == nullptr) return false;
    if (node->op != Op::fused) return is_cast(graph_, *node, DType::f32, DType::f64);
    const Graph& body = node->attributes.graph("body");
    const ValueId inner = body.outputs[position(node->outputs, value)];
    const Node* cast = body.producer(inner);
    return cast != nullptr && is_cast(body, *cast, DType::f32, DType::f64) &&
           use_counts(body)[inner] == 1;
  }

  // Whether all that reads the value are sums that are rounded to float32.
  bool is_summed_narrowly(ValueId value) const {
    if (is_output_[value] || readers_[value].empty()) return false;
    return std::ranges::all_of(readers_[value], [&](NodeId n) {
      const Node& node = graph_.nodes[n];
      if (node.op != Op::reduce_sum && node.op != Op::reduce_prod) return false;
      const ValueId sum = node.outputs[0];
      return graph_.type(sum).dtype == DType::f64 && !is_output_[sum] && !readers_[sum].empty() &&
             std::ranges::all_of(readers_[sum],
                                 [&](NodeId reader) { return narrows(graph_.nodes[reader], sum); });
    });
  }

  // Whether the node does nothing with the value but cast it to float32.
  bool narrows(const Node& node, ValueId value) const {
    if (node.op != Op::fused) return is_cast(graph_, node, DType::f64, DType::f32);
    const Graph& body = node.attributes.graph("body");
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] != value) continue;
      const ValueId inner = body.inputs[i];
      if (std::ranges::count(body.outputs, inner) > 0) return false;
      for (const Node& reader : body.nodes) {
        if (std::ranges::count(reader.inputs, inner) > 0 &&
            !is_cast(body, reader, DType::f64, DType::f32)) {
          return false;
        }
      }
    }
    return true;
  }

  void narrow_input(Node& node, ValueId value) {
    if (node.op != Op::fused) return;  // a cast to the same dtype is left
    auto body = std::make_shared<Graph>(node.attributes.graph("body"));
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == value) retype(*body, body->inputs[i]);
    }
    node.attributes.set("body", std::shared_ptr<const Graph>(std::move(body)));
  }

  void narrow_output(ValueId value) {
    Node& node = graph_.nodes[graph_.values[value].node];
    if (node.op != Op::fused) return retype_cast(graph_, node);
    auto body = std::make_shared<Graph>(node.attributes.graph("body"));
    const ValueId inner = body->outputs[position(node.outputs, value)];
    retype_cast(*body, body->nodes[body->values[inner].node]);
    node.attributes.set("body", std::shared_ptr<const Graph>(std::move(body)));
    retype(graph_, value);
  }

  Graph& graph_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<bool> is_output_;
};

}  // namespace

void narrow_accumulators(Graph& graph) { Narrowing(graph).run(); }

}  // namespace gemmule
