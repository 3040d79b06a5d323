#include "plan/prepare.h"

#include <algorithm>

#include "plan/formula.h"
#include "plan/specialise.h"

namespace gemmule {

const std::vector<PreparePass>& prepare_passes() {
  static const std::vector<PreparePass> passes{
      {"updates", "indices that name a region become slices, updates of everything new values", updates},
      {"fold", "what follows from constants is computed once", fold},
      {"contract", "sums of products, of repeated and of chosen values become what they are", contract},
      {"transposed_constants", "a constant that is another's transpose becomes a view of it", transposed_constants},
      {"share", "sigmoid and softplus of x and -x share their exponential", share},
      {"row_blocks", "what reads a large matrix twice runs block by block of its rows", row_blocks},
      {"fuse", "elementwise ops and reductions of one shape run as one pass", fuse},
  };
  return passes;
}

Graph prepare(Graph specialised, const PrepareOptions& options) {
  Graph graph = std::move(specialised);
  for (Node& node : graph.nodes) {
    if (node.op != Op::scan) continue;
    node.attributes.set("body", std::make_shared<const Graph>(prepare(node.attributes.graph("body"), options)));
  }
  for (const PreparePass& pass : prepare_passes()) {
    if (std::find(options.disabled.begin(), options.disabled.end(), pass.name) != options.disabled.end()) continue;
    pass.run(graph, options);
  }
  for (Node& node : graph.nodes) {
    if (node.op != Op::row_blocks) continue;
    node.equation = "row_blocks: " + formula(graph, node) + ", " + std::to_string(node.attributes.integer("block")) +
                    " rows at a time";
  }
  return graph;
}

Graph row_block_body(const Node& node, const std::vector<Type>& operand_types, std::int64_t rows) {
  const Integers& axes = node.attributes.integers("operand_axes");
  std::vector<Type> types = operand_types;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (axes[i] >= 0) types[i].shape[axes[i]] = Dim::known(rows);
  }
  Graph body = specialise_unfused(node.attributes.graph("body"), types, std::vector<const Tensor*>(types.size()));
  fuse(body, {});
  return body;
}

}  // namespace gemmule
