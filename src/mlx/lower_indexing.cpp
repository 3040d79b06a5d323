// gather and scatter. Indices are checked wherever they are known: MLX itself reads and writes out
// of bounds. On the CPU the primitives do it and report an IndexError. On a GPU constants are
// checked here, and a run-time index out of bounds gives NaN: whatever it touches is visibly wrong,
// no memory is.
#include <algorithm>
#include <numeric>
#include <string>

#include "ir/error.h"
#include "mlx/host_primitives.h"
#include "mlx/lower_helpers.h"
#include "mlx/ops.h"

namespace gemmule {
namespace {

// How x[index] relates to x: the indexed axes, which are consecutive, give way to those of the
// indices.
struct Indexing {
  int first_index;  // operand
  std::vector<int> axes;
  std::vector<std::int64_t> x;       // shape
  int rank = 0;                      // of the indices together
  std::vector<std::int64_t> result;  // shape of x[index]

  // The permutation from `result` to one with the axes of the indices in front.
  std::vector<int> indices_to_front() const {
    std::vector<int> perm(result.size());
    std::iota(perm.begin(), perm.end(), 0);
    std::rotate(perm.begin(), perm.begin() + axes.front(), perm.begin() + axes.front() + rank);
    return perm;
  }
  // And back.
  std::vector<int> indices_to_place() const {
    const std::vector<int> forward = indices_to_front();
    std::vector<int> perm(forward.size());
    for (std::size_t i = 0; i < forward.size(); ++i) perm[forward[i]] = static_cast<int>(i);
    return perm;
  }
};

Indexing indexing_of(const LowerContext& context, int first_index) {
  const Type& x = context.operand_type(0);
  Indexing indexing{first_index, axes_of(context, "axes", x.rank()), static_shape(x), 0, {}};
  Extents index;
  for (std::size_t k = 0; k < indexing.axes.size(); ++k) {
    const int operand = first_index + static_cast<int>(k);
    index = broadcast_extents(index, static_shape(context.operand_type(operand)));
  }
  indexing.rank = static_cast<int>(index.size());
  indexing.result.assign(indexing.x.begin(), indexing.x.begin() + indexing.axes.front());
  indexing.result.insert(indexing.result.end(), index.begin(), index.end());
  indexing.result.insert(indexing.result.end(), indexing.x.begin() + indexing.axes.back() + 1,
                         indexing.x.end());
  return indexing;
}

// Transposes a value with the given permutation; the pair axis stays last.
mx::array permuted(const LowerContext& context, const mx::array& array, std::vector<int> perm) {
  if (std::is_sorted(perm.begin(), perm.end())) return array;
  while (perm.size() < array.ndim()) perm.push_back(static_cast<int>(perm.size()));
  return mx::transpose(array, perm, context.stream);
}

// y broadcast to the shape of x[index], the axes of the indices in front.
mx::array aligned_update(const LowerContext& context, const Indexing& indexing) {
  const DType dtype = context.operand_type(1).dtype;
  const mx::Shape target = to_mlx_shape(static_type(dtype, indexing.result));
  mx::Shape shape = to_mlx_shape(context.operand_type(1));
  shape.insert(shape.begin(), target.size() - shape.size(), 1);
  const mx::array y = mx::broadcast_to(mx::reshape(context.operands[1], shape, context.stream),
                                       target, context.stream);
  return permuted(context, y, indexing.indices_to_front());
}

// -- elsewhere than on the CPU --------------------------------------------------------------------

void check_constant(const LowerContext& context, const Tensor& index, int axis, std::int64_t size) {
  for (std::int64_t i = 0; i < index.count(); ++i) {
    const std::int64_t value = *index.integer_at(i);
    if (value < -size || value >= size) {
      throw IndexError(message(context, "index " + std::to_string(value) +
                                            " is out of bounds for axis " + std::to_string(axis) +
                                            " with size " + std::to_string(size)));
    }
  }
}

struct SafeIndices {
  std::vector<mx::array> indices;  // within bounds, int32
  std::optional<mx::array> wrong;  // where one was not, for those that are no constants
};

SafeIndices safe_indices(const LowerContext& context, const Indexing& indexing) {
  const mx::Stream stream = context.stream;
  SafeIndices safe;
  for (std::size_t k = 0; k < indexing.axes.size(); ++k) {
    const int operand = indexing.first_index + static_cast<int>(k);
    const int axis = indexing.axes[k];
    const std::int64_t size = indexing.x[axis];
    const mx::array given = mx::astype(context.operands[operand], mx::int64, stream);
    const mx::array zero(std::int64_t{0}), length(size);
    const mx::array index =
        mx::where(mx::less(given, zero, stream), mx::add(given, length, stream), given, stream);
    if (const Tensor* constant = context.graph.constant(context.node.inputs[operand])) {
      check_constant(context, *constant, axis, size);
    } else {
      const mx::array wrong = mx::logical_or(mx::less(index, zero, stream),
                                             mx::greater_equal(index, length, stream), stream);
      safe.wrong = safe.wrong ? mx::logical_or(*safe.wrong, wrong, stream) : wrong;
    }
    const mx::array last(std::max<std::int64_t>(size - 1, 0));
    safe.indices.push_back(mx::astype(mx::clip(index, zero, last, stream), mx::int32, stream));
  }
  return safe;
}

// `values` with NaN where `wrong`, which broadcasts to it. NaN is computed: see lower_constant.
mx::array poisoned(const LowerContext& context, const mx::array& values, const mx::array& wrong) {
  const mx::array zero(0.0f, values.dtype());
  return mx::where(wrong, mx::divide(zero, zero, context.stream), values, context.stream);
}

// The shape of one update: x's, with 1 along the indexed axes.
mx::Shape slice_sizes(const Indexing& indexing, const mx::array& x) {
  mx::Shape sizes = x.shape();
  for (const int axis : indexing.axes) sizes[axis] = 1;
  return sizes;
}

bool has_zero(const std::vector<std::int64_t>& shape) { return std::ranges::count(shape, 0) > 0; }

// An axis without elements takes no index at all.
void check_not_empty(const LowerContext& context, const Indexing& indexing) {
  for (const int axis : indexing.axes) {
    if (indexing.x[axis] == 0) {
      throw IndexError(message(
          context, "axis " + std::to_string(axis) + " has size 0: no index is within bounds"));
    }
  }
}

Lowered scatter(LowerContext& context, kernels::ScatterMode mode) {
  const Indexing indexing = indexing_of(context, 2);
  context.operands[1] = aligned_update(context, indexing);
  if (context.on_cpu) return lower_to<HostScatter>(context, mode, indexing.axes);

  const mx::array& x = context.operands[0];
  if (has_zero(indexing.result)) return {x};
  check_not_empty(context, indexing);
  const SafeIndices safe = safe_indices(context, indexing);
  mx::array updates = context.operands[1];
  mx::Shape shape(updates.shape().begin(), updates.shape().begin() + indexing.rank);
  for (const mx::ShapeElem size : slice_sizes(indexing, x)) shape.push_back(size);
  updates = mx::reshape(updates, shape, context.stream);
  const mx::array result =
      mode == kernels::ScatterMode::add
          ? mx::scatter_add(x, safe.indices, updates, indexing.axes, context.stream)
          : mx::scatter(x, safe.indices, updates, indexing.axes, context.stream);
  if (!safe.wrong) return {result};
  return {poisoned(context, result, mx::any(*safe.wrong, context.stream))};
}

}  // namespace

bool checks_indices_on_host(const Graph& graph, const Node& node) {
  const int first = node.op == Op::gather                                      ? 1
                    : node.op == Op::scatter_set || node.op == Op::scatter_add ? 2
                                                                               : 0;
  if (first == 0 || is_inexact(graph.type(node.inputs[0]).dtype)) return false;
  return std::any_of(node.inputs.begin() + first, node.inputs.end(),
                     [&](ValueId index) { return graph.constant(index) == nullptr; });
}

Lowered lower_gather(LowerContext& context) {
  const Indexing indexing = indexing_of(context, 1);
  if (context.on_cpu) {
    const Lowered result = lower_to<HostGather>(context, indexing.axes);
    return {permuted(context, result[0], indexing.indices_to_place())};
  }

  const mx::array& x = context.operands[0];
  if (has_zero(indexing.result))
    return {mx::zeros(to_mlx_shape(context.result_type()), x.dtype(), context.stream)};
  check_not_empty(context, indexing);
  const SafeIndices safe = safe_indices(context, indexing);
  mx::array result =
      mx::gather(x, safe.indices, indexing.axes, slice_sizes(indexing, x), context.stream);
  std::vector<int> indexed = indexing.axes;
  for (int& axis : indexed) axis += indexing.rank;
  result = mx::squeeze(result, indexed, context.stream);
  if (safe.wrong) {
    mx::Shape shape = safe.wrong->shape();
    shape.insert(shape.end(), result.ndim() - indexing.rank, 1);
    shape.insert(shape.begin(), indexing.rank - safe.wrong->ndim(), 1);
    result = poisoned(context, result, mx::reshape(*safe.wrong, shape, context.stream));
  }
  return {permuted(context, result, indexing.indices_to_place())};
}

Lowered lower_scatter_set(LowerContext& context) {
  return scatter(context, kernels::ScatterMode::set);
}
Lowered lower_scatter_add(LowerContext& context) {
  return scatter(context, kernels::ScatterMode::add);
}

}  // namespace gemmule
