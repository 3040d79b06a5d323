#include "plan/evaluate.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "ir/error.h"
#include "ir/fused.h"
#include "ir/infer.h"
#include "kernels/blas.h"
#include "kernels/elementwise.h"
#include "kernels/movement.h"
#include "kernels/reduce.h"
#include "kernels/view.h"
#include "plan/prepare.h"

namespace gemmule {
namespace {

using Tensors = std::vector<Tensor>;

ConstView view_of(const Tensor& tensor) {
  return {tensor.data.get(), tensor.dtype, tensor.shape, row_major_strides(tensor.shape)};
}

// A new tensor and the view to write it through.
struct Fresh {
  Tensor tensor;
  View view;

  Fresh(DType dtype, const Extents& shape) : tensor(Tensor::zeros(dtype, shape)) {
    view = {const_cast<std::byte*>(tensor.data.get()), dtype, shape, row_major_strides(shape)};
  }
  explicit Fresh(const Type& type) : Fresh(type.dtype, static_shape(type)) {}
};

Tensor dense(const ConstView& view) {
  Fresh result(view.dtype, view.shape);
  kernels::copy(view, result.view);
  return result.tensor;
}

// The view stretched to `shape`, aligned right.
ConstView stretched(ConstView view, const Extents& shape) {
  const std::size_t shift = shape.size() - view.shape.size();
  Extents strides(shape.size(), 0);
  for (std::size_t axis = shift; axis < shape.size(); ++axis) {
    if (view.shape[axis - shift] == shape[axis]) strides[axis] = view.strides[axis - shift];
  }
  view.shape = shape;
  view.strides = strides;
  return view;
}

const void* offset_by(const ConstView& view, std::int64_t elements) {
  return static_cast<const std::byte*>(view.data) + elements * static_cast<std::int64_t>(size_of(view.dtype));
}

std::int64_t normal(std::int64_t axis, std::size_t rank) {
  return axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis;
}

std::vector<int> normal_axes(const Integers& axes, std::size_t rank) {
  std::vector<int> result;
  for (const std::int64_t axis : axes) result.push_back(static_cast<int>(normal(axis, rank)));
  return result;
}

std::int64_t integer(const Tensor& tensor) {
  const auto value = tensor.integer_at(0);
  if (!value) throw InternalError("a size or index is not an integer");
  return *value;
}

// The view that `slice` with the bounds `bounds` (start, stop, step per axis) leaves.
ConstView sliced(ConstView view, const Integers& axes, std::span<const Tensor> bounds) {
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = normal(axes[i], view.shape.size());
    const auto range = resolve_slice(integer(bounds[3 * i]), integer(bounds[3 * i + 1]), integer(bounds[3 * i + 2]),
                                     view.shape[axis]);
    view.shape[axis] = range.count;
    if (range.count > 0) view.data = offset_by(view, range.start * view.strides[axis]);
    if (range.count > 1) view.strides[axis] *= range.step;
  }
  return view;
}

// -- ops ---------------------------------------------------------------------------------------------

Tensor elementwise(const Graph& graph, const Node& node, const Tensors& operands) {
  Fresh result(graph.type(node.outputs[0]));
  std::vector<ConstView> views;
  for (const Tensor& operand : operands) views.push_back(stretched(view_of(operand), result.view.shape));
  kernels::apply(node.op, views, result.view);
  return result.tensor;
}

Tensors fused(const Graph& graph, const Node& node, const Tensors& operands) {
  const Graph& body = node.attributes.graph("body");
  const Extents shape = static_shape({DType::f64, pass_shape(graph, node)});
  std::vector<Tensor> values(body.values.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    values[body.inputs[i]] = dense(stretched(view_of(operands[i]), shape));
  }
  for (const Node& inner : body.nodes) {
    Fresh result(body.type(inner.outputs[0]).dtype, shape);
    if (inner.op == Op::constant) {
      kernels::copy(stretched(view_of(inner.attributes.tensor("value")), shape), result.view);
    } else {
      std::vector<ConstView> views;
      for (const ValueId operand : inner.inputs) views.push_back(view_of(values[operand]));
      kernels::apply(inner.op, views, result.view);
    }
    values[inner.outputs[0]] = result.tensor;
  }
  const std::vector<FusedResult> reductions = fused_results(node.attributes);
  Tensors results;
  for (std::size_t i = 0; i < reductions.size(); ++i) {
    const Tensor& whole = values[body.outputs[i]];
    results.push_back(whole);
    if (!reductions[i].reduction) continue;
    Fresh reduced(graph.type(node.outputs[i]));
    kernels::reduce(*reductions[i].reduction, whole.dtype, view_of(whole), normal_axes(reductions[i].axes, shape.size()),
                    reduced.view);
    results.back() = reduced.tensor;
  }
  return results;
}

// Rows `first` up to `first + rows` along an axis; everything where the axis is -1.
ConstView rows_of(ConstView view, std::int64_t axis, std::int64_t first, std::int64_t rows) {
  if (axis < 0) return view;
  view.shape[axis] = rows;
  if (rows > 0) view.data = offset_by(view, first * view.strides[axis]);
  return view;
}

Tensors row_blocks(const Graph& graph, const Node& node, const Tensors& operands) {
  const Integers& operand_axes = node.attributes.integers("operand_axes");
  const Integers& result_axes = node.attributes.integers("result_axes");
  const std::int64_t block = node.attributes.integer("block");
  std::vector<Type> types;
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    types.push_back(graph.type(node.inputs[i]));
    if (operand_axes[i] >= 0) rows = operands[i].shape[operand_axes[i]];
  }
  std::vector<Fresh> results;
  for (const ValueId output : node.outputs) results.emplace_back(graph.type(output));
  for (std::int64_t first = 0; first < rows; first += block) {
    const std::int64_t count = std::min(block, rows - first);
    Tensors parts;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      parts.push_back(dense(rows_of(view_of(operands[i]), operand_axes[i], first, count)));
    }
    const Tensors found = evaluate(row_block_body(node, types, count), parts);
    for (std::size_t i = 0; i < results.size(); ++i) {
      const ConstView part = rows_of(results[i].view, result_axes[i], first, count);
      const View out{const_cast<void*>(part.data), part.dtype, part.shape, part.strides};
      if (result_axes[i] >= 0) {
        kernels::copy(view_of(found[i]), out);
      } else {
        kernels::apply(Op::add, std::array{part, view_of(found[i])}, out);
      }
    }
  }
  Tensors tensors;
  for (const Fresh& result : results) tensors.push_back(result.tensor);
  return tensors;
}

Tensor transposed(const Tensor& tensor, const Integers& perm) {
  ConstView view = view_of(tensor);
  const ConstView from = view;
  for (std::size_t i = 0; i < perm.size(); ++i) {
    const std::int64_t axis = normal(perm[i], perm.size());
    view.shape[i] = from.shape[axis];
    view.strides[i] = from.strides[axis];
  }
  return dense(view);
}

Tensor diagonal(const Graph& graph, const Node& node, const Tensor& x) {
  const ConstView from = view_of(x);
  const std::size_t rank = from.shape.size();
  const std::int64_t axis1 = normal(node.attributes.integer("axis1", 0), rank);
  const std::int64_t axis2 = normal(node.attributes.integer("axis2", 1), rank);
  const std::int64_t offset = node.attributes.integer("offset", 0);
  ConstView view{from.data, from.dtype, static_shape(graph.type(node.outputs[0])), {}};
  for (std::size_t axis = 0; axis < rank; ++axis) {
    if (static_cast<std::int64_t>(axis) != axis1 && static_cast<std::int64_t>(axis) != axis2) {
      view.strides.push_back(from.strides[axis]);
    }
  }
  view.strides.push_back(from.strides[axis1] + from.strides[axis2]);
  if (view.shape.back() > 0) {
    view.data = offset_by(from, offset >= 0 ? offset * from.strides[axis2] : -offset * from.strides[axis1]);
  }
  return dense(view);
}

Tensor concatenated(const Graph& graph, const Node& node, const Tensors& operands, std::int64_t axis) {
  Fresh result(graph.type(node.outputs[0]));
  axis = normal(axis, result.view.shape.size());
  std::int64_t at = 0;
  for (const Tensor& operand : operands) {
    View part = result.view;
    part.shape[axis] = operand.shape[axis];
    part.data = const_cast<void*>(offset_by(part, at * part.strides[axis]));
    at += operand.shape[axis];
    kernels::copy(view_of(operand), part);
  }
  return result.tensor;
}

Tensor stacked(const Graph& graph, const Node& node, const Tensors& operands) {
  Fresh result(graph.type(node.outputs[0]));
  const std::size_t size = size_of(result.tensor.dtype);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    std::memcpy(static_cast<std::byte*>(result.view.data) + i * size, operands[i].data.get(), size);
  }
  return result.tensor;
}

// start + i*step in the operands' dtype, cast to the result's.
Tensor arange(const Graph& graph, const Node& node, const Tensors& operands) {
  const Type& type = graph.type(node.outputs[0]);
  Fresh sequence(operands[0].dtype, static_shape(type));
  visit_dtype(operands[0].dtype, [&]<class E>(E) {
    if constexpr (std::is_arithmetic_v<E> && !std::is_same_v<E, bool>) {
      auto* out = static_cast<E*>(sequence.view.data);
      const E start = operands[0].at<E>(0), step = operands[2].at<E>(0);
      for (std::int64_t i = 0; i < sequence.tensor.count(); ++i) out[i] = static_cast<E>(start + i * step);
    } else {
      throw UnsupportedError("[arange] not evaluated for this dtype");
    }
  });
  if (type.dtype == operands[0].dtype) return sequence.tensor;
  Fresh result(type);
  kernels::apply(Op::cast, std::array{view_of(sequence.tensor)}, result.view);
  return result.tensor;
}

Tensor eye(const Graph& graph, const Node& node, const Tensors& operands) {
  Fresh result(graph.type(node.outputs[0]));
  const Tensor one = Tensor::scalar(result.tensor.dtype, 1);
  const std::int64_t offset = integer(operands[2]);
  const std::int64_t rows = result.view.shape[0], columns = result.view.shape[1];
  if (offset <= -rows || offset >= columns) return result.tensor;  // the diagonal lies outside
  for (std::int64_t row = std::max<std::int64_t>(0, -offset); row < rows && row + offset < columns; ++row) {
    std::memcpy(const_cast<void*>(offset_by(result.view, row * columns + row + offset)), one.data.get(),
                size_of(one.dtype));
  }
  return result.tensor;
}

[[noreturn]] void out_of_bounds(const Node& node, const kernels::IndexError& error) {
  throw IndexError("[" + std::string(info(node.op).name) + "] index " + std::to_string(error.index) +
                  " is out of bounds for axis " + std::to_string(error.axis) + " of size " +
                  std::to_string(error.size) + (node.origin.empty() ? "" : " (node \"" + node.origin + "\")"));
}

// The index operands from `first` on, broadcast to one shape.
std::vector<ConstView> index_views(const Tensors& operands, std::size_t first) {
  Extents shape;
  for (std::size_t i = first; i < operands.size(); ++i) {
    const Extents& other = operands[i].shape;
    if (other.size() > shape.size()) shape.insert(shape.begin(), other.size() - shape.size(), 1);
    for (std::size_t j = 0; j < other.size(); ++j) {
      std::int64_t& size = shape[shape.size() - other.size() + j];
      if (size == 1) size = other[j];
    }
  }
  std::vector<ConstView> views;
  for (std::size_t i = first; i < operands.size(); ++i) views.push_back(stretched(view_of(operands[i]), shape));
  return views;
}

Tensor gathered(const Graph& graph, const Node& node, const Tensors& operands) {
  // The kernel puts the indices' axes first; the op puts them where the indexed axes were.
  const ConstView x = view_of(operands[0]);
  const auto axes = normal_axes(node.attributes.integers("axes"), x.shape.size());
  const auto indices = index_views(operands, 1);
  const auto leading = static_cast<std::size_t>(axes.front());
  const std::size_t index_rank = indices[0].shape.size();
  Extents shape = indices[0].shape;
  for (int axis = 0; axis < static_cast<int>(x.shape.size()); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) shape.push_back(x.shape[axis]);
  }
  Fresh result(x.dtype, shape);
  if (const auto error = kernels::gather(x, indices, axes, result.view)) out_of_bounds(node, *error);
  Integers perm;
  for (std::size_t i = 0; i < leading; ++i) perm.push_back(static_cast<std::int64_t>(index_rank + i));
  for (std::size_t i = 0; i < index_rank; ++i) perm.push_back(static_cast<std::int64_t>(i));
  for (std::size_t i = index_rank + leading; i < shape.size(); ++i) perm.push_back(static_cast<std::int64_t>(i));
  static_cast<void>(graph);
  return transposed(result.tensor, perm);
}

Tensor scattered(const Graph& graph, const Node& node, const Tensors& operands) {
  const Tensor result = dense(view_of(operands[0]));
  const auto axes = normal_axes(node.attributes.integers("axes"), operands[0].shape.size());
  const auto indices = index_views(operands, 2);
  // The op has the indices' axes where the indexed axes were; the kernel has them first.
  const auto leading = static_cast<std::size_t>(axes.front());
  const std::size_t index_rank = indices[0].shape.size();
  Extents shape(operands[0].shape.begin(), operands[0].shape.begin() + axes.front());
  shape.insert(shape.end(), indices[0].shape.begin(), indices[0].shape.end());
  shape.insert(shape.end(), operands[0].shape.begin() + axes.back() + 1, operands[0].shape.end());
  ConstView y = stretched(view_of(operands[1]), shape);
  const auto move_first = [&](Extents& sizes) {
    std::rotate(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(leading),
                sizes.begin() + static_cast<std::ptrdiff_t>(leading + index_rank));
  };
  move_first(y.shape);
  move_first(y.strides);
  const ConstView seen = view_of(result);
  const View out{const_cast<void*>(seen.data), seen.dtype, seen.shape, seen.strides};
  const auto mode = node.op == Op::scatter_add ? kernels::ScatterMode::add : kernels::ScatterMode::set;
  if (const auto error = kernels::scatter(mode, out, y, indices, axes)) out_of_bounds(node, *error);
  static_cast<void>(graph);
  return result;
}

Tensor cumulated(const Graph& graph, const Node& node, const Tensor& x) {
  Fresh result(graph.type(node.outputs[0]));
  kernels::cumulate(node.op, view_of(x), static_cast<int>(normal(node.attributes.integer("axis"), x.shape.size())),
                    result.view);
  return result.tensor;
}

Tensor slice_updated(const Node& node, const Tensors& operands, bool add) {
  Tensor result = dense(view_of(operands[0]));
  const ConstView target = sliced(view_of(result), node.attributes.integers("axes"), std::span(operands).subspan(2));
  const ConstView y = stretched(view_of(operands[1]), target.shape);
  const View out{const_cast<void*>(target.data), target.dtype, target.shape, target.strides};
  if (add) {
    kernels::apply(Op::add, std::array{target, y}, out);
  } else {
    kernels::copy(y, out);
  }
  return result;
}

Tensor reduced(const Graph& graph, const Node& node, const Tensor& x) {
  Fresh result(graph.type(node.outputs[0]));
  kernels::reduce(node.op, result.tensor.dtype, view_of(x), normal_axes(node.attributes.integers("axes"), x.shape.size()),
                  result.view);
  return result.tensor;
}

// alpha*A@B + beta*C over batches; `alpha` and `c` may be absent.
struct Product {
  const Tensor* alpha;
  ConstView a, b;  // at least 2-d, transposes applied
  const Tensor* beta;
  const Tensor* c;
};

ConstView matrix_view(const Tensor& tensor, bool transposed) {
  ConstView view = view_of(tensor);
  const std::size_t rank = view.shape.size();
  if (transposed) {
    std::swap(view.shape[rank - 2], view.shape[rank - 1]);
    std::swap(view.strides[rank - 2], view.strides[rank - 1]);
  }
  return view;
}

ConstView with_axis(ConstView view, std::size_t at) {
  view.shape.insert(view.shape.begin() + static_cast<std::ptrdiff_t>(at), 1);
  view.strides.insert(view.strides.begin() + static_cast<std::ptrdiff_t>(at), 0);
  return view;
}

void multiply(const Product& product, ConstView c, View out) {
  const std::size_t batch = out.shape.size() - 2;
  const auto core = [&](const ConstView& view) {
    return kernels::MatrixRef{view.data, view.strides[batch], view.strides[batch + 1]};
  };
  const auto batch_strides = [&](const ConstView& view) { return std::span(view.strides).first(batch); };
  if (!is_inexact(out.dtype)) {
    // Exact products of integers, element by element: sum over k of a*b in the dtype itself.
    Extents shape = out.shape;
    shape.push_back(product.a.shape[batch + 1]);
    ConstView a = product.a, b = product.b;
    a.shape = b.shape = shape;
    a.strides.insert(a.strides.begin() + static_cast<std::ptrdiff_t>(batch) + 1, 0);
    b.strides.insert(b.strides.begin() + static_cast<std::ptrdiff_t>(batch), 0);
    std::swap(b.strides[batch + 1], b.strides[batch + 2]);
    Fresh products(out.dtype, shape);
    kernels::apply(out.dtype == DType::bool_ ? Op::bitwise_and : Op::multiply, std::array{a, b}, products.view);
    kernels::reduce(out.dtype == DType::bool_ ? Op::reduce_any : Op::reduce_sum, out.dtype, products.view,
                    std::array{static_cast<int>(batch) + 2}, out);
    return;
  }
  const Tensor one = Tensor::scalar(out.dtype, 1), zero = Tensor::scalar(out.dtype, 0);
  kernels::BatchedGemmArgs args;
  args.matrix.dtype = out.dtype;
  args.matrix.m = out.shape[batch];
  args.matrix.n = out.shape[batch + 1];
  args.matrix.k = product.a.shape[batch + 1];
  args.matrix.alpha = product.alpha == nullptr ? one.data.get() : product.alpha->data.get();
  args.matrix.beta = product.beta == nullptr ? zero.data.get() : product.beta->data.get();
  args.matrix.a = core(product.a);
  args.matrix.b = core(product.b);
  args.matrix.c = core(c);
  args.matrix.out = {out.data, out.strides[batch], out.strides[batch + 1]};
  args.batch_shape = std::span(out.shape).first(batch);
  args.a_batch_strides = batch_strides(product.a);
  args.b_batch_strides = batch_strides(product.b);
  args.c_batch_strides = batch_strides(c);
  args.out_batch_strides = std::span(out.strides).first(batch);
  kernels::batched_gemm(args);
}

Tensor product(const Graph& graph, const Node& node, const Tensors& t) {
  const bool trans_a = node.attributes.flag("trans_a"), trans_b = node.attributes.flag("trans_b");
  Product p{};
  std::size_t column = 0, row = 0;  // axes of size 1 that make matrices of vectors: 1-based, 0 for none
  const auto scale = [&](std::size_t i) { return t.size() > i ? &t[i] : nullptr; };
  const auto as_column = [](const Tensor& v) { return with_axis(view_of(v), 1); };
  const auto as_row = [](const Tensor& v) { return with_axis(view_of(v), 0); };
  switch (node.op) {
    case Op::matmul:
    case Op::batched_matmul:
      p = {scale(2), matrix_view(t[0], trans_a), matrix_view(t[1], trans_b), nullptr, nullptr};
      break;
    case Op::matvec:
      p = {scale(2), matrix_view(t[0], trans_a), as_column(t[1]), nullptr, nullptr};
      column = 1;
      break;
    case Op::dot:
      p = {nullptr, as_row(t[0]), as_column(t[1]), nullptr, nullptr};
      column = row = 1;
      break;
    case Op::outer:
      p = {scale(2), as_column(t[0]), as_row(t[1]), nullptr, nullptr};
      break;
    case Op::gemm:
    case Op::batched_gemm:
      p = {&t[0], matrix_view(t[1], trans_a), matrix_view(t[2], trans_b), &t[3], &t[4]};
      break;
    case Op::gemv:
      p = {&t[0], matrix_view(t[1], trans_a), as_column(t[2]), &t[3], &t[4]};
      column = 1;
      break;
    case Op::ger:
      p = {&t[0], as_column(t[1]), as_row(t[2]), nullptr, &t[3]};
      break;
    default:
      throw InternalError("not a product");
  }
  Fresh result(graph.type(node.outputs[0]));
  View out = result.view;
  const auto widen = [&](auto view) {
    if (row > 0) view.shape.insert(view.shape.begin(), 1), view.strides.insert(view.strides.begin(), 0);
    if (column > 0) view.shape.push_back(1), view.strides.push_back(0);
    return view;
  };
  ConstView c = out;
  if (p.c != nullptr) c = stretched(view_of(*p.c), out.shape);
  const Tensor one = Tensor::scalar(out.dtype, 1);
  if (node.op == Op::ger) p.beta = &one;
  // A product with one row or column stretches to C (`broadcast_c`).
  View wide = widen(out);
  for (auto* operand : {&p.a, &p.b}) {
    const std::size_t axis = operand == &p.a ? operand->shape.size() - 2 : operand->shape.size() - 1;
    const std::size_t target = operand == &p.a ? wide.shape.size() - 2 : wide.shape.size() - 1;
    if (operand->shape[axis] == 1 && wide.shape[target] != 1) {
      operand->shape[axis] = wide.shape[target];
      operand->strides[axis] = 0;
    }
  }
  multiply(p, widen(c), wide);
  return result.tensor;
}

}  // namespace

bool evaluates(Op op) {
  switch (op) {
#define HOST(name, arity, outputs, kernel, properties) case Op::name:
#include "ir/ops.def"
    case Op::sort:
    case Op::argsort:
    case Op::scaled_sum:
    case Op::cholesky:
    case Op::solve_triangular:
    case Op::solve:
    case Op::inv:
    case Op::slogdet:
    case Op::eigh:
      return false;
    default:
      return true;
  }
}

std::optional<Tensors> evaluate(const Graph& graph, const Node& node, const Tensors& operands) {
  if (!evaluates(node.op)) return std::nullopt;
  const auto one = [](Tensor tensor) { return std::optional<Tensors>(Tensors{std::move(tensor)}); };
  const auto with_shape = [&](const Tensor& tensor) {
    return one(Tensor{tensor.dtype, static_shape(graph.type(node.outputs[0])), tensor.data});
  };
  if (is_elementwise(node.op)) return one(elementwise(graph, node, operands));
  switch (node.op) {
    case Op::fused:
      return fused(graph, node, operands);
    case Op::row_blocks:
      return row_blocks(graph, node, operands);
    case Op::constant:
      return one(node.attributes.tensor("value"));
    case Op::copy:
      return one(operands[0]);
    case Op::dim: {
      const std::int64_t size = operands[0].shape[normal(node.attributes.integer("axis"), operands[0].shape.size())];
      return one(Tensor::from_bytes(DType::i64, {}, &size));
    }
    case Op::transpose:
      return one(transposed(operands[0], node.attributes.integers("perm")));
    case Op::expand_dims:
    case Op::squeeze:
    case Op::reshape:
      return with_shape(operands[0]);
    case Op::broadcast_to:
      return one(dense(stretched(view_of(operands[0]), static_shape(graph.type(node.outputs[0])))));
    case Op::slice:
      return one(dense(sliced(view_of(operands[0]), node.attributes.integers("axes"), std::span(operands).subspan(1))));
    case Op::diagonal:
      return one(diagonal(graph, node, operands[0]));
    case Op::stack:
      return one(stacked(graph, node, operands));
    case Op::concatenate:
      return one(concatenated(graph, node, operands, node.attributes.integer("axis")));
    case Op::arange:
      return one(arange(graph, node, operands));
    case Op::eye:
      return one(eye(graph, node, operands));
    case Op::gather:
      return one(gathered(graph, node, operands));
    case Op::scatter_set:
    case Op::scatter_add:
      return one(scattered(graph, node, operands));
    case Op::cumsum:
    case Op::cumprod:
      return one(cumulated(graph, node, operands[0]));
    case Op::slice_set:
    case Op::slice_add:
      return one(slice_updated(node, operands, node.op == Op::slice_add));
    case Op::reduce_sum:
    case Op::reduce_prod:
    case Op::reduce_max:
    case Op::reduce_min:
    case Op::reduce_any:
    case Op::reduce_all:
    case Op::argmax:
    case Op::argmin:
      return one(reduced(graph, node, operands[0]));
    case Op::matmul:
    case Op::matvec:
    case Op::dot:
    case Op::batched_matmul:
    case Op::outer:
    case Op::gemm:
    case Op::gemv:
    case Op::ger:
    case Op::batched_gemm:
      return one(product(graph, node, operands));
    default:
      throw InternalError("[" + std::string(info(node.op).name) + "] has no evaluation on the host");
  }
}

Tensors evaluate(const Graph& graph, const Tensors& inputs) {
  std::vector<Tensor> values(graph.values.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) values[graph.inputs[i]] = inputs[i];
  for (const Node& node : graph.nodes) {
    Tensors operands;
    for (const ValueId operand : node.inputs) operands.push_back(values[operand]);
    auto results = evaluate(graph, node, operands);
    if (!results) throw UnsupportedError("[" + std::string(info(node.op).name) + "] is not evaluated on the host");
    for (std::size_t i = 0; i < node.outputs.size(); ++i) values[node.outputs[i]] = std::move((*results)[i]);
  }
  Tensors outputs;
  for (const ValueId output : graph.outputs) outputs.push_back(values[output]);
  return outputs;
}

}  // namespace gemmule
