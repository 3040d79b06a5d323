// Inference of constants, shapes, views and data movement.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ir/infer_rules.h"

namespace gemmule {
namespace {

Shape without(const Shape& shape, const std::vector<int>& axes) {
  Shape result;
  for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) result.push_back(shape[axis]);
  }
  return result;
}

Dim new_symbol(InferContext& context) { return Dim::unknown(context.graph.add_symbol()); }

// The sizes given by operands 1, 2, ...; -1 as a constant comes back as kNone in `minus_one`.
Shape sizes_after_first(InferContext& context, int* minus_one = nullptr) {
  Shape shape;
  for (int i = 1; i < context.count(); ++i) {
    const auto constant = context.graph.integer_constant(context.inputs[i]);
    if (minus_one != nullptr && constant == -1) {
      if (*minus_one != kNone) fail_shape(context, "-1 is given for two sizes");
      *minus_one = i - 1;
      shape.push_back(Dim{});
      continue;
    }
    shape.push_back(size_operand(context, i));
  }
  return shape;
}

// The shape that slicing `shape` along `axes` leaves; operands from `first` on are start, stop, step.
// `elements` lists axes whose slice stands for one index, which then has to be within bounds.
Shape sliced_shape(InferContext& context, Shape shape, int first) {
  const auto axes = normal_axes(context, "axes", static_cast<int>(shape.size()));
  need_operands(context, first + 3 * static_cast<int>(axes.size()), first + 3 * static_cast<int>(axes.size()));
  const Integers elements =
      context.attributes.find("elements") != nullptr ? context.attributes.integers("elements") : Integers{};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    std::optional<std::int64_t> bounds[3];
    for (int j = 0; j < 3; ++j) {
      const int operand = first + 3 * static_cast<int>(i) + j;
      need_scalar(context, operand, "slice bound");
      need_integer(context, operand, "slice bound");
      bounds[j] = context.graph.integer_constant(context.inputs[operand]);
    }
    const auto& [start, stop, step] = bounds;
    if (step == 0) throw UserError(message(context, "the step of axis " + std::to_string(axes[i]) + " is 0"));
    Dim& dim = shape[axes[i]];
    const bool one = std::find(elements.begin(), elements.end(), axes[i]) != elements.end();
    if (one && dim.is_known() && start && (*start < -dim.size || *start >= dim.size)) {
      throw IndexError(message(context, "index " + std::to_string(*start) + " is out of bounds for axis " +
                                            std::to_string(axes[i]) + " with size " + std::to_string(dim.size)));
    }
    const bool whole = start == 0 && stop == std::numeric_limits<std::int64_t>::max() && step == 1;
    if (whole) continue;
    if (dim.is_known() && start && stop && step) {
      dim = Dim::known(resolve_slice(*start, *stop, *step, dim.size).count);
    } else {
      dim = new_symbol(context);
    }
  }
  return shape;
}

// The shape of x[index]: the axes of `axes`, which are consecutive, are replaced by the indices' shape.
Shape gathered_shape(InferContext& context, int first_index) {
  const Shape& shape = context.type(0).shape;
  const auto axes = normal_axes(context, "axes", static_cast<int>(shape.size()));
  need_operands(context, first_index + static_cast<int>(axes.size()),
                first_index + static_cast<int>(axes.size()));
  if (axes.empty()) throw UserError(message(context, "takes at least one index"));
  std::vector<int> indices;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (i > 0 && axes[i] != axes[i - 1] + 1) fail_shape(context, "the indexed axes must be consecutive");
    indices.push_back(first_index + static_cast<int>(i));
    need_integer(context, indices.back(), "index " + std::to_string(i));
  }
  Shape result(shape.begin(), shape.begin() + axes.front());
  const Shape index = broadcast(context, indices, /*align_right=*/true);
  result.insert(result.end(), index.begin(), index.end());
  result.insert(result.end(), shape.begin() + axes.back() + 1, shape.end());
  return result;
}

void need_update_dtype(const InferContext& context) {
  if (context.type(0).dtype != context.type(1).dtype) {
    fail_dtype(context, describe(context, 0, "x") + ", " + describe(context, 1, "y") + ": dtypes must be equal");
  }
}

}  // namespace

Types infer_constant(InferContext& context) {
  const Tensor& value = context.attributes.tensor("value");
  return {static_type(value.dtype, value.shape)};
}

Types infer_dim(InferContext& context) {
  normal_axis(context, context.attributes.integer("axis"), context.type(0).rank());
  return {Type{DType::i64, {}}};
}

Types infer_transpose(InferContext& context) {
  const Type& type = context.type(0);
  const auto perm = normal_axes(context, "perm", type.rank());
  if (static_cast<int>(perm.size()) != type.rank()) {
    fail_shape(context, describe(context, 0, "x") + ": perm must name every axis once");
  }
  Shape shape;
  for (const int axis : perm) shape.push_back(type.shape[axis]);
  return {Type{type.dtype, shape}};
}

Types infer_expand_dims(InferContext& context) {
  const Type& type = context.type(0);
  const int rank = type.rank() + static_cast<int>(context.attributes.integers("axes").size());
  const auto axes = normal_axes(context, "axes", rank);
  Shape shape;
  auto next = type.shape.begin();
  for (int axis = 0; axis < rank; ++axis) {
    const bool is_new = std::find(axes.begin(), axes.end(), axis) != axes.end();
    shape.push_back(is_new ? Dim::known(1) : *next++);
  }
  return {Type{type.dtype, shape}};
}

Types infer_squeeze(InferContext& context) {
  const Type& type = context.type(0);
  const auto axes = normal_axes(context, "axes", type.rank());
  for (const int axis : axes) {
    if (!may_agree(type.shape[axis], Dim::known(1))) {
      fail_shape(context, describe(context, 0, "x") + ": axis " + std::to_string(axis) + " has not size 1");
    }
  }
  return {Type{type.dtype, without(type.shape, axes)}};
}

Types infer_reshape(InferContext& context) {
  need_operands(context, 1, -1);
  const Type type = context.type(0);
  int minus_one = kNone;
  Shape shape = sizes_after_first(context, &minus_one);
  const auto product = [](const Shape& dims, int skip) -> std::optional<std::int64_t> {
    std::int64_t count = 1;
    for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
      if (i == skip) continue;
      if (!dims[i].is_known() || __builtin_mul_overflow(count, dims[i].size, &count)) return std::nullopt;
    }
    return count;
  };
  const auto total = product(type.shape, kNone);
  const auto known = product(shape, minus_one);
  if (minus_one != kNone) {
    if (total && known) {
      if (*known == 0 ? *total != 0 : *total % *known != 0) {
        shape[minus_one] = Dim::known(1);
        fail_shape(context, describe(context, 0, "x") + ": " + std::to_string(*total) +
                                " elements do not divide by " + std::to_string(*known));
      }
      shape[minus_one] = Dim::known(*known == 0 ? 0 : *total / *known);
    } else {
      shape[minus_one] = new_symbol(context);
    }
  } else if (total && known && *total != *known) {
    fail_shape(context, describe(context, 0, "x") + ": " + std::to_string(*total) +
                            " elements do not fit the shape " +
                            to_text(Type{type.dtype, shape}, &context.graph));
  }
  return {Type{type.dtype, shape}};
}

Types infer_broadcast_to(InferContext& context) {
  need_operands(context, 1, -1);
  Shape shape = sizes_after_first(context);
  need_broadcasts_to(context, context.type(0).shape, shape, "x");
  return {Type{context.type(0).dtype, shape}};
}

Types infer_slice(InferContext& context) {
  need_operands(context, 1, -1);
  return {Type{context.type(0).dtype, sliced_shape(context, context.type(0).shape, 1)}};
}

Types infer_diagonal(InferContext& context) {
  const Type& type = context.type(0);
  need_rank_at_least(context, 0, 2, "x");
  const int axis1 = normal_axis(context, context.attributes.integer("axis1", 0), type.rank());
  const int axis2 = normal_axis(context, context.attributes.integer("axis2", 1), type.rank());
  if (axis1 == axis2) fail_shape(context, "axis1 and axis2 are the same");
  const std::int64_t offset = context.attributes.integer("offset", 0);
  const Dim rows = type.shape[axis1], columns = type.shape[axis2];
  Shape shape = without(type.shape, {axis1, axis2});
  if (rows.is_known() && columns.is_known()) {
    const std::int64_t count = std::min(rows.size + std::min<std::int64_t>(offset, 0),
                                        columns.size - std::max<std::int64_t>(offset, 0));
    shape.push_back(Dim::known(std::max<std::int64_t>(count, 0)));
  } else if (offset == 0 && rows == columns) {
    shape.push_back(rows);
  } else {
    shape.push_back(new_symbol(context));
  }
  return {Type{type.dtype, shape}};
}

Types infer_copy(InferContext& context) { return {context.type(0)}; }

Types infer_stack(InferContext& context) {
  const DType dtype = context.attributes.dtype("dtype");
  for (int i = 0; i < context.count(); ++i) {
    need_scalar(context, i, "element " + std::to_string(i));
    if (context.type(i).dtype != dtype) {
      fail_dtype(context, describe(context, i, "element " + std::to_string(i)) + ", the result is " +
                              std::string(name(dtype)));
    }
  }
  return {Type{dtype, {Dim::known(context.count())}}};
}

Types infer_concatenate(InferContext& context) {
  need_operands(context, 1, -1);
  need_same_dtype(context);
  Shape shape = context.type(0).shape;
  const int rank = static_cast<int>(shape.size());
  const int axis = normal_axis(context, context.attributes.integer("axis"), rank);
  std::optional<std::int64_t> total = 0;
  for (int i = 0; i < context.count(); ++i) {
    need_rank(context, i, rank, "operand " + std::to_string(i));
    const Shape& other = context.type(i).shape;
    for (int j = 0; j < rank; ++j) {
      if (j == axis) continue;
      if (!may_agree(shape[j], other[j])) {
        fail_shape(context, describe(context, 0, "operand 0") + ", " +
                                describe(context, i, "operand " + std::to_string(i)) + ": sizes of axis " +
                                std::to_string(j) + " differ");
      }
      shape[j] = agreed(shape[j], other[j]);
    }
    if (total && other[axis].is_known()) {
      *total += other[axis].size;
    } else {
      total.reset();
    }
  }
  if (context.count() > 1) shape[axis] = total ? Dim::known(*total) : new_symbol(context);
  return {Type{context.type(0).dtype, shape}};
}

Types infer_arange(InferContext& context) {
  const DType dtype = context.attributes.dtype("dtype");
  const Graph& graph = context.graph;
  for (int i = 0; i < 3; ++i) need_scalar(context, i, "operand " + std::to_string(i));
  need_same_dtype(context);
  const auto& in = context.inputs;
  if (kind(context.type(0).dtype) == DTypeKind::integer) {
    const auto start = graph.integer_constant(in[0]), stop = graph.integer_constant(in[1]),
               step = graph.integer_constant(in[2]);
    if (step == 0) throw UserError(message(context, "the step is 0"));
    if (start && stop && step) {
      // Unsigned: the distance of two integers need not be one.
      const auto distance = [](std::int64_t to, std::int64_t from) {
        return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
      };
      const bool up = *step > 0, empty = up ? *stop <= *start : *stop >= *start;
      const std::uint64_t span = up ? distance(*stop, *start) : distance(*start, *stop);
      const std::uint64_t count = empty ? 0 : (span - 1) / (up ? distance(*step, 0) : distance(0, *step)) + 1;
      constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
      return {Type{dtype, {Dim::known(static_cast<std::int64_t>(std::min(count, kLargest)))}}};
    }
    if (start == 0 && step == 1) return {Type{dtype, {size_operand(context, 1)}}};
  } else if (const auto start = graph.scalar_constant(in[0]), stop = graph.scalar_constant(in[1]),
             step = graph.scalar_constant(in[2]);
             start && stop && step) {
    if (*step == 0) throw UserError(message(context, "the step is 0"));
    const double count = std::ceil((*stop - *start) / *step);
    if (!(count < 9e15)) throw UserError(message(context, "the length is not finite"));
    return {Type{dtype, {Dim::known(count > 0 ? static_cast<std::int64_t>(count) : 0)}}};
  }
  return {Type{dtype, {new_symbol(context)}}};
}

Types infer_eye(InferContext& context) {
  const Dim rows = size_operand(context, 0), columns = size_operand(context, 1);
  need_scalar(context, 2, "offset");
  need_integer(context, 2, "offset");
  return {Type{context.attributes.dtype("dtype"), {rows, columns}}};
}

Types infer_gather(InferContext& context) {
  need_operands(context, 2, -1);
  return {Type{context.type(0).dtype, gathered_shape(context, 1)}};
}

Types infer_scatter_set(InferContext& context) {
  need_operands(context, 3, -1);
  need_update_dtype(context);
  need_broadcasts_to(context, context.type(1).shape, gathered_shape(context, 2), "y");
  return {context.type(0)};
}

Types infer_scatter_add(InferContext& context) { return infer_scatter_set(context); }

Types infer_slice_set(InferContext& context) {
  need_operands(context, 2, -1);
  need_update_dtype(context);
  need_broadcasts_to(context, context.type(1).shape, sliced_shape(context, context.type(0).shape, 2), "y");
  return {context.type(0)};
}

Types infer_slice_add(InferContext& context) { return infer_slice_set(context); }

namespace {

Types infer_along_axis(InferContext& context, DType dtype) {
  normal_axis(context, context.attributes.integer("axis"), context.type(0).rank());
  return {Type{dtype, context.type(0).shape}};
}

}  // namespace

Types infer_sort(InferContext& context) { return infer_along_axis(context, context.type(0).dtype); }
Types infer_argsort(InferContext& context) { return infer_along_axis(context, DType::i64); }
Types infer_cumsum(InferContext& context) { return infer_along_axis(context, context.type(0).dtype); }
Types infer_cumprod(InferContext& context) { return infer_along_axis(context, context.type(0).dtype); }

// -- reductions --------------------------------------------------------------------------------------

namespace {

Types infer_reduction(InferContext& context, DType dtype) {
  const auto axes = normal_axes(context, "axes", context.type(0).rank());
  return {Type{dtype, without(context.type(0).shape, axes)}};
}

Types infer_accumulation(InferContext& context) {
  const DType dtype = context.attributes.find("dtype") == nullptr ? context.type(0).dtype
                                                                   : context.attributes.dtype("dtype");
  return infer_reduction(context, dtype);
}

Types infer_logical(InferContext& context) {
  if (context.type(0).dtype != DType::bool_) fail_dtype(context, describe(context, 0, "x") + ", it must be bool");
  return infer_reduction(context, DType::bool_);
}

// Extrema have no identity: a reduced axis of size 0 is an error, as NumPy's, but with the attribute `initial`,
// which starts them from an infinity.
Types infer_extremum(InferContext& context, DType dtype) {
  const Shape& shape = context.type(0).shape;
  if (context.attributes.flag("initial")) {
    if (!is_inexact(dtype)) fail_dtype(context, describe(context, 0, "x") + ": `initial` is for floating point numbers");
    return infer_reduction(context, dtype);
  }
  for (const int axis : normal_axes(context, "axes", context.type(0).rank())) {
    if (shape[axis].size == 0) {
      fail_shape(context, describe(context, 0, "x") + ": axis " + std::to_string(axis) +
                              " is empty and the reduction has no identity");
    }
  }
  return infer_reduction(context, dtype);
}

}  // namespace

Types infer_reduce_sum(InferContext& context) { return infer_accumulation(context); }
Types infer_reduce_prod(InferContext& context) { return infer_accumulation(context); }
Types infer_reduce_max(InferContext& context) { return infer_extremum(context, context.type(0).dtype); }
Types infer_reduce_min(InferContext& context) { return infer_extremum(context, context.type(0).dtype); }
Types infer_reduce_any(InferContext& context) { return infer_logical(context); }
Types infer_reduce_all(InferContext& context) { return infer_logical(context); }
Types infer_argmax(InferContext& context) { return infer_extremum(context, DType::i64); }
Types infer_argmin(InferContext& context) { return infer_extremum(context, DType::i64); }

}  // namespace gemmule
