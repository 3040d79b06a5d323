// Other views of the same elements: MLX moves nothing where it need not.
#include <algorithm>

#include "mlx/lower_helpers.h"
#include "mlx/ops.h"

namespace gemmule {

Lowered lower_transpose(LowerContext& context) {
  const Type& type = context.operand_type(0);
  std::vector<int> perm = axes_of(context, "perm", type.rank());
  if (pair_axes(type.dtype) > 0) perm.push_back(type.rank());
  return {mx::transpose(context.operands[0], perm, context.stream)};
}

Lowered lower_expand_dims(LowerContext& context) {
  return {mx::expand_dims(context.operands[0],
                          axes_of(context, "axes", context.result_type().rank()), context.stream)};
}

Lowered lower_squeeze(LowerContext& context) {
  return {mx::squeeze(context.operands[0], axes_of(context, "axes", context.operand_type(0).rank()),
                      context.stream)};
}

Lowered lower_reshape(LowerContext& context) {
  return {mx::reshape(context.operands[0], to_mlx_shape(context.result_type()), context.stream)};
}

Lowered lower_broadcast_to(LowerContext& context) {
  const Type& type = context.operand_type(0);
  // Axes in front are added before the pair axis would move into their place.
  mx::Shape shape = to_mlx_shape(type);
  const int added = context.result_type().rank() - type.rank();
  shape.insert(shape.begin(), added, 1);
  const mx::array aligned = mx::reshape(context.operands[0], shape, context.stream);
  return {mx::broadcast_to(aligned, to_mlx_shape(context.result_type()), context.stream)};
}

Lowered lower_slice(LowerContext& context) {
  const SliceBounds bounds = slice_bounds(context, 1);
  return {mx::slice(context.operands[0], bounds.start, bounds.stop, bounds.step, context.stream)};
}

// Rows and columns advance together: the sum of their strides, counted in a contiguous array.
Lowered lower_diagonal(LowerContext& context) {
  const Type& type = context.operand_type(0);
  const mx::Shape result = to_mlx_shape(context.result_type());
  if (std::find(result.begin(), result.end(), 0) != result.end()) {
    return {mx::zeros(result, to_mlx(type.dtype), context.stream)};
  }
  const auto normal = [&](const char* attribute, std::int64_t otherwise) {
    const std::int64_t axis = context.node.attributes.integer(attribute, otherwise);
    return static_cast<int>(axis < 0 ? axis + type.rank() : axis);
  };
  const int row = normal("axis1", 0), column = normal("axis2", 1);
  const std::int64_t offset = context.node.attributes.integer("offset", 0);

  mx::Strides strides(type.rank());
  const auto sizes = static_shape(type);
  std::int64_t stride = 1 + pair_axes(type.dtype);
  for (int axis = type.rank() - 1; axis >= 0; --axis) {
    strides[axis] = stride;
    stride *= sizes[axis];
  }
  const std::int64_t start = std::max<std::int64_t>(-offset, 0) * strides[row] +
                             std::max<std::int64_t>(offset, 0) * strides[column];
  mx::Strides diagonal;
  for (int axis = 0; axis < type.rank(); ++axis) {
    if (axis != row && axis != column) diagonal.push_back(strides[axis]);
  }
  diagonal.push_back(strides[row] + strides[column]);
  if (pair_axes(type.dtype) > 0) diagonal.push_back(1);
  // as_strided wants contiguous memory and only flattens, which leaves gaps in place.
  const mx::array contiguous = mx::contiguous(context.operands[0], false, context.stream);
  return {mx::as_strided(contiguous, result, diagonal, static_cast<std::size_t>(start),
                         context.stream)};
}

// Concatenating allocates whatever the number of parts, where mx::copy and mx::contiguous share.
Lowered lower_copy(LowerContext& context) {
  const mx::array& x = context.operands[0];
  const mx::array flat = mx::flatten(x, context.stream);
  const mx::array nothing = mx::zeros({0}, x.dtype(), context.stream);
  return {
      mx::reshape(mx::concatenate({flat, nothing}, 0, context.stream), x.shape(), context.stream)};
}

}  // namespace gemmule
