// What reductions and running sums share: blocks of elements on their way in and out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/elementwise_loops.h"
#include "kernels/strided.h"

namespace gemmule::kernels {

// Elements that are loaded, cast and folded at a time; the blocks of the pairwise sum.
inline constexpr std::int64_t kBlock = 1024;

using Buffer = std::array<std::byte, kBlock * 16>;

// Reads elements of the operand in the dtype of the fold.
class Loader {
 public:
  Loader(DType from, DType to)
      : cast_(from == to ? nullptr : cast_loop(from, to)),
        size_(static_cast<std::int64_t>(size_of(from))) {}

  std::int64_t size() const { return size_; }

  // n <= kBlock elements at `stride`, in place when they need no work.
  const void* load(const std::byte* from, std::int64_t stride, std::int64_t n) {
    const void* x = from;
    if (stride != 1 && n > 1) {
      move_elements(static_cast<std::size_t>(size_), gathered_.data(), 1, from, stride, n);
      x = gathered_.data();
    }
    if (cast_ == nullptr) return x;
    cast_(&x, converted_.data(), n);
    return converted_.data();
  }

 private:
  Loop cast_;
  std::int64_t size_;
  alignas(64) Buffer gathered_;
  alignas(64) Buffer converted_;
};

// Writes finished results, in the dtype of the fold, to the output.
class Storer {
 public:
  Storer(DType from, DType to)
      : cast_(from == to ? nullptr : cast_loop(from, to)),
        size_(static_cast<std::int64_t>(size_of(to))) {}

  std::int64_t size() const { return size_; }

  void store(const void* results, std::byte* to, std::int64_t stride, std::int64_t n) {
    if (cast_ != nullptr) {
      cast_(&results, converted_.data(), n);
      results = converted_.data();
    }
    move_elements(static_cast<std::size_t>(size_), to, stride, results, 1, n);
  }

 private:
  Loop cast_;
  std::int64_t size_;
  alignas(64) Buffer converted_;
};

inline std::span<const std::int64_t> without_last(const Extents& e) {
  return std::span(e).first(e.empty() ? 0 : e.size() - 1);
}

}  // namespace gemmule::kernels
