// Elementwise ops, reductions, views and movement for many chains: axes move by one.
#include <algorithm>
#include <numeric>

#include "ir/error.h"
#include "passes/batch_rules.h"

namespace gemmule {

// -- what rules share
// ------------------------------------------------------------------------------

std::int64_t shifted(std::int64_t axis, int rank) { return (axis < 0 ? axis + rank : axis) + 1; }

Integers shifted(const Integers& axes, int rank) {
  Integers result;
  for (const std::int64_t axis : axes) result.push_back(shifted(axis, rank));
  return result;
}

ValueId BatchContext::integer(std::int64_t number) const {
  return graph.add_constant(Tensor::from_bytes(DType::i64, {}, &number));
}

ValueId BatchContext::size(ValueId value, int axis) const {
  const Dim& dim = graph.type(value).shape[axis];
  if (dim.is_known()) return integer(dim.size);
  return add(Op::dim, {value}, {{"axis", static_cast<std::int64_t>(axis)}});
}

ValueId BatchContext::product(ValueId x, ValueId y) const {
  const auto a = graph.integer_constant(x), b = graph.integer_constant(y);
  if (a && b) return integer(*a * *b);
  return add(Op::multiply, {x, y});
}

ValueId BatchContext::expanded(ValueId value, Integers axes) const {
  return axes.empty() ? value : add(Op::expand_dims, {value}, {{"axes", std::move(axes)}});
}

ValueId BatchContext::transposed(ValueId value, Integers perm) const {
  return std::is_sorted(perm.begin(), perm.end())
             ? value
             : add(Op::transpose, {value}, {{"perm", std::move(perm)}});
}

ValueId BatchContext::swapped(ValueId value) const {
  Integers perm(graph.type(value).rank());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 2], perm.back());
  return transposed(value, perm);
}

ValueId BatchContext::reshaped(ValueId value, std::vector<ValueId> sizes) const {
  sizes.insert(sizes.begin(), value);
  return add(Op::reshape, std::move(sizes));
}

ValueId BatchContext::spread(int operand) const {
  if (is_batched(operand)) return value(operand);
  const ValueId shared = value(operand);
  std::vector<ValueId> operands{expanded(shared, {0}), chain_count};
  for (int axis = 0; axis < graph.type(shared).rank(); ++axis)
    operands.push_back(size(shared, axis));
  return add(Op::broadcast_to, std::move(operands));
}

ValueId BatchContext::aligned(int operand, int to_rank) const {
  if (!is_batched(operand) && rank(operand) == 0) return value(operand);
  Integers axes;
  if (!is_batched(operand)) axes.push_back(0);
  for (int axis = 1; axis <= to_rank - rank(operand); ++axis) axes.push_back(axis);
  return expanded(value(operand), axes);
}

int BatchContext::largest_rank(int first, int last) const {
  int largest = 0;
  for (int i = first; i < last; ++i) largest = std::max(largest, rank(i));
  return largest;
}

void BatchContext::need_shared(int first, int last) const {
  for (int i = first; i < last; ++i) {
    if (!is_batched(i)) continue;
    throw UnsupportedError("[batched] a size or position of " + std::string(info(node.op).name) +
                           " differs between chains" +
                           (node.origin.empty() ? "" : " (node \"" + node.origin + "\")"));
  }
}

namespace {

BatchValues one(ValueId value) { return {{value, true}}; }

BatchValues all(const BatchContext& context, std::vector<ValueId> operands, Attributes attributes) {
  BatchValues results;
  for (const ValueId value : context.graph.add_all(context.node.op, std::move(operands),
                                                   std::move(attributes), context.node.origin)) {
    results.push_back({value, true});
  }
  return results;
}

// The attributes with those that name axes of an operand of rank `rank` shifted.
Attributes with_shifted_axes(const Attributes& given, int rank) {
  Attributes attributes = given;
  for (const char* name : {"axes", "elements"}) {
    if (given.find(name) != nullptr) attributes.set(name, shifted(given.integers(name), rank));
  }
  if (given.find("axis") != nullptr) attributes.set("axis", shifted(given.integer("axis"), rank));
  return attributes;
}

std::vector<ValueId> values_from(const BatchContext& context, int first) {
  std::vector<ValueId> values;
  for (int i = first; i < context.count(); ++i) values.push_back(context.value(i));
  return values;
}

std::vector<ValueId> behind(std::vector<ValueId> operands, const std::vector<ValueId>& more) {
  operands.insert(operands.end(), more.begin(), more.end());
  return operands;
}

}  // namespace

// -- elementwise
// -----------------------------------------------------------------------------------

BatchValues batch_elementwise(const BatchContext& context) {
  const int rank = context.largest_rank(0, context.count());
  std::vector<ValueId> operands;
  for (int i = 0; i < context.count(); ++i) operands.push_back(context.aligned(i, rank));
  return all(context, std::move(operands), context.attributes());
}

// -- one operand
// -----------------------------------------------------------------------------------

BatchValues batch_along_axes(const BatchContext& context) {
  return all(context, {context.value(0)}, with_shifted_axes(context.attributes(), context.rank(0)));
}

BatchValues batch_copy(const BatchContext& context) {
  return all(context, {context.value(0)}, context.attributes());
}

BatchValues batch_dim(const BatchContext& context) {
  const Attributes attributes = with_shifted_axes(context.attributes(), context.rank(0));
  return {{context.add(Op::dim, {context.value(0)}, attributes), false}};
}

BatchValues batch_transpose(const BatchContext& context) {
  Integers perm = shifted(context.attributes().integers("perm"), context.rank(0));
  perm.insert(perm.begin(), 0);
  return one(context.add(Op::transpose, {context.value(0)}, {{"perm", perm}}));
}

BatchValues batch_expand_dims(const BatchContext& context) {
  const Integers& axes = context.attributes().integers("axes");
  const int rank = context.rank(0) + static_cast<int>(axes.size());
  return one(context.add(Op::expand_dims, {context.value(0)}, {{"axes", shifted(axes, rank)}}));
}

BatchValues batch_diagonal(const BatchContext& context) {
  Attributes attributes = context.attributes();
  attributes.set("axis1", shifted(context.attributes().integer("axis1", 0), context.rank(0)));
  attributes.set("axis2", shifted(context.attributes().integer("axis2", 1), context.rank(0)));
  return all(context, {context.value(0)}, attributes);
}

BatchValues batch_reshape(const BatchContext& context) {
  context.need_shared(1, context.count());
  const ValueId x = context.value(0);
  std::vector<ValueId> sizes = values_from(context, 1);
  // -1 leaves open how the elements of a chain are arranged where there are no chains.
  const auto open = std::find_if(sizes.begin(), sizes.end(), [&](ValueId size) {
    return context.graph.integer_constant(size) == -1;
  });
  if (open != sizes.end()) {
    ValueId elements = context.integer(1), others = context.integer(1);
    for (int axis = 1; axis <= context.rank(0); ++axis)
      elements = context.product(elements, context.size(x, axis));
    for (auto size = sizes.begin(); size != sizes.end(); ++size) {
      if (size != open) others = context.product(others, *size);
    }
    const auto a = context.graph.integer_constant(elements),
               b = context.graph.integer_constant(others);
    *open = a && b ? context.integer(*b == 0 ? 0 : *a / *b)
                   : context.add(Op::floor_divide, {elements, others});
  }
  sizes.insert(sizes.begin(), context.chain_count);
  return one(context.reshaped(x, std::move(sizes)));
}

BatchValues batch_broadcast_to(const BatchContext& context) {
  context.need_shared(1, context.count());
  const std::vector<ValueId> sizes = values_from(context, 1);
  const ValueId x = context.aligned(0, static_cast<int>(sizes.size()));
  return one(context.add(Op::broadcast_to, behind({x, context.chain_count}, sizes)));
}

BatchValues batch_slice(const BatchContext& context) {
  context.need_shared(1, context.count());
  return all(context, values_from(context, 0),
             with_shifted_axes(context.attributes(), context.rank(0)));
}

// -- several operands
// ------------------------------------------------------------------------------

BatchValues batch_slice_update(const BatchContext& context) {
  context.need_shared(2, context.count());
  const int rank = context.rank(0);
  // What is written is aligned at the right with what the slice leaves, which has the rank of x.
  const ValueId x = context.spread(0),
                y = context.is_batched(1) ? context.aligned(1, rank) : context.value(1);
  return all(context, behind({x, y}, values_from(context, 2)),
             with_shifted_axes(context.attributes(), rank));
}

BatchValues batch_stack(const BatchContext& context) {
  std::vector<ValueId> columns;
  for (int i = 0; i < context.count(); ++i)
    columns.push_back(context.expanded(context.spread(i), {1}));
  return one(context.add(Op::concatenate, std::move(columns), {{"axis", std::int64_t{1}}}));
}

BatchValues batch_concatenate(const BatchContext& context) {
  std::vector<ValueId> operands;
  for (int i = 0; i < context.count(); ++i) operands.push_back(context.spread(i));
  return all(context, std::move(operands),
             with_shifted_axes(context.attributes(), context.rank(0)));
}

// Of what is made of sizes alone.
BatchValues batch_size(const BatchContext& context) {
  context.need_shared(0, context.count());
  throw InternalError("[batched] a rule was asked for a node that chains share");
}

// Where the condition differs between chains both branches are computed, and each chain takes its
// own.
BatchValues batch_choose_branch(const BatchContext& context) {
  const int results = (context.count() - 1) / 2;
  if (!context.is_batched(0)) {
    std::vector<ValueId> operands{context.value(0)};
    for (int i = 1; i < context.count(); ++i) operands.push_back(context.spread(i));
    return all(context, std::move(operands), context.attributes());
  }
  ValueId condition = context.value(0);
  const DType dtype = context.graph.type(condition).dtype;
  if (dtype != DType::bool_) {
    condition = context.add(Op::not_equal, {condition, context.graph.add_scalar(dtype, 0)});
  }
  BatchValues values;
  for (int i = 1; i <= results; ++i) {
    const ValueId a = context.spread(i), b = context.spread(i + results);
    if (context.attributes().flag("static") &&
        context.graph.type(a).shape != context.graph.type(b).shape) {
      throw UnsupportedError("[batched] the shape of a branch that chains choose differently");
    }
    Integers axes;
    for (int axis = 1; axis <= context.graph.type(a).rank() - 1; ++axis) axes.push_back(axis);
    values.push_back({context.add(Op::where, {context.expanded(condition, axes), a, b}), true});
  }
  return values;
}

}  // namespace gemmule
