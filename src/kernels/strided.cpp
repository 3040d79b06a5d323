#include "kernels/strided.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>

namespace gemmule::kernels {
namespace {

struct Words {
  std::uint64_t words[2];
};

// Elements of a size whatever their type and alignment (complex64 has that of float).
template <class Bits>
struct __attribute__((packed, may_alias)) Opaque {
  Bits bits;
};

template <class T>
void move_typed(void* to, std::int64_t to_stride, const void* from, std::int64_t from_stride,
                std::int64_t n) {
  T* t = static_cast<T*>(to);
  const T* f = static_cast<const T*>(from);
  if (from_stride == 0) {
    const T value = *f;
    if (to_stride == 1) {
      std::fill(t, t + n, value);
    } else {
      for (std::int64_t i = 0; i < n; ++i) t[i * to_stride] = value;
    }
  } else if (to_stride == 1) {
    for (std::int64_t i = 0; i < n; ++i) t[i] = f[i * from_stride];
  } else {
    for (std::int64_t i = 0; i < n; ++i) t[i * to_stride] = f[i * from_stride];
  }
}

}  // namespace

LoopNest loop_nest(const Extents& shape, std::span<const Extents* const> strides) {
  std::vector<std::size_t> order(shape.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::abs((*strides[0])[a]) > std::abs((*strides[0])[b]);
  });
  return merge_dims(shape, strides, order);
}

LoopNest merge_dims(const Extents& shape, std::span<const Extents* const> strides) {
  std::vector<std::size_t> order(shape.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  return merge_dims(shape, strides, order);
}

LoopNest merge_dims(const Extents& shape, std::span<const Extents* const> strides,
                    std::span<const std::size_t> order) {
  LoopNest nest;
  nest.strides.resize(strides.size());
  for (const std::size_t dim : order) {
    if (shape[dim] == 1) continue;
    bool merges = !nest.shape.empty();
    for (std::size_t v = 0; v < strides.size() && merges; ++v) {
      merges = nest.strides[v].back() == (*strides[v])[dim] * shape[dim];
    }
    if (merges) {
      nest.shape.back() *= shape[dim];
      for (std::size_t v = 0; v < strides.size(); ++v) nest.strides[v].back() = (*strides[v])[dim];
    } else {
      nest.shape.push_back(shape[dim]);
      for (std::size_t v = 0; v < strides.size(); ++v)
        nest.strides[v].push_back((*strides[v])[dim]);
    }
  }
  return nest;
}

std::vector<std::size_t> memory_order(const Extents& shape,
                                      std::span<const Extents* const> strides) {
  // True where `a` is further out than `b`. Not transitive, hence the insertion sort, as NumPy's.
  const auto is_outer = [&](std::size_t a, std::size_t b) {
    for (const Extents* view : strides) {
      const std::int64_t x = std::abs((*view)[a]), y = std::abs((*view)[b]);
      if (x != 0 && y != 0 && x != y) return x > y;
    }
    return a < b;
  };
  std::vector<std::size_t> order;
  for (std::size_t dim = 0; dim < shape.size(); ++dim) {
    if (shape[dim] == 1) continue;
    auto at = order.end();
    while (at != order.begin() && is_outer(dim, at[-1])) --at;
    order.insert(at, dim);
  }
  return order;
}

void move_elements(std::size_t size, void* to, std::int64_t to_stride, const void* from,
                   std::int64_t from_stride, std::int64_t n) {
  if (n <= 0) return;
  if (to_stride == 1 && from_stride == 1) {
    std::memmove(to, from, size * static_cast<std::size_t>(n));
    return;
  }
  switch (size) {
    case 1:
      return move_typed<Opaque<std::uint8_t>>(to, to_stride, from, from_stride, n);
    case 2:
      return move_typed<Opaque<std::uint16_t>>(to, to_stride, from, from_stride, n);
    case 4:
      return move_typed<Opaque<std::uint32_t>>(to, to_stride, from, from_stride, n);
    case 8:
      return move_typed<Opaque<std::uint64_t>>(to, to_stride, from, from_stride, n);
    default:
      return move_typed<Opaque<Words>>(to, to_stride, from, from_stride, n);
  }
}

void copy_nest(const LoopNest& nest, std::size_t size, std::byte* to, const std::byte* from) {
  const auto bytes = static_cast<std::int64_t>(size);
  const std::size_t rank = nest.rank();
  if (rank == 0) {
    std::memcpy(to, from, size);
    return;
  }
  const std::span<const std::int64_t> shape(nest.shape);
  const std::int64_t rows = rank == 1 ? 1 : element_count(nest.shape) / nest.shape.back();
  // A transpose: tiles of both dims, so that each cache line is used up on both sides.
  const bool transposes = rank >= 2 && nest.strides[1][rank - 2] == 1 &&
                          nest.strides[1].back() != 0 && nest.shape[rank - 2] > 1 &&
                          nest.shape.back() > 1;
  if (transposes) {
    constexpr std::int64_t tile = 16;
    const std::int64_t height = nest.shape[rank - 2], width = nest.shape.back();
    const std::int64_t to_row = nest.strides[0][rank - 2], to_column = nest.strides[0].back();
    const std::int64_t from_column = nest.strides[1].back();
    Odometer<2> position(shape.first(rank - 2), {nest.strides[0], nest.strides[1]});
    for (std::int64_t k = 0; k < rows / height; ++k, position.next()) {
      for (std::int64_t i = 0; i < height; i += tile) {
        for (std::int64_t j = 0; j < width; j += tile) {
          const std::int64_t n = std::min(tile, width - j);
          for (std::int64_t r = i; r < std::min(i + tile, height); ++r) {
            move_elements(size, to + (position.offset(0) + r * to_row + j * to_column) * bytes,
                          to_column, from + (position.offset(1) + r + j * from_column) * bytes,
                          from_column, n);
          }
        }
      }
    }
    return;
  }
  Odometer<2> position(shape.first(rank - 1), {nest.strides[0], nest.strides[1]});
  for (std::int64_t k = 0; k < rows; ++k, position.next()) {
    move_elements(size, to + position.offset(0) * bytes, nest.strides[0].back(),
                  from + position.offset(1) * bytes, nest.strides[1].back(), nest.shape.back());
  }
}

}  // namespace gemmule::kernels
