#include "mlx/lower_helpers.h"

#include <limits>

#include "ir/error.h"
#include "ir/infer.h"

namespace gemmule {

std::string message(const LowerContext& context, const std::string& what) {
  std::string text = "[" + std::string(info(context.node.op).name) + "] " + what;
  if (!context.node.origin.empty()) text += " (node \"" + context.node.origin + "\")";
  return text;
}

int axis_of(const LowerContext& context, int rank) {
  const std::int64_t axis = context.node.attributes.integer("axis");
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<int> axes_of(const LowerContext& context, std::string_view attribute, int rank) {
  std::vector<int> axes;
  for (const std::int64_t axis : context.node.attributes.integers(attribute)) {
    axes.push_back(static_cast<int>(axis < 0 ? axis + rank : axis));
  }
  return axes;
}

std::int64_t integer_operand(const LowerContext& context, int operand) {
  const auto value = context.graph.integer_constant(context.node.inputs[operand]);
  if (!value) {
    throw UnsupportedError(
        message(context, "operand " + std::to_string(operand) + " depends on computed data"));
  }
  return *value;
}

mx::ShapeElem to_size(const LowerContext& context, std::int64_t size) {
  if (size > std::numeric_limits<mx::ShapeElem>::max()) {
    throw ShapeError(message(context, "a dimension of " + std::to_string(size) +
                                          " elements: MLX's are below 2147483648"));
  }
  return static_cast<mx::ShapeElem>(size);
}

SliceBounds slice_bounds(const LowerContext& context, int first) {
  const Type& type = context.operand_type(0);
  SliceBounds bounds;
  bounds.shape = static_shape(type);
  bounds.start = mx::Shape(type.rank() + pair_axes(type.dtype), 0);
  bounds.stop = context.operands[0].shape();
  bounds.step = mx::Shape(bounds.start.size(), 1);
  for (const int axis : axes_of(context, "axes", type.rank())) {
    const std::int64_t start = integer_operand(context, first),
                       stop = integer_operand(context, first + 1),
                       step = integer_operand(context, first + 2);
    first += 3;
    std::int64_t& size = bounds.shape[axis];
    const ResolvedSlice slice = resolve_slice(start, stop, step, size);
    if (slice.count == 0) {
      bounds.stop[axis] = 0;
    } else if (slice.count == 1) {  // its step may be beyond 32 bits
      bounds.start[axis] = to_size(context, slice.start);
      bounds.stop[axis] = bounds.start[axis] + 1;
    } else {
      bounds.start[axis] = to_size(context, slice.start);
      bounds.step[axis] = static_cast<mx::ShapeElem>(slice.step);
      std::int64_t end = slice.start + (slice.count - 1) * slice.step + (slice.step > 0 ? 1 : -1);
      // The position left of 0 is written from the end, as Python writes it: -size - 1.
      if (end < 0) end -= size;
      bounds.stop[axis] = static_cast<mx::ShapeElem>(end);
      if (slice.step < 0) bounds.reversed.push_back(axis);
    }
    size = slice.count;
  }
  return bounds;
}

}  // namespace gemmule
