// A graph written anew, node by node: what passes that replace single nodes share.
#pragma once

#include <functional>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

// Copies `from`, in order, into the empty graph `to`, without what its outputs no longer need. For each node
// `replacement` gives the value in `to` that stands for its first result, or kNone for a copy of the node.
// `moved` is filled meanwhile: the value in `to` of each value of `from`.
Graph rebuilt(const Graph& from, Graph& to, std::vector<ValueId>& moved,
              const std::function<ValueId(const Node&)>& replacement);

}  // namespace gemmule
