// Gather and scatter for many chains.
#include <algorithm>
#include <numeric>

#include "passes/batch_rules.h"

namespace gemmule {
namespace {

bool differs(const BatchContext& context, int first) {
  for (int i = first; i < context.count(); ++i) {
    if (context.is_batched(i)) return true;
  }
  return false;
}

// The indices from operand `first` on, [chains, ...] where they differ, of one rank then.
std::vector<ValueId> indices_from(const BatchContext& context, int first) {
  const int rank = context.largest_rank(first, context.count());
  std::vector<ValueId> indices;
  for (int i = first; i < context.count(); ++i) {
    indices.push_back(context.is_batched(i) ? context.aligned(i, rank) : context.value(i));
  }
  return indices;
}

// 0, 1, ..., chains - 1 along the first axis of an index of rank `rank` + 1.
ValueId chain_numbers(const BatchContext& context, int rank) {
  const ValueId numbers =
      context.add(Op::arange, {context.integer(0), context.chain_count, context.integer(1)},
                  {{"dtype", DType::i64}});
  Integers axes;
  for (int axis = 1; axis <= rank; ++axis) axes.push_back(axis);
  return context.expanded(numbers, axes);
}

Integers normal_axes(const BatchContext& context, int rank) {
  Integers axes;
  for (const std::int64_t axis : context.attributes().integers("axes"))
    axes.push_back(axis < 0 ? axis + rank : axis);
  return axes;
}

// The permutation of 1 + before + moved + behind axes that puts the `moved` ones right behind the
// first.
Integers to_front(int before, int moved, int behind) {
  Integers perm{0};
  for (int i = 0; i < moved; ++i) perm.push_back(1 + before + i);
  for (int i = 0; i < before; ++i) perm.push_back(1 + i);
  for (int i = 0; i < behind; ++i) perm.push_back(1 + before + moved + i);
  return perm;
}

Integers inverse(const Integers& perm) {
  Integers result(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) result[perm[i]] = static_cast<std::int64_t>(i);
  return result;
}

Attributes with_axes(const BatchContext& context, Integers axes) {
  Attributes attributes = context.attributes();
  attributes.set("axes", std::move(axes));
  return attributes;
}

Integers first_axes(std::size_t count) {
  Integers axes(count);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

}  // namespace

BatchValues batch_gather(const BatchContext& context) {
  const int rank = context.rank(0);
  const Integers axes = normal_axes(context, rank);
  const int before = static_cast<int>(axes.front()), indexed = static_cast<int>(axes.size());
  const int behind = rank - before - indexed, index_rank = context.largest_rank(1, context.count());
  std::vector<ValueId> operands = indices_from(context, 1);
  if (!differs(context, 1)) {
    operands.insert(operands.begin(), context.value(0));
    return {{context.add(Op::gather, operands, with_axes(context, shifted(axes, rank))), true}};
  }
  if (!context.is_batched(0)) {
    // [before, chains, index, behind]
    operands.insert(operands.begin(), context.value(0));
    const ValueId result = context.add(Op::gather, operands, context.attributes());
    Integers perm(1, before);
    for (int axis = 0; axis < context.graph.type(result).rank(); ++axis) {
      if (axis != before) perm.push_back(axis);
    }
    return {{context.transposed(result, perm), true}};
  }
  // Of every chain its own elements: the number of the chain is one more index.
  operands.insert(operands.begin(), chain_numbers(context, index_rank));
  operands.insert(operands.begin(),
                  context.transposed(context.value(0), to_front(before, indexed, behind)));
  const ValueId result =
      context.add(Op::gather, operands, with_axes(context, first_axes(axes.size() + 1)));
  return {{context.transposed(result, inverse(to_front(before, index_rank, behind))), true}};
}

BatchValues batch_scatter(const BatchContext& context) {
  const int rank = context.rank(0);
  const Integers axes = normal_axes(context, rank);
  const int before = static_cast<int>(axes.front()), indexed = static_cast<int>(axes.size());
  const int behind = rank - before - indexed, index_rank = context.largest_rank(2, context.count());
  const int written = before + index_rank + behind;
  const ValueId x = context.spread(0);
  std::vector<ValueId> operands = indices_from(context, 2);
  if (!differs(context, 2)) {
    const ValueId y = context.is_batched(1) ? context.aligned(1, written) : context.value(1);
    operands.insert(operands.begin(), {x, y});
    return {
        {context.add(context.node.op, operands, with_axes(context, shifted(axes, rank))), true}};
  }
  operands.insert(operands.begin(), chain_numbers(context, index_rank));
  // What is written has the axes [before, index, behind]; those of the indices go first, as in x.
  ValueId y = context.aligned(1, written);
  if (context.graph.type(y).rank() > 0)
    y = context.transposed(y, to_front(before, index_rank, behind));
  const Integers perm = to_front(before, indexed, behind);
  operands.insert(operands.begin(), {context.transposed(x, perm), y});
  const ValueId result =
      context.add(context.node.op, operands, with_axes(context, first_axes(axes.size() + 1)));
  return {{context.transposed(result, inverse(perm)), true}};
}

BatchValues batch_searchsorted(const BatchContext& context) {
  const bool sorter_differs = context.count() == 3 && context.is_batched(2);
  if (context.attributes().integer("batch") == 0 && !context.is_batched(0) && !sorter_differs) {
    std::vector<ValueId> operands;
    for (int i = 0; i < context.count(); ++i) operands.push_back(context.value(i));
    return {{context.add(Op::searchsorted, operands, context.attributes()), true}};
  }
  std::vector<ValueId> operands;
  for (int i = 0; i < context.count(); ++i) operands.push_back(context.spread(i));
  Attributes attributes = context.attributes();
  attributes.set("batch", context.attributes().integer("batch") + 1);
  return {{context.add(Op::searchsorted, operands, attributes), true}};
}

}  // namespace gemmule
