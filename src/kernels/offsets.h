// Indexing with indices that never change: where each element lies is known, and checked, beforehand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ir/dtype.h"
#include "kernels/view.h"

namespace gemmule::kernels {

// Offsets in elements, as few bytes as fit most arrays.
using Offsets = std::vector<std::int32_t>;

// The offset in `x` of every element of x[indices] in the order of `result`, the shape of x[indices] with the axes
// of the indices in the place of those of x (which are consecutive). `indices` are integer views with data,
// broadcast to one shape. Nothing for an index out of bounds, and for offsets that do not fit.
std::optional<Offsets> offsets_of(const ConstView& x, std::span<const ConstView> indices, std::span<const int> axes,
                                  const Extents& result);

// out[i] = x[offsets[i]], elements of `size` bytes (1, 2, 4, 8 or 16).
void gather_offsets(std::size_t size, const void* x, const Offsets& offsets, void* out);

// x[offsets[i]] = y[i]; the last one stays.
void scatter_set_offsets(std::size_t size, void* x, const Offsets& offsets, const void* y);

// x[offsets[i]] += y[i], f32 and f64. All offsets are in [0, places), and so many elements of x may be written again.
void scatter_add_offsets(DType dtype, void* x, std::int64_t places, const Offsets& offsets, const void* y);

}  // namespace gemmule::kernels
