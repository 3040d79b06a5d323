// Views that only add axes of size 1, drop them, or repeat along them: what a pass over elements
// can look through.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace gemmule {

// An operand of an elementwise op: the value whose memory is read, and how its axes lie in the
// pass. A pass is the shape of the op's result without its axes of size 1.
struct PassOperand {
  ValueId value = kNone;
  std::vector<int>
      axes;  // of `value`: each an axis of the pass, ascending, or -1 where its size is 1
};

// The sizes other than 1.
Integers pass_sizes(const Type& type);

// What is read of `value` by an elementwise op whose result has the shape `result`, or which
// reduces a value of that shape.
PassOperand look_through(const Graph& graph, ValueId value, const Shape& result);

// The value as an operand of a pass of `rank` axes: of this rank, or 0-d. Adds the views that it
// takes.
ValueId aligned(Graph& graph, const PassOperand& operand, int rank);

// The value, whose shape is `type`'s without some of its axes of size 1, with all of them.
ValueId with_unit_axes(Graph& graph, ValueId value, const Type& type);

// The view broadcast_to of a static shape.
ValueId broadcast_view(Graph& graph, ValueId value, const Integers& sizes);

}  // namespace gemmule
