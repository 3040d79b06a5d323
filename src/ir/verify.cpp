#include "ir/verify.h"

#include <exception>

#include "ir/error.h"
#include "ir/infer.h"
#include "ir/text.h"

namespace gemmule {
namespace {

[[noreturn]] void broken(const Graph& graph, const Node& node, const std::string& rule) {
  throw InternalError("the graph is not valid: " + rule + "\n  " +
                      to_text(graph, node, {.elide_large_constants = true}));
}

// Sizes that inference could not know may have been refined since: known sizes must agree.
bool compatible(const Type& stored, const Type& inferred) {
  if (stored.dtype != inferred.dtype || stored.rank() != inferred.rank()) return false;
  for (int axis = 0; axis < stored.rank(); ++axis) {
    const Dim &a = stored.shape[axis], &b = inferred.shape[axis];
    if (a.is_known() && b.is_known() && a.size != b.size) return false;
  }
  return true;
}

}  // namespace

void verify(const Graph& graph) {
  std::vector<bool> defined(graph.values.size(), false);
  for (const ValueId input : graph.inputs) defined[input] = true;
  Graph scratch = graph;  // inference may add symbols
  for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
    const Node& node = graph.nodes[id];
    for (const ValueId operand : node.inputs) {
      if (operand < 0 || operand >= static_cast<ValueId>(graph.values.size())) {
        throw InternalError("the graph is not valid: an operand of " + std::string(info(node.op).name) +
                            " does not exist");
      }
      if (!defined[operand]) broken(graph, node, "an operand comes after its user");
    }
    std::vector<Type> types;
    try {
      InferContext context{scratch, node.op, node.inputs, node.attributes, node.origin};
      types = infer(context);
    } catch (const UserError& error) {
      broken(graph, node, error.what());
    }
    if (types.size() != node.outputs.size()) broken(graph, node, "the number of results is wrong");
    for (std::size_t i = 0; i < types.size(); ++i) {
      const ValueId output = node.outputs[i];
      if (defined[output]) broken(graph, node, "a value is produced twice");
      if (graph.values[output].node != static_cast<NodeId>(id)) broken(graph, node, "a result names another node");
      if (!compatible(graph.type(output), types[i])) {
        broken(graph, node, "a result's type is not what inference gives, " + to_text(types[i], &scratch));
      }
      defined[output] = true;
    }
  }
  for (const ValueId output : graph.outputs) {
    if (output < 0 || output >= static_cast<ValueId>(defined.size()) || !defined[output]) {
      throw InternalError("the graph is not valid: an output is not defined");
    }
  }
}

}  // namespace gemmule
