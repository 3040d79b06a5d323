// Ops that look at their operand's memory through other strides.
#include <algorithm>

#include "ir/error.h"
#include "ir/infer.h"
#include "plan/linear_program.h"

namespace gemmule {
namespace {

std::int64_t normal(std::int64_t axis, std::size_t rank) {
  return axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis;
}

std::int64_t bytes_per(const Layout& layout) { return static_cast<std::int64_t>(size_of(layout.dtype)); }

Layout transposed(const Layout& x, const Integers& perm) {
  Layout result = x;
  for (std::size_t i = 0; i < perm.size(); ++i) {
    const auto axis = static_cast<std::size_t>(normal(perm[i], perm.size()));
    result.shape[i] = x.shape[axis];
    result.strides[i] = x.strides[axis];
  }
  return result;
}

// The strides of `shape` over the same elements in the same order: each run of axes of x that are
// contiguous among themselves is split and joined at will.
std::optional<Layout> reshaped(const Layout& x, const Extents& shape) {
  Layout result = x;
  result.shape = shape;
  result.strides.assign(shape.size(), 0);
  if (x.count() == 0) {
    result.strides = row_major_strides(shape);
    return result;
  }
  std::size_t from = 0, to = 0;
  while (from < x.shape.size() || to < shape.size()) {
    std::size_t from_end = from, to_end = to;
    std::int64_t from_count = 1, to_count = 1;
    if (from_end < x.shape.size()) from_count = x.shape[from_end++];
    if (to_end < shape.size()) to_count = shape[to_end++];
    while (from_count != to_count) {
      if (from_count < to_count) {
        from_count *= x.shape[from_end++];
      } else {
        to_count *= shape[to_end++];
      }
    }
    // Axes of size 1 join a group without taking part.
    std::int64_t stride = 0, expected = kNone;
    for (std::size_t axis = from_end; axis-- > from;) {
      if (x.shape[axis] == 1) continue;
      if (expected == kNone) {
        stride = x.strides[axis];
      } else if (x.strides[axis] != expected) {
        return std::nullopt;
      }
      expected = x.strides[axis] * x.shape[axis];
    }
    for (std::size_t axis = to_end; axis-- > to;) {
      result.strides[axis] = stride;
      stride *= shape[axis];
    }
    from = from_end;
    to = to_end;
  }
  return result;
}

Layout broadcast(const Layout& x, const Extents& shape) {
  Layout result = x;
  result.shape = shape;
  result.strides.assign(shape.size(), 0);
  const std::size_t shift = shape.size() - x.shape.size();
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis) {
    if (x.shape[axis] == shape[axis + shift]) result.strides[axis + shift] = x.strides[axis];
  }
  return result;
}

std::int64_t bound(const Graph& graph, ValueId value) {
  const Tensor* constant = graph.constant(value);
  const auto number = constant == nullptr ? std::nullopt : constant->integer_at(0);
  if (!number) throw UnsupportedError("[slice] the bounds of the slice depend on computed data");
  return *number;
}

Layout diagonal(const Node& node, const Layout& x) {
  const auto axis1 = static_cast<std::size_t>(normal(node.attributes.integer("axis1", 0), x.shape.size()));
  const auto axis2 = static_cast<std::size_t>(normal(node.attributes.integer("axis2", 1), x.shape.size()));
  const std::int64_t offset = node.attributes.integer("offset", 0);
  const std::int64_t row = std::max<std::int64_t>(-offset, 0), column = std::max<std::int64_t>(offset, 0);
  Layout result = x;
  result.shape.clear();
  result.strides.clear();
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis) {
    if (axis == axis1 || axis == axis2) continue;
    result.shape.push_back(x.shape[axis]);
    result.strides.push_back(x.strides[axis]);
  }
  const std::int64_t length = std::max<std::int64_t>(0, std::min(x.shape[axis1] - row, x.shape[axis2] - column));
  result.shape.push_back(length);
  result.strides.push_back(x.strides[axis1] + x.strides[axis2]);
  if (length > 0) result.offset += (row * x.strides[axis1] + column * x.strides[axis2]) * bytes_per(x);
  return result;
}

}  // namespace

void slice_layout(Layout& layout, const Graph& graph, const Integers& axes, const std::vector<ValueId>& operands,
                  std::size_t first) {
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(normal(axes[i], layout.shape.size()));
    const ResolvedSlice range =
        resolve_slice(bound(graph, operands[first + 3 * i]), bound(graph, operands[first + 3 * i + 1]),
                      bound(graph, operands[first + 3 * i + 2]), layout.shape[axis]);
    if (range.count > 0) layout.offset += range.start * layout.strides[axis] * bytes_per(layout);
    layout.shape[axis] = range.count;
    if (range.count > 1) layout.strides[axis] *= range.step;  // else the step may be any number
  }
}

bool is_view(Op op) {
  switch (op) {
    case Op::transpose:
    case Op::expand_dims:
    case Op::squeeze:
    case Op::reshape:
    case Op::broadcast_to:
    case Op::slice:
    case Op::diagonal:
      return true;
    default:
      return false;
  }
}

std::optional<Layout> view_layout(const Graph& graph, const Node& node, const Layout& operand) {
  const Extents shape = static_shape(graph.type(node.outputs[0]));
  switch (node.op) {
    case Op::transpose:
      return transposed(operand, node.attributes.integers("perm"));
    case Op::expand_dims:
    case Op::squeeze:
    case Op::reshape:
      return reshaped(operand, shape);
    case Op::broadcast_to:
      return broadcast(operand, shape);
    case Op::slice: {
      Layout result = operand;
      slice_layout(result, graph, node.attributes.integers("axes"), node.inputs, 1);
      return result;
    }
    case Op::diagonal:
      return diagonal(node, operand);
    default:
      throw InternalError("[" + std::string(info(node.op).name) + "] is not a view");
  }
}

}  // namespace gemmule
