// The primitives Reduce, Cumulative and Sort: ops along axes.
#include "kernels/reduce.h"

#include <algorithm>

#include "mlx/host_primitives.h"

namespace gemmule {

// -- Reduce -------------------------------------------------------------------------------------

std::vector<Extents> Reduce::result_shapes(const std::vector<Extents>& operands) const {
  Extents shape;
  for (int axis = 0; axis < static_cast<int>(operands[0].size()); ++axis) {
    if (std::ranges::count(axes_, axis) == 0) shape.push_back(operands[0][axis]);
  }
  return {shape};
}

void Reduce::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}

void Reduce::compute_batch(std::span<const ConstView> in, std::span<const View> out,
                           int rank) const {
  std::vector<int> axes = axes_;
  for (int& axis : axes) axis += rank;
  kernels::reduce(op_, accumulator_, in[0], axes, out[0]);
}

bool Reduce::same_parameters(const HostPrimitive& other) const {
  const auto& same = static_cast<const Reduce&>(other);
  return op_ == same.op_ && accumulator_ == same.accumulator_ && axes_ == same.axes_;
}

std::shared_ptr<HostPrimitive> Reduce::with(Signature signature) const {
  return std::make_shared<Reduce>(where(), std::move(signature), op_, accumulator_, axes_);
}

// -- Cumulative ---------------------------------------------------------------------------------

std::vector<Extents> Cumulative::result_shapes(const std::vector<Extents>& operands) const {
  return {operands[0]};
}

void Cumulative::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}

void Cumulative::compute_batch(std::span<const ConstView> in, std::span<const View> out,
                               int rank) const {
  kernels::cumulate(op_, in[0], axis_ + rank, out[0]);
}

bool Cumulative::same_parameters(const HostPrimitive& other) const {
  const auto& same = static_cast<const Cumulative&>(other);
  return op_ == same.op_ && axis_ == same.axis_;
}

std::shared_ptr<HostPrimitive> Cumulative::with(Signature signature) const {
  return std::make_shared<Cumulative>(where(), std::move(signature), op_, axis_);
}

// -- Sort ---------------------------------------------------------------------------------------

std::vector<Extents> Sort::result_shapes(const std::vector<Extents>& operands) const {
  return {operands[0]};
}

void Sort::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}

void Sort::compute_batch(std::span<const ConstView> in, std::span<const View> out, int rank) const {
  (op_ == Op::sort ? kernels::sort : kernels::argsort)(in[0], axis_ + rank, out[0]);
}

bool Sort::same_parameters(const HostPrimitive& other) const {
  const auto& same = static_cast<const Sort&>(other);
  return op_ == same.op_ && axis_ == same.axis_;
}

std::shared_ptr<HostPrimitive> Sort::with(Signature signature) const {
  return std::make_shared<Sort>(where(), std::move(signature), op_, axis_);
}

}  // namespace gemmule
