// What lowerings share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mlx/lower.h"

namespace gemmule {

// "[gather] <what> (node "mu")"
std::string message(const LowerContext& context, const std::string& what);

// The attributes `axis` and `axes`, with negative ones counted from the end of `rank` dimensions.
int axis_of(const LowerContext& context, int rank);
std::vector<int> axes_of(const LowerContext& context, std::string_view attribute, int rank);

// The value of a 0-d integer operand. Throws UnsupportedError when only a run would show it.
std::int64_t integer_operand(const LowerContext& context, int operand);

// The array with the elements of `tensor`, without a copy where MLX can use the memory of others.
mx::array to_array(const Tensor& tensor);

// A c128 value is an f64 array whose last axis is the pair of real and imaginary part. Ops over
// axes leave that axis alone: it follows those of the value.
inline int pair_axes(DType dtype) { return dtype == DType::c128 ? 1 : 0; }

// Sizes as MLX has them. Throws ShapeError for those beyond its 32-bit integers.
mx::ShapeElem to_size(const LowerContext& context, std::int64_t size);

// The slice `start, stop, step per axis of `axes`` that operands from `first` on describe, over all
// axes of operand 0 and its pair axis, as mx::slice takes it.
struct SliceBounds {
  mx::Shape start, stop, step;
  std::vector<int> reversed;        // axes with a negative step
  std::vector<std::int64_t> shape;  // without the pair axis
};
SliceBounds slice_bounds(const LowerContext& context, int first);

}  // namespace gemmule
