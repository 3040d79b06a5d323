// Values that come from nothing but sizes and constants.
#include <cmath>

#include "ir/error.h"
#include "mlx/lower_helpers.h"
#include "mlx/ops.h"

namespace gemmule {
namespace {

mx::Shape shape_of(const Tensor& tensor) {
  mx::Shape shape;
  for (const std::int64_t size : tensor.shape) shape.push_back(static_cast<mx::ShapeElem>(size));
  if (tensor.dtype == DType::c128) shape.push_back(2);
  return shape;
}

// NumPy's arange: the first two elements are rounded to the dtype, the others continue their
// distance. Integers wrap.
template <class T, class Operand>
std::vector<T> arange_values(Operand start, Operand second, std::int64_t count) {
  using Sum = std::conditional_t<std::is_integral_v<T>, std::uint64_t, T>;
  const Sum first = static_cast<Sum>(static_cast<T>(start));
  const Sum distance = static_cast<Sum>(static_cast<T>(second)) - first;
  std::vector<T> values(count);
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<T>(first + static_cast<Sum>(i) * distance);
  }
  return values;
}

template <class T>
mx::array arange_array(const LowerContext& context, mx::ShapeElem count, mx::Dtype dtype) {
  std::vector<T> values;
  if (kind(context.operand_type(0).dtype) == DTypeKind::integer) {
    const std::int64_t start = integer_operand(context, 0);
    const auto second =
        static_cast<std::uint64_t>(start) + static_cast<std::uint64_t>(integer_operand(context, 2));
    values = arange_values<T>(start, static_cast<std::int64_t>(second), count);
  } else {
    const auto start = context.graph.scalar_constant(context.node.inputs[0]);
    const auto step = context.graph.scalar_constant(context.node.inputs[2]);
    if (!start || !step) {
      throw UnsupportedError(message(context, "start and step depend on computed data"));
    }
    values = arange_values<T>(*start, *start + *step, count);
  }
  return mx::array(values.begin(), {count}, dtype);
}

}  // namespace

mx::array to_array(const Tensor& tensor) {
  // MLX takes memory to write to, but never writes to an array that others hold, and the deleter
  // holds this one's memory.
  return mx::array(const_cast<std::byte*>(tensor.data.get()), shape_of(tensor),
                   to_mlx(tensor.dtype), [keep = tensor.data](void*) {});
}

Lowered lower_constant(LowerContext& context) {
  const Tensor& tensor = context.node.attributes.tensor("value");
  if (!context.on_cpu && tensor.count() == 1 && is_float(tensor.dtype)) {
    // mx::compile writes one-element constants into the source of its kernels, where Metal has no
    // spelling for these: 0/0 and 1/0 are computed instead.
    const double value = *context.graph.scalar_constant(context.node.outputs[0]);
    if (!std::isfinite(value)) {
      const mx::Dtype dtype = to_mlx(tensor.dtype);
      const float numerator = std::isnan(value) ? 0 : value > 0 ? 1 : -1;
      const mx::array one =
          mx::divide(mx::array(numerator, dtype), mx::array(0.0f, dtype), context.stream);
      return {mx::reshape(one, shape_of(tensor), context.stream)};
    }
  }
  return {to_array(tensor)};
}

Lowered lower_dim(LowerContext& context) {
  const Type& type = context.operand_type(0);
  return {mx::array(static_shape(type)[axis_of(context, type.rank())], mx::int64)};
}

Lowered lower_arange(LowerContext& context) {
  const DType dtype = context.result_type().dtype;
  const mx::ShapeElem count = to_size(context, static_shape(context.result_type())[0]);
  return visit_dtype(dtype, [&]<class T>(T) -> Lowered {
    if constexpr (std::is_same_v<T, Half>) {
      return {arange_array<float>(context, count, mx::float16)};
    } else if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
      return {arange_array<T>(context, count, to_mlx(dtype))};
    } else {
      throw UnsupportedError(message(context, "of " + std::string(numpy_name(dtype))));
    }
  });
}

Lowered lower_eye(LowerContext& context) {
  const Type& type = context.result_type();
  const auto shape = static_shape(type);
  const mx::ShapeElem rows = to_size(context, shape[0]), columns = to_size(context, shape[1]);
  const std::int64_t offset = integer_operand(context, 2);
  const bool has_diagonal = offset < columns && -offset < rows;
  if (!has_diagonal) return {mx::zeros(to_mlx_shape(type), to_mlx(type.dtype), context.stream)};
  const mx::array eye =
      mx::eye(rows, columns, static_cast<int>(offset), to_mlx(type.dtype), context.stream);
  if (type.dtype != DType::c128) return {eye};
  return {mx::stack({eye, mx::zeros_like(eye, context.stream)}, 2, context.stream)};
}

}  // namespace gemmule
