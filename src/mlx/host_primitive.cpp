#include "mlx/host_primitive.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <limits>
#include <optional>
#include <string>

#include "ir/error.h"
#include "mlx/allocator.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/lower.h"
#include "mlx/ops.h"

namespace gemmule {

namespace {

// The strides of a c128 array count f64s, two per element.
void pair_parts(const mx::array& array, Extents& shape, Extents& strides) {
  if (shape.empty() || shape.back() != 2 || strides.back() != 1) {
    throw InternalError("a complex128 array without adjacent real and imaginary parts");
  }
  shape.pop_back();
  strides.pop_back();
  for (std::size_t i = 0; i < strides.size(); ++i) {
    if (strides[i] % 2 != 0 && shape[i] > 1 && array.size() > 0) {
      throw InternalError("a complex128 array with a stride of half an element");
    }
    strides[i] /= 2;
  }
}

template <class ViewType, class Array>
ViewType view_of(Array& array, DType dtype) {
  ViewType view;
  view.data = array.template data<char>();
  view.dtype = dtype;
  view.shape.assign(array.shape().begin(), array.shape().end());
  view.strides.assign(array.strides().begin(), array.strides().end());
  if (dtype == DType::c128) pair_parts(array, view.shape, view.strides);
  return view;
}

template <class ViewType>
ViewType batch_element(const ViewType& view, int rank, std::int64_t index) {
  std::int64_t offset = 0;
  for (int axis = rank - 1; axis >= 0; --axis) {
    offset += (index % view.shape[axis]) * view.strides[axis];
    index /= view.shape[axis];
  }
  ViewType element;
  element.dtype = view.dtype;
  element.shape.assign(view.shape.begin() + rank, view.shape.end());
  element.strides.assign(view.strides.begin() + rank, view.strides.end());
  using Byte = std::conditional_t<std::is_same_v<ViewType, View>, char, const char>;
  element.data =
      static_cast<Byte*>(view.data) + offset * static_cast<std::int64_t>(size_of(view.dtype));
  return element;
}

// Whether no two elements share memory: each axis strides over all that the axes of smaller strides
// span.
bool distinct_elements(const mx::array& array) {
  std::vector<std::pair<std::int64_t, std::int64_t>> axes;  // stride, size
  for (std::size_t i = 0; i < array.ndim(); ++i) {
    if (array.shape(i) > 1) axes.emplace_back(std::abs(array.strides(i)), array.shape(i));
  }
  std::ranges::sort(axes);
  std::int64_t span = 1;
  for (const auto& [stride, size] : axes) {
    if (stride < span) return false;
    span += (size - 1) * stride;
  }
  return true;
}

}  // namespace

// -- operation ----------------------------------------------------------------------------------

std::vector<mx::array> lazy(const std::shared_ptr<HostPrimitive>& primitive,
                            std::vector<mx::array> operands) {
  const std::vector<DType>& dtypes = primitive->signature().results;
  std::vector<mx::Shape> shapes = primitive->output_shapes(operands);
  if (shapes.size() == 1) {
    std::vector<mx::array> result;
    result.emplace_back(std::move(shapes[0]), to_mlx(dtypes[0]), primitive, std::move(operands));
    return result;
  }
  std::vector<mx::Dtype> mlx_dtypes;
  for (DType dtype : dtypes) mlx_dtypes.push_back(to_mlx(dtype));
  return mx::array::make_arrays(std::move(shapes), mlx_dtypes, primitive, operands);
}

// -- CPU ----------------------------------------------------------------------------------------

HostPrimitive::Work HostPrimitive::prepare(const std::vector<mx::array>& inputs,
                                           std::vector<mx::array>& outputs) const {
  Work work;
  work.in.reserve(inputs.size());
  work.out.reserve(outputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    work.in.push_back(const_view(inputs[i], signature_.operands[i]));
  }
  std::vector<int> taken;
  for (std::size_t r = 0; r < outputs.size(); ++r) {
    std::optional<int> donor;
    for (int candidate : donors(static_cast<int>(r))) {
      if (can_take_over(inputs, candidate, outputs[r]) &&
          std::ranges::count(taken, candidate) == 0) {
        donor = candidate;
        break;
      }
    }
    if (donor) {
      taken.push_back(*donor);
      outputs[r].copy_shared_buffer(inputs[*donor]);
    } else {
      outputs[r].set_data(mx::allocator::malloc(outputs[r].nbytes()));
    }
    work.out.push_back(mutable_view(outputs[r], signature_.results[r]));
    work.empty = work.empty && outputs[r].size() == 0;
  }
  return work;
}

void HostPrimitive::eval_cpu(const std::vector<mx::array>& inputs,
                             std::vector<mx::array>& outputs) {
  Work work = prepare(inputs, outputs);
  if (work.empty) return;
  // The task owns the primitive: the array that holds it is detached when eval returns. MLX itself
  // keeps the memory of inputs and outputs until the task is done.
  mx::cpu::get_command_encoder(stream()).dispatch(
      [self = outputs[0].primitive_ptr(), this, work = std::move(work)] {
        if (!status_) return compute_batch(work.in, work.out, signature_.batch_rank);
        try {
          compute_batch(work.in, work.out, signature_.batch_rank);
        } catch (...) {
          status_->fail(std::current_exception());
        }
      });
}

void HostPrimitive::eval_here(const std::vector<mx::array>& inputs,
                              std::vector<mx::array>& outputs) const {
  const Work work = prepare(inputs, outputs);
  if (!work.empty) compute_batch(work.in, work.out, signature_.batch_rank);
}

// Memory that nobody else holds, of the result's shape and dtype, in any order of the axes. The
// caller's may have gaps: it is the caller who wants the result there.
bool HostPrimitive::can_take_over(const std::vector<mx::array>& operands, int i,
                                  const mx::array& result) const {
  const mx::array& operand = operands[i];
  if (operand.dtype() != result.dtype() || operand.shape() != result.shape() ||
      operand.size() == 0) {
    return false;
  }
  if (operand.is_donatable()) {
    return operand.flags().contiguous && operand.data_size() == operand.size();
  }
  return static_cast<std::size_t>(i) < given_away_.size() && given_away_[i] &&
         operand.data_shared_ptr().use_count() == 1 && distinct_elements(operand);
}

void HostPrimitive::compute_batch(std::span<const ConstView> in, std::span<const View> out,
                                  int batch_rank) const {
  if (batch_rank == 0) return compute(in, out);
  std::int64_t count = 1;
  for (int axis = 0; axis < batch_rank; ++axis) count *= out[0].shape[axis];
  std::vector<ConstView> in_element(in.size());
  std::vector<View> out_element(out.size());
  for (std::int64_t index = 0; index < count; ++index) {
    for (std::size_t i = 0; i < in.size(); ++i) in_element[i] = at_batch(in[i], batch_rank, index);
    for (std::size_t i = 0; i < out.size(); ++i)
      out_element[i] = at_batch(out[i], batch_rank, index);
    compute(in_element, out_element);
  }
}

// -- GPU ----------------------------------------------------------------------------------------

void HostPrimitive::eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) {
  throw UnsupportedError(std::string("[") + name() + "] runs on CPU streams only");
}

// -- transforms ---------------------------------------------------------------------------------

std::pair<std::vector<mx::array>, std::vector<int>> HostPrimitive::vmap(
    const std::vector<mx::array>& inputs, const std::vector<int>& axes) {
  mx::ShapeElem size = 1;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (axes[i] >= 0) size = inputs[i].shape(axes[i]);
  }
  std::vector<mx::array> operands;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (axes[i] >= 0) {
      operands.push_back(mx::moveaxis(inputs[i], axes[i], 0, stream()));
    } else {
      mx::Shape shape = inputs[i].shape();
      shape.insert(shape.begin(), size);
      operands.push_back(mx::broadcast_to(inputs[i], shape, stream()));
    }
  }
  Signature signature = signature_;
  ++signature.batch_rank;
  std::shared_ptr<HostPrimitive> batched = with(std::move(signature));
  batched->report_to(status_);
  std::vector<mx::array> results = lazy(batched, std::move(operands));
  std::vector<int> result_axes(results.size(), 0);
  return {std::move(results), std::move(result_axes)};
}

bool HostPrimitive::is_equivalent(const mx::Primitive& other) const {
  const auto& same = static_cast<const HostPrimitive&>(other);
  return signature_ == same.signature_ && same_parameters(same);
}

std::vector<mx::Shape> HostPrimitive::output_shapes(const std::vector<mx::array>& inputs) {
  const int rank = signature_.batch_rank;
  std::vector<Extents> operands;
  operands.reserve(inputs.size());
  Extents batch;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Extents shape = extents(inputs[i], signature_.operands[i]);
    if (rank > 0) {
      batch.assign(shape.begin(), shape.begin() + rank);
      shape.erase(shape.begin(), shape.begin() + rank);
    }
    operands.push_back(std::move(shape));
  }
  std::vector<mx::Shape> shapes;
  std::vector<Extents> results = result_shapes(operands);
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i].insert(results[i].begin(), batch.begin(), batch.end());
    shapes.push_back(to_mlx_shape(results[i], signature_.results[i]));
  }
  return shapes;
}

// -- views --------------------------------------------------------------------------------------

ConstView const_view(const mx::array& array, DType dtype) {
  return view_of<ConstView>(array, dtype);
}
View mutable_view(mx::array& array, DType dtype) { return view_of<View>(array, dtype); }

ConstView at_batch(const ConstView& view, int rank, std::int64_t index) {
  return batch_element(view, rank, index);
}
View at_batch(const View& view, int rank, std::int64_t index) {
  return batch_element(view, rank, index);
}

ConstView broadcast_view(ConstView view, const Extents& shape) {
  const std::size_t added = shape.size() - view.shape.size();
  Extents strides(shape.size(), 0);
  for (std::size_t i = 0; i < view.shape.size(); ++i) {
    if (view.shape[i] == shape[added + i]) strides[added + i] = view.strides[i];
  }
  view.shape = shape;
  view.strides = std::move(strides);
  return view;
}

Extents broadcast_extents(const Extents& a, const Extents& b) {
  if (a.size() < b.size()) return broadcast_extents(b, a);
  Extents shape = a;
  const std::size_t added = a.size() - b.size();
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (shape[added + i] == 1) shape[added + i] = b[i];
  }
  return shape;
}

Extents extents(const mx::array& array, DType dtype) {
  Extents shape(array.shape().begin(), array.shape().end());
  if (dtype == DType::c128) {
    if (shape.empty() || shape.back() != 2) {
      throw InternalError("a complex128 array without its axis of real and imaginary part");
    }
    shape.pop_back();
  }
  return shape;
}

mx::Shape to_mlx_shape(const Extents& shape, DType dtype) {
  mx::Shape result;
  for (std::int64_t size : shape) {
    if (size > std::numeric_limits<mx::ShapeElem>::max()) {
      throw ShapeError("a dimension of " + std::to_string(size) +
                       " elements: MLX's dimensions are below 2147483648");
    }
    result.push_back(static_cast<mx::ShapeElem>(size));
  }
  if (dtype == DType::c128) result.push_back(2);
  return result;
}

}  // namespace gemmule
