// Inference of products: as the graph states them, and as BLAS ops.
#include "ir/infer_rules.h"

namespace gemmule {
namespace {

// Rows and columns of a matrix operand (its last two axes), after its transpose flag.
struct MatrixDims {
  Dim rows, columns;
};

MatrixDims matrix_dims(const InferContext& context, int operand, bool transposed) {
  const Shape& shape = context.type(operand).shape;
  const Dim rows = shape[shape.size() - 2], columns = shape[shape.size() - 1];
  return transposed ? MatrixDims{columns, rows} : MatrixDims{rows, columns};
}

// "A is f64[3,4], B is f64[5,6]: inner dimensions 4 and 5 differ"
void need_inner(const InferContext& context, int a, const std::string& a_name, const Dim& a_inner, int b,
                const std::string& b_name, const Dim& b_inner) {
  if (may_agree(a_inner, b_inner)) return;
  fail_shape(context, describe(context, a, a_name) + ", " + describe(context, b, b_name) +
                          ": inner dimensions " + std::to_string(a_inner.size) + " and " +
                          std::to_string(b_inner.size) + " differ");
}

void need_numeric_scale(const InferContext& context, int operand, const std::string& name) {
  need_scalar(context, operand, name);
  if (!is_inexact(context.type(operand).dtype)) {
    fail_dtype(context, describe(context, operand, name) + ": a scaled product is float or complex");
  }
}

void optional_alpha(const InferContext& context, int operand) {
  need_operands(context, operand, operand + 1);
  need_same_dtype(context);
  if (context.count() > operand) need_numeric_scale(context, operand, "alpha");
}

// The shape of A@B, operands `a` and `a + 1`, batch dims equal.
Shape product_shape(const InferContext& context, int a) {
  const int b = a + 1;
  const Shape& shape_a = context.type(a).shape;
  const Shape& shape_b = context.type(b).shape;
  const auto dims_a = matrix_dims(context, a, context.attributes.flag("trans_a"));
  const auto dims_b = matrix_dims(context, b, context.attributes.flag("trans_b"));
  need_inner(context, a, "A", dims_a.columns, b, "B", dims_b.rows);
  Shape shape;
  for (std::size_t axis = 0; axis + 2 < shape_a.size(); ++axis) {
    if (!may_agree(shape_a[axis], shape_b[axis])) {
      fail_shape(context, describe(context, a, "A") + ", " + describe(context, b, "B") +
                              ": batch dimensions " + std::to_string(shape_a[axis].size) + " and " +
                              std::to_string(shape_b[axis].size) + " differ");
    }
    shape.push_back(agreed(shape_a[axis], shape_b[axis]));
  }
  shape.push_back(dims_a.rows);
  shape.push_back(dims_b.columns);
  return shape;
}

// The shape of product + addend. Sizes must agree, unless the attribute `broadcast_c` says that either
// stretches to the other, as PyTensor's Gemm does at run time.
Shape sum_shape(const InferContext& context, Shape product, int addend, const std::string& name) {
  const Shape& other = context.type(addend).shape;
  const bool stretch = context.attributes.flag("broadcast_c");
  for (std::size_t axis = 0; axis < product.size(); ++axis) {
    const bool stretches = stretch && (product[axis].is_one() || other[axis].is_one());
    if (!stretches && !may_agree(product[axis], other[axis])) {
      fail_shape(context, describe(context, addend, name) + ", the product is " +
                              to_text(Type{context.type(addend).dtype, product}, &context.graph) +
                              ": shapes must be equal");
    }
    product[axis] = stretches && product[axis].is_one() ? other[axis] : agreed(product[axis], other[axis]);
  }
  return product;
}

Types infer_product(InferContext& context, int rank_at_least, int rank_at_most) {
  optional_alpha(context, 2);
  const int rank = context.type(0).rank();
  if (rank < rank_at_least || (rank_at_most > 0 && rank > rank_at_most)) {
    need_rank(context, 0, rank_at_least, "A");
  }
  need_rank(context, 1, rank, "B");
  return {Type{context.type(0).dtype, product_shape(context, 0)}};
}

Types infer_product_sum(InferContext& context) {
  need_numeric_scale(context, 0, "alpha");
  need_numeric_scale(context, 3, "beta");
  need_same_dtype(context);
  const int rank = context.type(1).rank();
  need_rank(context, 2, rank, "B");
  need_rank(context, 4, rank, "C");
  return {Type{context.type(0).dtype, sum_shape(context, product_shape(context, 1), 4, "C")}};
}

}  // namespace

Types infer_matmul(InferContext& context) { return infer_product(context, 2, 2); }

Types infer_batched_matmul(InferContext& context) { return infer_product(context, 3, 0); }

Types infer_matvec(InferContext& context) {
  optional_alpha(context, 2);
  need_rank(context, 0, 2, "A");
  need_rank(context, 1, 1, "x");
  const auto dims = matrix_dims(context, 0, context.attributes.flag("trans_a"));
  need_inner(context, 0, "A", dims.columns, 1, "x", context.type(1).shape[0]);
  return {Type{context.type(0).dtype, {dims.rows}}};
}

Types infer_dot(InferContext& context) {
  need_same_dtype(context);
  need_rank(context, 0, 1, "x");
  need_rank(context, 1, 1, "y");
  need_inner(context, 0, "x", context.type(0).shape[0], 1, "y", context.type(1).shape[0]);
  return {Type{context.type(0).dtype, {}}};
}

Types infer_outer(InferContext& context) {
  optional_alpha(context, 2);
  need_rank(context, 0, 1, "x");
  need_rank(context, 1, 1, "y");
  return {Type{context.type(0).dtype, {context.type(0).shape[0], context.type(1).shape[0]}}};
}

Types infer_gemm(InferContext& context) {
  need_rank(context, 1, 2, "A");
  return infer_product_sum(context);
}

Types infer_batched_gemm(InferContext& context) {
  need_rank_at_least(context, 1, 3, "A");
  return infer_product_sum(context);
}

Types infer_gemv(InferContext& context) {
  need_numeric_scale(context, 0, "alpha");
  need_numeric_scale(context, 3, "beta");
  need_same_dtype(context);
  need_rank(context, 1, 2, "A");
  need_rank(context, 2, 1, "x");
  need_rank(context, 4, 1, "y");
  const auto dims = matrix_dims(context, 1, context.attributes.flag("trans_a"));
  need_inner(context, 1, "A", dims.columns, 2, "x", context.type(2).shape[0]);
  return {Type{context.type(0).dtype, sum_shape(context, {dims.rows}, 4, "y")}};
}

Types infer_ger(InferContext& context) {
  need_numeric_scale(context, 0, "alpha");
  need_same_dtype(context);
  need_rank(context, 1, 1, "x");
  need_rank(context, 2, 1, "y");
  need_rank(context, 3, 2, "A");
  const Shape product{context.type(1).shape[0], context.type(2).shape[0]};
  return {Type{context.type(0).dtype, sum_shape(context, product, 3, "A")}};
}

}  // namespace gemmule
