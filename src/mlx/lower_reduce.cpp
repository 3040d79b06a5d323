// Reductions: Gemmule's own on the CPU, MLX's elsewhere.
#include <algorithm>

#include "ir/error.h"
#include "mlx/host_primitives.h"
#include "mlx/lower_helpers.h"
#include "mlx/ops.h"

namespace gemmule {
namespace {

std::vector<int> reduced_axes(const LowerContext& context) {
  std::vector<int> axes = axes_of(context, "axes", context.operand_type(0).rank());
  std::sort(axes.begin(), axes.end());
  return axes;
}

// `on_gpu` takes the operand and the axes; its result is cast to the dtype of the node.
template <class OnGpu>
Lowered reduction(LowerContext& context, OnGpu on_gpu) {
  const std::vector<int> axes = reduced_axes(context);
  const DType dtype = context.result_type().dtype;
  if (context.on_cpu) return lower_to<Reduce>(context, context.node.op, dtype, axes);
  return {mx::astype(on_gpu(context.operands[0], axes), to_mlx(dtype), context.stream)};
}

// The operand of a sum or product in the dtype that accumulates: float16 goes through float32.
mx::array accumulated(const LowerContext& context, const mx::array& x) {
  const DType dtype = context.result_type().dtype;
  return mx::astype(x, dtype == DType::f16 ? mx::float32 : to_mlx(dtype), context.stream);
}

// The reduced axes as one, in their order, at the end.
mx::array reduced_axes_last(const LowerContext& context, const mx::array& x,
                            const std::vector<int>& axes) {
  std::vector<int> perm;
  mx::Shape shape;
  for (int axis = 0; axis < static_cast<int>(x.ndim()); ++axis) {
    if (std::ranges::count(axes, axis) > 0) continue;
    perm.push_back(axis);
    shape.push_back(x.shape(axis));
  }
  mx::ShapeElem count = 1;
  for (const int axis : axes) {
    perm.push_back(axis);
    count *= x.shape(axis);
  }
  shape.push_back(count);
  return mx::reshape(mx::transpose(x, perm, context.stream), shape, context.stream);
}

using ArgReduce = mx::array (*)(const mx::array&, int, bool, mx::StreamOrDevice);

// MLX's comparisons pass NaN by; here its first position wins.
Lowered position(LowerContext& context, ArgReduce find) {
  return reduction(context, [&](const mx::array& operand, const std::vector<int>& axes) {
    const mx::array x = reduced_axes_last(context, operand, axes);
    const mx::array best = find(x, -1, false, context.stream);
    if (!mx::issubdtype(x.dtype(), mx::floating)) return best;
    const mx::array nan = mx::isnan(x, context.stream);
    const mx::array first_nan =
        mx::argmax(mx::astype(nan, mx::int32, context.stream), -1, false, context.stream);
    return mx::where(mx::any(nan, -1, false, context.stream), first_nan, best, context.stream);
  });
}

using Extremum = mx::array (*)(const mx::array&, const std::vector<int>&, bool, mx::StreamOrDevice);

Lowered extremum(LowerContext& context, Extremum function, Extremum of_bool) {
  return reduction(context, [&](const mx::array& x, const std::vector<int>& axes) {
    return (x.dtype() == mx::bool_ ? of_bool : function)(x, axes, false, context.stream);
  });
}

}  // namespace

Lowered lower_reduce_sum(LowerContext& context) {
  return reduction(context, [&](const mx::array& x, const std::vector<int>& axes) {
    const mx::array terms = accumulated(context, x);
    // A sum of bools in bool is `any`; MLX counts.
    if (terms.dtype() == mx::bool_) return mx::any(terms, axes, false, context.stream);
    return mx::sum(terms, axes, false, context.stream);
  });
}

Lowered lower_reduce_prod(LowerContext& context) {
  return reduction(context, [&](const mx::array& x, const std::vector<int>& axes) {
    const mx::array factors = accumulated(context, x);
    if (factors.dtype() == mx::bool_) return mx::all(factors, axes, false, context.stream);
    return mx::prod(factors, axes, false, context.stream);
  });
}

Lowered lower_reduce_max(LowerContext& context) { return extremum(context, mx::max, mx::any); }
Lowered lower_reduce_min(LowerContext& context) { return extremum(context, mx::min, mx::all); }
Lowered lower_reduce_any(LowerContext& context) { return extremum(context, mx::any, mx::any); }
Lowered lower_reduce_all(LowerContext& context) { return extremum(context, mx::all, mx::all); }
Lowered lower_argmax(LowerContext& context) { return position(context, mx::argmax); }
Lowered lower_argmin(LowerContext& context) { return position(context, mx::argmin); }

}  // namespace gemmule
