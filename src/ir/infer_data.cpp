// Inference: what depends on the values of its operands: positions, distinct values, choices.
#include "ir/infer_rules.h"

namespace gemmule {
namespace {

// A size that is known when all of `shape` is, else a new symbol.
Dim product_of(InferContext& context, const Shape& shape) {
  std::int64_t product = 1;
  for (const Dim& dim : shape) {
    if (!dim.is_known()) return Dim::unknown(context.graph.add_symbol());
    product *= dim.size;
  }
  return Dim::known(product);
}

std::string size_text(const Dim& dim) { return dim.is_known() ? std::to_string(dim.size) : "unknown"; }

}  // namespace

Types infer_nonzero(InferContext& context) {
  need_operands(context, 1, -1);
  need_rank_at_least(context, 0, 1, "x");
  const Shape& shape = context.type(0).shape;
  const int rank = context.type(0).rank();
  if (context.count() > 1) need_operands(context, 1 + rank, 1 + rank);
  for (int axis = 0; axis + 1 < context.count(); ++axis) {
    const Dim size = size_operand(context, axis + 1);
    if (may_agree(size, shape[axis])) continue;
    throw IndexError(message(context, "the boolean index did not match the indexed array along axis " +
                                          std::to_string(axis) + " of the index: the axis has size " +
                                          size_text(size) + ", the index " + size_text(shape[axis])));
  }
  const Dim count = product_of(context, shape);
  return {Type{DType::i64, {Dim::known(rank), count}}, Type{DType::i64, {}}};
}

Types infer_unique(InferContext& context) {
  const Type& x = context.type(0);
  if (x.rank() != 1 && x.rank() != 2) fail_shape(context, describe(context, 0, "x") + ", it must be a vector or rows");
  const Type positions{DType::i64, {x.shape[0]}};
  return {x, positions, positions, positions, Type{DType::i64, {}}};
}

Types infer_searchsorted(InferContext& context) {
  need_operands(context, 2, 3);
  const auto batch = static_cast<int>(context.attributes.integer("batch"));
  need_rank(context, 0, batch + 1, "sorted");
  need_rank_at_least(context, 1, batch, "v");
  if (context.type(0).dtype != context.type(1).dtype) {
    fail_dtype(context, describe(context, 0, "sorted") + ", " + describe(context, 1, "v") + ": dtypes differ");
  }
  const Shape& sorted = context.type(0).shape;
  const Shape& values = context.type(1).shape;
  for (int axis = 0; axis < batch; ++axis) {
    if (may_agree(sorted[axis], values[axis])) continue;
    fail_shape(context, describe(context, 0, "sorted") + ", " + describe(context, 1, "v") + ": batch dimensions differ");
  }
  if (context.count() == 3) {
    need_integer(context, 2, "sorter");
    need_rank(context, 2, batch + 1, "sorter");
    for (int axis = 0; axis <= batch; ++axis) {
      if (may_agree(sorted[axis], context.type(2).shape[axis])) continue;
      fail_shape(context, describe(context, 0, "sorted") + ", " + describe(context, 2, "sorter") + ": sizes differ");
    }
  }
  return {Type{DType::i64, values}};
}

Types infer_repeat_indices(InferContext& context) {
  need_rank(context, 0, 1, "counts");
  need_integer(context, 0, "counts");
  return {Type{DType::i64, {size_operand(context, 1)}}};
}

Types infer_choose_branch(InferContext& context) {
  need_operands(context, 3, -1);
  if (context.count() % 2 == 0) throw UserError(message(context, "the branches differ in the number of results"));
  need_scalar(context, 0, "the condition");
  const bool is_static = context.attributes.flag("static");
  const int results = (context.count() - 1) / 2;
  Types types;
  for (int i = 1; i <= results; ++i) {
    const Type a = context.type(i), b = context.type(i + results);
    if (a.dtype != b.dtype || a.rank() != b.rank()) {
      fail_dtype(context, describe(context, i, "result if true") + ", " + describe(context, i + results, "if false") +
                              ": dtype or rank differ");
    }
    Type type = a;
    for (int axis = 0; axis < a.rank(); ++axis) {
      Dim& dim = type.shape[axis];
      if (dim == b.shape[axis]) continue;
      if (is_static) {
        dim = Dim::unknown(context.graph.add_symbol());
      } else if (context.attributes.flag("provable") || !may_agree(dim, b.shape[axis])) {
        throw UnsupportedError(message(context, describe(context, i, "result if true") + ", " +
                                                    describe(context, i + results, "if false") +
                                                    ": the shapes of the branches may differ"));
      } else {
        dim = agreed(dim, b.shape[axis]);
      }
    }
    types.push_back(type);
  }
  return types;
}

}  // namespace gemmule
