// The primitives HostGather and HostScatter.
#include <algorithm>
#include <string>

#include "ir/error.h"
#include "mlx/host_primitives.h"

namespace gemmule {

namespace {

void raise(const std::optional<kernels::IndexError>& error) {
  if (!error) return;
  throw IndexError("index " + std::to_string(error->index) + " is out of bounds for axis " +
                   std::to_string(error->axis) + " with size " + std::to_string(error->size));
}

// The shape of all indices together.
Extents index_shape(std::span<const Extents> indices) {
  Extents shape;
  for (const Extents& index : indices) shape = broadcast_extents(shape, index);
  return shape;
}

// The shape of x[indices]: that of the indices, then the axes of x that are not indexed.
Extents indexed_shape(const Extents& x, std::span<const int> axes, Extents indices) {
  for (int axis = 0; axis < static_cast<int>(x.size()); ++axis) {
    if (std::ranges::count(axes, axis) == 0) indices.push_back(x[axis]);
  }
  return indices;
}

// The indices, broadcast to their common shape.
std::vector<ConstView> broadcast_indices(std::span<const ConstView> in, Extents& shape) {
  shape.clear();
  for (const ConstView& index : in) shape = broadcast_extents(shape, index.shape);
  std::vector<ConstView> indices;
  for (const ConstView& index : in) indices.push_back(broadcast_view(index, shape));
  return indices;
}

}  // namespace

// -- HostGather ---------------------------------------------------------------------------------

std::vector<Extents> HostGather::result_shapes(const std::vector<Extents>& operands) const {
  return {indexed_shape(operands[0], axes_, index_shape(std::span(operands).subspan(1)))};
}

void HostGather::compute(std::span<const ConstView> in, std::span<const View> out) const {
  Extents shape;
  raise(kernels::gather(in[0], broadcast_indices(in.subspan(1), shape), axes_, out[0]));
}

bool HostGather::same_parameters(const HostPrimitive& other) const {
  return axes_ == static_cast<const HostGather&>(other).axes_;
}

std::shared_ptr<HostPrimitive> HostGather::with(Signature signature) const {
  return std::make_shared<HostGather>(where(), std::move(signature), axes_);
}

// -- HostScatter --------------------------------------------------------------------------------

std::vector<Extents> HostScatter::result_shapes(const std::vector<Extents>& operands) const {
  return {operands[0]};
}

void HostScatter::compute(std::span<const ConstView> in, std::span<const View> out) const {
  if (in[0].data != out[0].data) kernels::copy(in[0], out[0]);
  Extents shape;
  const std::vector<ConstView> indices = broadcast_indices(in.subspan(2), shape);
  const ConstView y = broadcast_view(in[1], indexed_shape(in[0].shape, axes_, shape));
  raise(kernels::scatter(mode_, out[0], y, indices, axes_));
}

bool HostScatter::same_parameters(const HostPrimitive& other) const {
  const auto& same = static_cast<const HostScatter&>(other);
  return mode_ == same.mode_ && axes_ == same.axes_;
}

std::shared_ptr<HostPrimitive> HostScatter::with(Signature signature) const {
  return std::make_shared<HostScatter>(where(), std::move(signature), mode_, axes_);
}

}  // namespace gemmule
