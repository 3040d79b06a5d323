// Inference of LAPACK ops; leading dimensions are batches.
#include "ir/infer_rules.h"

namespace gemmule {
void need_matrix(const InferContext& context, int operand, const std::string& name) {
  const Type& type = context.type(operand);
  if (!is_inexact(type.dtype) || type.dtype == DType::f16) {
    fail_dtype(context, describe(context, operand, name) + ": f32, f64, c64 or c128 only");
  }
  need_rank_at_least(context, operand, 2, name);
}

void need_square(const InferContext& context, int operand, const std::string& name) {
  need_matrix(context, operand, name);
  const Shape& shape = context.type(operand).shape;
  if (!may_agree(shape[shape.size() - 2], shape[shape.size() - 1])) {
    fail_shape(context, describe(context, operand, name) + ", it must be square");
  }
}

Shape common_batch(const InferContext& context, const std::vector<int>& cores) {
  Shape batch;
  for (int operand = 0; operand < context.count(); ++operand) {
    const std::string name = "operand " + std::to_string(operand);
    need_rank_at_least(context, operand, cores[operand], name);
    const Shape& shape = context.type(operand).shape;
    const Shape leading(shape.begin(), shape.end() - cores[operand]);
    if (operand == 0) batch = leading;
    bool fits = leading.size() == batch.size();
    for (std::size_t axis = 0; fits && axis < batch.size(); ++axis) {
      fits = may_agree(batch[axis], leading[axis]);
      batch[axis] = agreed(batch[axis], leading[axis]);
    }
    if (!fits) {
      fail_shape(context, describe(context, 0, "operand 0") + ", " + describe(context, operand, name) +
                              ": batch dimensions differ");
    }
  }
  return batch;
}

namespace {

Types infer_square_to_same(InferContext& context) {
  need_square(context, 0, "A");
  return {context.type(0)};
}

Types infer_solution(InferContext& context) {
  need_square(context, 0, "A");
  need_same_dtype(context);
  const Shape& a = context.type(0).shape;
  Shape b = context.type(1).shape;
  need_rank(context, 1, static_cast<int>(a.size()), "B");
  for (std::size_t axis = 0; axis + 1 < a.size(); ++axis) {
    if (!may_agree(a[axis], b[axis])) {
      fail_shape(context, describe(context, 0, "A") + ", " + describe(context, 1, "B") + ": sizes of axis " +
                              std::to_string(axis) + " differ");
    }
    b[axis] = agreed(b[axis], a[axis]);
  }
  return {Type{context.type(1).dtype, b}};
}

Shape batch_of(const Shape& shape, std::size_t core) { return Shape(shape.begin(), shape.end() - core); }

}  // namespace

Types infer_cholesky(InferContext& context) { return infer_square_to_same(context); }
Types infer_inv(InferContext& context) { return infer_square_to_same(context); }
Types infer_solve(InferContext& context) { return infer_solution(context); }

Types infer_solve_triangular(InferContext& context) {
  const std::int64_t trans = context.attributes.integer("trans", 0);
  if (trans < 0 || trans > 2) throw UserError(message(context, "trans is 0 (N), 1 (T) or 2 (C)"));
  return infer_solution(context);
}

Types infer_slogdet(InferContext& context) {
  need_square(context, 0, "A");
  const Type& type = context.type(0);
  const Shape batch = batch_of(type.shape, 2);
  return {Type{type.dtype, batch}, Type{real_part(type.dtype), batch}};
}

Types infer_eigh(InferContext& context) {
  need_square(context, 0, "A");
  const Type& type = context.type(0);
  return {Type{real_part(type.dtype), batch_of(type.shape, 1)}, type};
}

}  // namespace gemmule
