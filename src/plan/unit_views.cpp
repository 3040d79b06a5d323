#include "plan/unit_views.h"

#include <algorithm>

namespace gemmule {
namespace {

// The attribute's axes for values of `rank` dimensions, as flags: negative ones count from the end.
std::vector<bool> flagged_axes(const Node& node, int rank) {
  std::vector<bool> flags(rank, false);
  for (const std::int64_t axis : node.attributes.integers("axes"))
    flags[axis < 0 ? axis + rank : axis] = true;
  return flags;
}

// The axes of the operand of an axis-dropping op, from those of its result.
std::vector<int> with_dropped(const Node& node, int rank, const std::vector<int>& axes) {
  const std::vector<bool> dropped = flagged_axes(node, rank);
  std::vector<int> result;
  for (int axis = 0, next = 0; axis < rank; ++axis)
    result.push_back(dropped[axis] ? -1 : axes[next++]);
  return result;
}

bool reduces_nothing(const Graph& graph, const Node& node) {
  const Type& type = graph.type(node.inputs[0]);
  const std::vector<bool> reduced = flagged_axes(node, type.rank());
  for (int axis = 0; axis < type.rank(); ++axis) {
    if (reduced[axis] && !type.shape[axis].is_one()) return false;
  }
  return type.dtype == graph.type(node.outputs[0]).dtype;
}

bool reduces(Op op) {
  return op == Op::reduce_sum || op == Op::reduce_prod || op == Op::reduce_max ||
         op == Op::reduce_min || op == Op::reduce_any || op == Op::reduce_all;
}

// The axes of the sizes other than 1, in order, as those of the result had them.
std::vector<int> moved_past_units(const Type& type, const std::vector<int>& axes,
                                  const Type& result) {
  std::vector<int> moved(type.rank(), -1);
  int from = 0;
  for (int axis = 0; axis < type.rank(); ++axis) {
    if (type.shape[axis].is_one()) continue;
    while (result.shape[from].is_one()) ++from;
    moved[axis] = axes[from++];
  }
  return moved;
}

// One step towards memory; false where the producer is no such view.
bool step(const Graph& graph, PassOperand& operand) {
  const Node* node = graph.producer(operand.value);
  if (node == nullptr || node->inputs.empty()) return false;
  const Type& type = graph.type(node->inputs[0]);
  const Type& result = graph.type(operand.value);
  std::vector<int> axes;
  switch (node->op) {
    case Op::expand_dims: {
      const std::vector<bool> added = flagged_axes(*node, result.rank());
      for (int axis = 0; axis < result.rank(); ++axis) {
        if (!added[axis]) axes.push_back(operand.axes[axis]);
      }
      break;
    }
    case Op::squeeze:
      axes = with_dropped(*node, type.rank(), operand.axes);
      break;
    case Op::broadcast_to: {
      const int shift = result.rank() - type.rank();
      for (int axis = 0; axis < type.rank(); ++axis) {
        axes.push_back(type.shape[axis].is_one() ? -1 : operand.axes[axis + shift]);
      }
      break;
    }
    case Op::transpose:
    case Op::reshape: {
      if (pass_sizes(type) != pass_sizes(result)) return false;
      if (node->op == Op::transpose) {
        // Sizes that are equal may still have changed places.
        std::int64_t last = -1;
        for (std::int64_t axis : node->attributes.integers("perm")) {
          if (axis < 0) axis += type.rank();
          if (type.shape[axis].is_one()) continue;
          if (axis < last) return false;
          last = axis;
        }
      }
      axes = moved_past_units(type, operand.axes, result);
      break;
    }
    default:
      if (!reduces(node->op) || !reduces_nothing(graph, *node)) return false;
      axes = with_dropped(*node, type.rank(), operand.axes);
  }
  operand = {node->inputs[0], std::move(axes)};
  return true;
}

}  // namespace

Integers pass_sizes(const Type& type) {
  Integers sizes;
  for (const Dim& dim : type.shape) {
    if (!dim.is_one()) sizes.push_back(dim.size);
  }
  return sizes;
}

PassOperand look_through(const Graph& graph, ValueId value, const Shape& result) {
  PassOperand operand{value, {}};
  const Type& type = graph.type(value);
  int next = 0;
  for (int axis = 0; axis < type.rank(); ++axis) {
    const bool in_pass = !result[axis].is_one();
    operand.axes.push_back(in_pass && !type.shape[axis].is_one() ? next : -1);
    if (in_pass) ++next;
  }
  while (step(graph, operand)) {
  }
  return operand;
}

ValueId aligned(Graph& graph, const PassOperand& operand, int rank) {
  std::vector<bool> covered(rank, false);
  for (const int axis : operand.axes) {
    if (axis >= 0) covered[axis] = true;
  }
  const int own_rank = static_cast<int>(operand.axes.size());
  const bool scalar = std::find(covered.begin(), covered.end(), true) == covered.end();
  bool fits = own_rank == (scalar ? 0 : rank);
  for (int axis = 0; fits && axis < own_rank; ++axis) {
    fits = operand.axes[axis] == axis || (operand.axes[axis] < 0 && !covered[axis]);
  }
  if (fits) return operand.value;
  Integers dropped, added;
  for (int axis = 0; axis < own_rank; ++axis) {
    if (operand.axes[axis] < 0) dropped.push_back(axis);
  }
  for (int axis = 0; axis < rank && !scalar; ++axis) {
    if (!covered[axis]) added.push_back(axis);
  }
  ValueId value = operand.value;
  if (!dropped.empty()) value = graph.add(Op::squeeze, {value}, {{"axes", dropped}});
  if (!added.empty()) value = graph.add(Op::expand_dims, {value}, {{"axes", added}});
  return value;
}

ValueId with_unit_axes(Graph& graph, ValueId value, const Type& type) {
  const Type& from = graph.type(value);
  if (from.rank() == type.rank()) return value;
  Integers added;
  for (int axis = 0, next = 0; axis < type.rank(); ++axis) {
    if (next < from.rank() && from.shape[next] == type.shape[axis] && !type.shape[axis].is_one()) {
      ++next;
    } else {
      added.push_back(axis);
    }
  }
  return graph.add(Op::expand_dims, {value}, {{"axes", added}});
}

ValueId broadcast_view(Graph& graph, ValueId value, const Integers& sizes) {
  std::vector<ValueId> operands{value};
  for (const std::int64_t size : sizes) {
    operands.push_back(graph.add_constant(Tensor::from_bytes(DType::i64, {}, &size)));
  }
  return graph.add(Op::broadcast_to, std::move(operands));
}

}  // namespace gemmule
