// What a node computes, as a person would write it.
#pragma once

#include <string>

#include "ir/graph.h"

namespace gemmule {

// In the names of the graph, seen through views: "exp(%3) + x", "0.5*A@B.T + C", "cholesky(K)".
// Parts that would make it unreadably long are left out: "...".
std::string formula(const Graph& graph, const Node& node);

}  // namespace gemmule
