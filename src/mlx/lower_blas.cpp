// Products and BLAS: Gemmule's primitives on the CPU, mlx/blas.h elsewhere.
#include "mlx/blas.h"
#include "mlx/host_primitives.h"
#include "mlx/lower.h"
#include "mlx/ops.h"

namespace gemmule {

namespace {

// Operand i as alpha or beta: a number when the graph has it as a constant.
Scale scale(LowerContext& context, int i) {
  return Scale(std::move(context.operands[i]),
               context.graph.scalar_constant(context.node.inputs[i]));
}

// The scale that may be missing.
Scale optional_scale(LowerContext& context, int i) {
  return i < static_cast<int>(context.operands.size()) ? scale(context, i) : Scale(1.0);
}

bool transposes(const LowerContext& context, const char* which) {
  return context.node.attributes.flag(which);
}

// Exchanges the last two axes of operand i when the flag says so. A view.
void transpose_operand(LowerContext& context, int i, const char* flag) {
  if (!transposes(context, flag)) return;
  // The parts of a c128 stay last.
  const int last = context.operand_type(i).dtype == DType::c128 ? -2 : -1;
  context.operands[i] = mx::swapaxes(context.operands[i], last - 1, last, context.stream);
}

// 0-d, whatever rank the scale has in the graph.
void flatten_scale(LowerContext& context, int i) {
  const Type& type = context.operand_type(i);
  if (type.rank() == 0) return;
  mx::Shape shape;
  if (type.dtype == DType::c128) shape.push_back(2);
  context.operands[i] = mx::reshape(context.operands[i], shape, context.stream);
}

Lowered gemm_like(LowerContext& context) {
  std::vector<mx::array>& x = context.operands;
  if (context.on_cpu) {
    flatten_scale(context, 0);
    flatten_scale(context, 3);
    transpose_operand(context, 1, "trans_a");
    transpose_operand(context, 2, "trans_b");
    return lower_to<Gemm>(context);
  }
  return {gemm({.alpha = scale(context, 0),
                .a = std::move(x[1]),
                .b = std::move(x[2]),
                .beta = scale(context, 3),
                .c = std::move(x[4]),
                .trans_a = transposes(context, "trans_a"),
                .trans_b = transposes(context, "trans_b")},
               context.stream)};
}

Lowered matmul_like(LowerContext& context) {
  std::vector<mx::array>& x = context.operands;
  if (context.on_cpu) {
    if (x.size() == 3) flatten_scale(context, 2);
    transpose_operand(context, 0, "trans_a");
    transpose_operand(context, 1, "trans_b");
    return lower_to<Matmul>(context);
  }
  Scale alpha = optional_scale(context, 2);
  return {matmul({.a = std::move(x[0]),
                  .b = std::move(x[1]),
                  .alpha = std::move(alpha),
                  .trans_a = transposes(context, "trans_a"),
                  .trans_b = transposes(context, "trans_b")},
                 context.stream)};
}

}  // namespace

Lowered lower_gemm(LowerContext& context) { return gemm_like(context); }
Lowered lower_batched_gemm(LowerContext& context) { return gemm_like(context); }
Lowered lower_matmul(LowerContext& context) { return matmul_like(context); }
Lowered lower_batched_matmul(LowerContext& context) { return matmul_like(context); }

Lowered lower_gemv(LowerContext& context) {
  std::vector<mx::array>& x = context.operands;
  if (context.on_cpu) {
    flatten_scale(context, 0);
    flatten_scale(context, 3);
    transpose_operand(context, 1, "trans_a");
    return lower_to<Gemv>(context);
  }
  return {gemv({.alpha = scale(context, 0),
                .a = std::move(x[1]),
                .x = std::move(x[2]),
                .beta = scale(context, 3),
                .y = std::move(x[4]),
                .trans_a = transposes(context, "trans_a")},
               context.stream)};
}

Lowered lower_matvec(LowerContext& context) {
  std::vector<mx::array>& x = context.operands;
  if (context.on_cpu) {
    if (x.size() == 3) flatten_scale(context, 2);
    transpose_operand(context, 0, "trans_a");
    return lower_to<Matvec>(context);
  }
  Scale alpha = optional_scale(context, 2);
  return {matvec({.a = std::move(x[0]),
                  .x = std::move(x[1]),
                  .alpha = std::move(alpha),
                  .trans_a = transposes(context, "trans_a")},
                 context.stream)};
}

Lowered lower_ger(LowerContext& context) {
  std::vector<mx::array>& x = context.operands;
  if (context.on_cpu) {
    flatten_scale(context, 0);
    return lower_to<Ger>(context);
  }
  return {ger({.alpha = scale(context, 0),
               .x = std::move(x[1]),
               .y = std::move(x[2]),
               .a = std::move(x[3])},
              context.stream)};
}

Lowered lower_outer(LowerContext& context) {
  std::vector<mx::array>& x = context.operands;
  if (context.on_cpu) {
    if (x.size() == 3) flatten_scale(context, 2);
    return lower_to<Outer>(context);
  }
  Scale alpha = optional_scale(context, 2);
  return {outer({.x = std::move(x[0]), .y = std::move(x[1]), .alpha = std::move(alpha)},
                context.stream)};
}

Lowered lower_dot(LowerContext& context) {
  if (context.on_cpu) return lower_to<Dot>(context);
  return {dot(std::move(context.operands[0]), std::move(context.operands[1]), context.stream)};
}

}  // namespace gemmule
