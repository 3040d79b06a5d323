// How a node can run block by block of rows: which axes of its operands and of its result are cut.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace gemmule {

constexpr std::int64_t kWhole = -1;  // an operand that every block reads as a whole
constexpr std::int64_t kAfterwards =
    -2;  // an operand that is not read by the blocks, but after them
constexpr std::int64_t kRowNumbers =
    -3;  // indices 0, 1, 2 ... of rows: in a block, those of its rows

struct RowCut {
  Integers operands;  // the axis along which each operand is cut, or one of the above
  int result =
      0;  // the axis along which the result is cut; kNone where it is a sum over all blocks
};

// All ways, whatever the sizes are: matvec(A, x) by rows of A, or as a sum over the columns of A
// and the elements of x. Only for nodes of one result.
std::vector<RowCut> row_cuts(const Graph& graph, const Node& node);

// Of a node that is cut as `cut`: what a block computes, inside the body whose values `operands`
// are. Operands that are read afterwards and numbers of rows are kNone.
ValueId add_block(Graph& body, const Graph& graph, const Node& node, const RowCut& cut,
                  const std::vector<ValueId>& operands);

// What remains to be done with the sum over all blocks: gemv(a, A, x, b, y) is sum + b*y.
ValueId add_afterwards(Graph& graph, const Node& node, ValueId sum);

}  // namespace gemmule
