// Inference: products with sparse matrices.
#include "ir/infer_rules.h"

namespace gemmule {
namespace {

// Operands `indices` and `indices + 1`: the pattern of a matrix. `rows` is what indptr has to say.
void need_pattern(const InferContext& context, int indices, const Dim* rows) {
  for (const auto& [operand, name] : {std::pair(indices, "indices"), std::pair(indices + 1, "indptr")}) {
    need_rank(context, operand, 1, name);
    need_integer(context, operand, name);
    if (context.type(operand).dtype != context.type(indices).dtype) {
      fail_dtype(context, describe(context, operand, name) + ", the indices have another dtype");
    }
  }
  const Dim& length = context.type(indices + 1).shape[0];
  if (length.is_known() && length.size < 1) fail_shape(context, describe(context, indices + 1, "indptr") + ", it is empty");
  if (rows != nullptr && length.is_known() && rows->is_known() && length.size != rows->size + 1) {
    fail_shape(context, describe(context, indices + 1, "indptr") + " of a matrix with " + std::to_string(rows->size) +
                            " rows: it must have one element more");
  }
}

void need_data(const InferContext& context, int data, int indices) {
  need_rank(context, data, 1, "data");
  if (!may_agree(context.type(data).shape[0], context.type(indices).shape[0])) {
    fail_shape(context, describe(context, data, "data") + ", " + describe(context, indices, "indices") + ": sizes differ");
  }
  const DType dtype = context.type(data).dtype;
  if (dtype == DType::f16 || dtype == DType::bool_) {
    throw UnsupportedError(message(context, describe(context, data, "data") + ": there is no kernel for the dtype"));
  }
}

}  // namespace

Types infer_csr_matmul(InferContext& context) {
  const Dim rows = size_operand(context, 3), columns = size_operand(context, 4);
  need_pattern(context, 1, &rows);
  need_data(context, 0, 1);
  need_rank(context, 5, 2, "B");
  if (context.type(0).dtype != context.type(5).dtype) {
    fail_dtype(context, describe(context, 0, "data") + ", " + describe(context, 5, "B") + ": dtypes differ");
  }
  const Shape& b = context.type(5).shape;
  const bool transpose = context.attributes.flag("transpose");
  const Dim& inner = transpose ? rows : columns;
  if (!may_agree(inner, b[0])) {
    fail_shape(context, describe(context, 5, "B") + ", the sparse matrix has " + std::to_string(inner.size) +
                            (transpose ? " rows" : " columns") + ": inner dimensions differ");
  }
  return {Type{context.type(0).dtype, {transpose ? columns : rows, b[1]}}};
}

Types infer_csr_sampled_matmul(InferContext& context) {
  need_rank(context, 2, 2, "A");
  need_rank(context, 3, 2, "B");
  const Shape &a = context.type(2).shape, &b = context.type(3).shape;
  need_pattern(context, 0, &a[0]);
  if (context.type(2).dtype != context.type(3).dtype) {
    fail_dtype(context, describe(context, 2, "A") + ", " + describe(context, 3, "B") + ": dtypes differ");
  }
  if (!may_agree(a[1], b[1])) {
    fail_shape(context, describe(context, 2, "A") + ", " + describe(context, 3, "B") + ": inner dimensions differ");
  }
  const DType dtype = context.type(2).dtype;
  if (dtype == DType::f16 || dtype == DType::bool_) {
    throw UnsupportedError(message(context, describe(context, 2, "A") + ": there is no kernel for the dtype"));
  }
  return {Type{dtype, context.type(0).shape}};
}

Types infer_csr_sample(InferContext& context) {
  size_operand(context, 3);
  need_pattern(context, 1, nullptr);
  need_pattern(context, 4, nullptr);
  need_data(context, 0, 1);
  if (!may_agree(context.type(2).shape[0], context.type(5).shape[0])) {
    fail_shape(context, describe(context, 2, "indptr") + ", " + describe(context, 5, "indptr to read at") + ": sizes differ");
  }
  return {Type{context.type(0).dtype, context.type(4).shape}};
}

}  // namespace gemmule
