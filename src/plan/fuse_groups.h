// Which elementwise ops and reductions run as one pass.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "plan/unit_views.h"

namespace gemmule {

// Nodes of one pass: elementwise ops and reductions of what they compute, operands before their
// users.
using Group = std::vector<NodeId>;

struct Grouping {
  std::vector<PassOperand> operands;  // of all members of passes, node after node
  std::vector<int> first_operand;     // by node; kNone for nodes that belong to no pass
  std::vector<Group> steps;           // every node once, in an order in which the groups can run

  const PassOperand& operand(NodeId node, int i) const { return operands[first_operand[node] + i]; }
  bool in_pass(NodeId node) const { return first_operand[node] != kNone; }
};

Grouping group_passes(const Graph& graph);

// Reductions that a pass can do on the way.
bool folds_in_pass(const Graph& graph, const Node& node);

// The reduced axes of a reduction as axes of its pass, ascending.
Integers reduced_pass_axes(const Graph& graph, const Node& node);

}  // namespace gemmule
