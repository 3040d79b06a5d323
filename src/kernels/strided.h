// Walking over strided views: shared by the elementwise, reduction and movement kernels.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/view.h"

namespace gemmule::kernels {

inline constexpr std::size_t kMaxRank = 64;  // NumPy's

// Several views of one shape, seen as nested loops: dims of size 1 dropped, the others sorted so
// that the last one is the innermost in memory of the first view, and merged where all views allow
// it.
struct LoopNest {
  Extents shape;
  std::vector<Extents> strides;  // of each view, in elements

  std::size_t rank() const { return shape.size(); }
};
LoopNest loop_nest(const Extents& shape, std::span<const Extents* const> strides);

// The same without sorting: the order of elements stays row by row.
LoopNest merge_dims(const Extents& shape, std::span<const Extents* const> strides);

// The same with the dims in this order, outermost first. Dims that are left out have size 1.
LoopNest merge_dims(const Extents& shape, std::span<const Extents* const> strides,
                    std::span<const std::size_t> order);

// The dims of size other than 1, sorted so that the last one is innermost in memory: of two dims
// the first view decides that steps along both of them, in strides of different size; without such
// a view they stay as they are.
std::vector<std::size_t> memory_order(const Extents& shape,
                                      std::span<const Extents* const> strides);

// to[i * to_stride] = from[i * from_stride] for i in [0, n), elements of `size` bytes (1, 2, 4, 8,
// 16), strides in elements. A from_stride of 0 fills.
void move_elements(std::size_t size, void* to, std::int64_t to_stride, const void* from,
                   std::int64_t from_stride, std::int64_t n);

// Copies elements of `size` bytes: `nest` has the strides of `to`, then of `from`, and no dim of
// size 0.
void copy_nest(const LoopNest& nest, std::size_t size, std::byte* to, const std::byte* from);

// Index of a position within `shape`, row by row, that can be advanced; offsets of the views
// follow.
template <std::size_t Views>
class Odometer {
 public:
  // `strides[v]` has a stride for each dim of `shape`. Both outlive the odometer.
  Odometer(std::span<const std::int64_t> shape,
           std::array<std::span<const std::int64_t>, Views> strides)
      : shape_(shape), strides_(strides) {
    std::fill_n(index_.begin(), shape.size(), 0);
  }

  std::int64_t offset(std::size_t view) const { return offsets_[view]; }

  void next() {
    for (std::size_t dim = shape_.size(); dim-- > 0;) {
      for (std::size_t v = 0; v < Views; ++v) offsets_[v] += strides_[v][dim];
      if (++index_[dim] < shape_[dim]) return;
      for (std::size_t v = 0; v < Views; ++v) offsets_[v] -= strides_[v][dim] * shape_[dim];
      index_[dim] = 0;
    }
  }

 private:
  std::span<const std::int64_t> shape_;
  std::array<std::span<const std::int64_t>, Views> strides_;
  std::array<std::int64_t, kMaxRank> index_;
  std::array<std::int64_t, Views> offsets_{};
};

}  // namespace gemmule::kernels
