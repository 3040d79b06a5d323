// Elements moved, not computed: copies, indexing, sorting.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "ir/dtype.h"
#include "kernels/view.h"

namespace gemmule::kernels {

// out = in; equal dtypes and shapes, any strides, no overlap. Throws std::invalid_argument
// otherwise.
void copy(const ConstView& in, const View& out);

// The first index that is out of bounds, for the caller's message.
struct IndexError {
  int axis;            // axis of x
  std::int64_t index;  // as given, before a negative one wrapped
  std::int64_t size;   // of that axis
};

// out[i..., r...] = x[indices[0][i...], indices[1][i...], ..., r...] where indices[k] indexes
// axes[k] of x. Indices are integer views of one shape (broadcast with stride 0); negative ones
// count from the end. Shape of out: that of the indices, then the axes of x that are not indexed,
// in order. Nothing is written when an index is out of bounds.
std::optional<IndexError> gather(const ConstView& x, std::span<const ConstView> indices,
                                 std::span<const int> axes, const View& out);

enum class ScatterMode { set, add };

// x[indices] = y or += y in place; y has the shape that gather gives (broadcast with stride 0).
// Repeated indices: the last one stays (set), all accumulate (add).
std::optional<IndexError> scatter(ScatterMode mode, const View& x, const ConstView& y,
                                  std::span<const ConstView> indices, std::span<const int> axes);

// Along `axis`, ascending, stable, NaN last; complex by real part, then imaginary part.
void sort(const ConstView& in, int axis, const View& out);
void argsort(const ConstView& in, int axis, const View& out);  // out is i64

}  // namespace gemmule::kernels
