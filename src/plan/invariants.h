// What is the same in every step of a loop.
#pragma once

#include <functional>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

// The body of a loop, of static types, whose inputs from `first_constant` on are `constants` of the graph
// `outside`. Returns a body without what depends on constants alone: `compute` adds such a node to the graph
// outside, given its operands there, and returns its results. Views stay inside: they cost nothing. The values
// outside that the new body reads as its constants are appended to `operands`.
Graph without_invariants(const Graph& body, int first_constant, const std::vector<ValueId>& constants,
                         const Graph& outside,
                         const std::function<std::vector<ValueId>(const Node&, const std::vector<ValueId>&)>& compute,
                         std::vector<ValueId>& operands);

}  // namespace gemmule
