// Linear algebra and transforms for many chains: their leading dimensions are batches.
#include "passes/batch_rules.h"

namespace gemmule {
namespace {

BatchValues with_operands(const BatchContext& context, std::vector<ValueId> operands) {
  BatchValues results;
  for (const ValueId value : context.graph.add_all(context.node.op, std::move(operands),
                                                   context.attributes(), context.node.origin)) {
    results.push_back({value, true});
  }
  return results;
}

// The operands before `end` with the chains in front, the others, sizes, as they are.
BatchValues leading_before(const BatchContext& context, int end) {
  context.need_shared(end, context.count());
  std::vector<ValueId> operands;
  for (int i = 0; i < context.count(); ++i)
    operands.push_back(i < end ? context.spread(i) : context.value(i));
  return with_operands(context, std::move(operands));
}

}  // namespace

BatchValues batch_leading(const BatchContext& context) {
  return leading_before(context, context.count());
}
BatchValues batch_transform(const BatchContext& context) { return leading_before(context, 1); }
BatchValues batch_convolution(const BatchContext& context) { return leading_before(context, 2); }

// One matrix that all chains share is factorised once, with the right sides of all chains as
// columns.
BatchValues batch_solve(const BatchContext& context) {
  if (context.is_batched(0) || context.rank(0) != 2) return batch_leading(context);
  const ValueId b = context.value(1);
  const ValueId rows = context.size(b, 1), columns = context.size(b, 2);
  const ValueId side_by_side = context.reshaped(
      context.transposed(b, {1, 0, 2}), {rows, context.product(context.chain_count, columns)});
  const ValueId x = with_operands(context, {context.value(0), side_by_side})[0].value;
  return {{context.transposed(context.reshaped(x, {rows, context.chain_count, columns}), {1, 0, 2}),
           true}};
}

}  // namespace gemmule
