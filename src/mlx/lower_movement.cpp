// Ops that write elements to new places: joining, updating slices, sorting, running sums.
#include <utility>

#include "kernels/movement.h"
#include "mlx/host_primitives.h"
#include "mlx/lower_helpers.h"
#include "mlx/ops.h"

namespace gemmule {
namespace {

// Arrays joined along `axis`. MLX's own hands every part over to the stream's thread.
class HostConcatenate : public HostPrimitive {
 public:
  HostConcatenate(mx::Stream stream, Signature signature, int axis)
      : HostPrimitive(stream, std::move(signature)), axis_(axis) {}
  const char* name() const override { return "HostConcatenate"; }

 protected:
  std::vector<Extents> result_shapes(const std::vector<Extents>& operands) const override {
    Extents shape = operands[0];
    for (std::size_t i = 1; i < operands.size(); ++i) shape[axis_] += operands[i][axis_];
    return {shape};
  }

  void compute(std::span<const ConstView> in, std::span<const View> out) const override {
    View part = out[0];
    for (const ConstView& operand : in) {
      part.shape = operand.shape;
      kernels::copy(operand, part);
      part.data =
          static_cast<char*>(part.data) + operand.shape[axis_] * part.strides[axis_] *
                                              static_cast<std::int64_t>(size_of(part.dtype));
    }
  }

  bool same_parameters(const HostPrimitive& other) const override {
    return axis_ == static_cast<const HostConcatenate&>(other).axis_;
  }

  std::shared_ptr<HostPrimitive> with(Signature signature) const override {
    return std::make_shared<HostConcatenate>(where(), std::move(signature), axis_);
  }

 private:
  int axis_;
};

// x with `y` set into, or added to, a slice of it.
Lowered update_slice(LowerContext& context, bool add) {
  SliceBounds bounds = slice_bounds(context, 2);
  const Type& type = context.operand_type(0);
  const mx::Stream stream = context.stream;
  mx::Shape target = to_mlx_shape(static_type(type.dtype, bounds.shape));
  mx::Shape aligned = to_mlx_shape(context.operand_type(1));
  aligned.insert(aligned.begin(), target.size() - aligned.size(), 1);
  mx::array y = mx::broadcast_to(mx::reshape(context.operands[1], aligned, stream), target, stream);
  if (y.size() == 0) return {context.operands[0]};

  // A slice that runs backwards is the one that runs forwards over y reversed.
  for (const int axis : bounds.reversed) {
    mx::Shape start(y.ndim(), 0), stop = y.shape(), step(y.ndim(), 1);
    start[axis] = y.shape(axis) - 1;
    stop[axis] = -y.shape(axis) - 1;
    step[axis] = -1;
    y = mx::slice(y, start, stop, step, stream);
    const mx::ShapeElem last = bounds.start[axis];
    bounds.step[axis] = -bounds.step[axis];
    bounds.start[axis] = last - (y.shape(axis) - 1) * bounds.step[axis];
    bounds.stop[axis] = last + 1;
  }
  const mx::array& x = context.operands[0];
  return {add ? mx::slice_update_add(x, y, bounds.start, bounds.stop, bounds.step, stream)
              : mx::slice_update(x, y, bounds.start, bounds.stop, bounds.step, stream)};
}

// A host primitive on the CPU; `on_gpu` elsewhere, with an axis without negative numbers.
template <class Primitive, class OnGpu>
Lowered along_axis(LowerContext& context, OnGpu on_gpu) {
  const int axis = axis_of(context, context.operand_type(0).rank());
  if (context.on_cpu) return lower_to<Primitive>(context, context.node.op, axis);
  const mx::array result = on_gpu(context.operands[0], axis);
  return {mx::astype(result, to_mlx(context.result_type().dtype), context.stream)};
}

}  // namespace

Lowered lower_stack(LowerContext& context) {
  const Type& type = context.result_type();
  if (context.operands.empty())
    return {mx::zeros(to_mlx_shape(type), to_mlx(type.dtype), context.stream)};
  if (!context.on_cpu) return {mx::stack(context.operands, 0, context.stream)};
  for (mx::array& operand : context.operands) {
    operand = mx::expand_dims(operand, 0, context.stream);
  }
  return lower_to<HostConcatenate>(context, 0);
}

Lowered lower_concatenate(LowerContext& context) {
  const int axis = axis_of(context, context.result_type().rank());
  if (context.on_cpu) return lower_to<HostConcatenate>(context, axis);
  return {mx::concatenate(std::move(context.operands), axis, context.stream)};
}

Lowered lower_slice_set(LowerContext& context) { return update_slice(context, /*add=*/false); }
Lowered lower_slice_add(LowerContext& context) { return update_slice(context, /*add=*/true); }

Lowered lower_sort(LowerContext& context) {
  return along_axis<Sort>(
      context, [&](const mx::array& x, int axis) { return mx::sort(x, axis, context.stream); });
}

Lowered lower_argsort(LowerContext& context) {
  return along_axis<Sort>(
      context, [&](const mx::array& x, int axis) { return mx::argsort(x, axis, context.stream); });
}

Lowered lower_cumsum(LowerContext& context) {
  return along_axis<Cumulative>(context, [&](const mx::array& x, int axis) {
    return mx::cumsum(x, axis, /*reverse=*/false, /*inclusive=*/true, context.stream);
  });
}

Lowered lower_cumprod(LowerContext& context) {
  return along_axis<Cumulative>(context, [&](const mx::array& x, int axis) {
    return mx::cumprod(x, axis, /*reverse=*/false, /*inclusive=*/true, context.stream);
  });
}

}  // namespace gemmule
