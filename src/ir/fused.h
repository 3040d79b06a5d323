// What the results of a `fused` node are: its attribute `reduce`.
//
// Without the attribute every result has the shape of the pass, the broadcast of the operands. With
// it, "none; reduce_sum 0 1; reduce_max 1" says so for the first result, and that the other two
// are reduced over these axes of the pass while it runs. A reduction works in the dtype of the
// body's output: `reduce_sum` of float32 sums in float32.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

// Whether results of a pass may be reduced by this op: the reductions but argmax and argmin.
bool folds_in_a_pass(Op op);

struct FusedResult {
  std::optional<Op> reduction;  // reduce_sum, reduce_prod, reduce_max, reduce_min, reduce_any or reduce_all
  Integers axes;                // of the pass; ascending, not empty for a reduction

  friend bool operator==(const FusedResult&, const FusedResult&) = default;
};

// One per result. Throws UserError where the attribute says something else than the above.
std::vector<FusedResult> fused_results(const Attributes& attributes);

// The attribute's text; "" when nothing is reduced: then the node needs no attribute.
std::string reduce_attribute(const std::vector<FusedResult>& results);

// The shape of the pass of a fused node: the broadcast of its operands.
Shape pass_shape(const Graph& graph, const Node& node);

}  // namespace gemmule
