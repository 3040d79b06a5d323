// Elementwise and fused nodes as programs of the block interpreter.
#pragma once

#include "ir/graph.h"
#include "kernels/elementwise.h"

namespace gemmule {

// The program of an elementwise or `fused` node: one input per operand, one output per result.
// Throws UnsupportedError for an op without meaning for its dtypes.
kernels::ElementwiseProgram elementwise_program(const Graph& graph, const Node& node);

// The program of a body of elementwise ops on 0-d values, which belongs to the node `user`.
kernels::ElementwiseProgram body_program(const Node& user, const Graph& body);

}  // namespace gemmule
