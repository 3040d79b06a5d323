// A graph for many chains at once, from the graph for one.
//
// What every chain has its own of gets the chains as its first axis; what is the same for all of
// them stays as it is and is computed once. A product of a matrix that all chains share with a
// vector of each chain becomes one product of two matrices. Runs on the graph before `optimise`,
// which then finds gemm and the rest in the result.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

struct BatchOptions {
  std::vector<int> inputs = {};  // indices of the inputs that every chain has its own of
  std::optional<std::int64_t> chains =
      std::nullopt;  // how many chains; any number when there is none
};

// All outputs have the chains as their first axis, also those that are the same for all. Row c of
// an output is what `graph` gives for row c of these inputs, up to the rounding of sums in
// products. Throws UserError when an index is no input's, UnsupportedError for random draws and
// where chains differ in a size.
Graph batched(const Graph& graph, const BatchOptions& options);

// The last output of `graph` is bool[chains], or bool[] of a single chain: whether its values
// passed all checks. Where they did not, the floating point outputs of that chain become -inf when
// they are one number per chain, as a log density is, and zeros otherwise; integers and bools stay.
void reject_failed(Graph& graph);

}  // namespace gemmule
