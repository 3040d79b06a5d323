// Evaluates graphs on the host: constant folding, and the reference that tests compare with. Simple
// rather than fast: every value is a fresh row-major tensor.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

// Whether the host evaluates the op: not LAPACK, sorting and what only the native executor has.
bool evaluates(Op op);

// The results of one node, from tensors for its operands; nothing for ops that the host does not
// evaluate. Throws IndexError for an index out of bounds.
std::optional<std::vector<Tensor>> evaluate(const Graph& graph, const Node& node,
                                            const std::vector<Tensor>& operands);

// All outputs of a graph whose types are static. Throws UnsupportedError naming an op that the host
// does not evaluate.
std::vector<Tensor> evaluate(const Graph& graph, const std::vector<Tensor>& inputs);

}  // namespace gemmule
