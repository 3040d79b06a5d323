// Arrays in every memory layout, for the tests of this folder.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "kernels/scalar_functions.h"
#include "kernels/view.h"

namespace gemmule::kernels {

enum class Layout { row_major, column_major, gaps, reversed, permuted, broadcast, scalar };
inline constexpr int kLayoutCount = 7, kWritableLayoutCount = 5;  // a broadcast cannot be written

inline void for_each_index(const Extents& shape, const std::function<void(const Extents&)>& f) {
  Extents index(shape.size(), 0);
  for (std::int64_t i = 0, n = element_count(shape); i < n; ++i) {
    f(index);
    for (std::size_t dim = shape.size(); dim-- > 0;) {
      if (++index[dim] < shape[dim]) break;
      index[dim] = 0;
    }
  }
}

class TestArray {
 public:
  TestArray(DType dtype, const Extents& shape, Layout layout)
      : dtype_(dtype), shape_(shape), strides_(shape.size()) {
    std::vector<std::size_t> order;  // outermost first
    for (std::size_t d = 0; d < shape.size(); ++d) order.push_back(d);
    if (layout == Layout::column_major) std::reverse(order.begin(), order.end());
    if (layout == Layout::permuted && order.size() > 1) std::swap(order[0], order[1]);
    const std::int64_t gap = layout == Layout::gaps ? 3 : 1;
    std::int64_t stride = gap;
    for (std::size_t k = order.size(); k-- > 0;) {
      const std::size_t d = order[k];
      const bool still = layout == Layout::scalar || (layout == Layout::broadcast && d % 2 == 0);
      strides_[d] = still ? 0 : stride;
      if (layout == Layout::reversed)
        strides_[d] = -strides_[d], origin_ += stride * (shape[d] - 1);
      if (!still) stride *= shape[d] + (layout == Layout::gaps ? 1 : 0);
    }
    // Canaries around: nothing outside the elements may be written.
    memory_.assign(
        static_cast<std::size_t>(std::max<std::int64_t>(stride, 1) + 2 * kMargin) * size_of(dtype),
        std::byte{0});
    origin_ = std::max<std::int64_t>(origin_, 0) + kMargin;
  }

  const Extents& shape() const { return shape_; }
  ConstView view() const { return {memory_.data() + offset({}), dtype_, shape_, strides_}; }
  View mutable_view() { return {memory_.data() + offset({}), dtype_, shape_, strides_}; }

  template <class T>
  T get(const Extents& index) const {
    T value;
    std::memcpy(&value, memory_.data() + offset(index), sizeof value);
    return value;
  }
  template <class T>
  void set(const Extents& index, T value) {
    std::memcpy(memory_.data() + offset(index), &value, sizeof value);
  }

  void fill(std::mt19937& random) {
    std::normal_distribution<double> normal;
    for_each_index(shape_, [&](const Extents& index) {
      visit_dtype(dtype_, [&]<class T>(T) { set(index, detail::cast<T>(normal(random) * 2)); });
    });
  }

  bool margins_untouched() const {
    const std::size_t margin = kMargin * size_of(dtype_);
    for (std::size_t i = 0; i < margin; ++i) {
      if (memory_[i] != std::byte{0} || memory_[memory_.size() - 1 - i] != std::byte{0})
        return false;
    }
    return true;
  }

  DType dtype() const { return dtype_; }

 private:
  static constexpr std::int64_t kMargin = 8;

  std::size_t offset(const Extents& index) const {
    std::int64_t at = origin_;
    for (std::size_t d = 0; d < index.size(); ++d) at += index[d] * strides_[d];
    return static_cast<std::size_t>(at) * size_of(dtype_);
  }

  DType dtype_;
  Extents shape_, strides_;
  std::int64_t origin_ = 0;
  std::vector<std::byte> memory_;
};

inline bool same_bits(const TestArray& a, const TestArray& b) {
  bool same = a.dtype() == b.dtype() && a.shape() == b.shape();
  if (!same) return false;
  for_each_index(a.shape(), [&](const Extents& index) {
    visit_dtype(a.dtype(), [&]<class T>(T) {
      const T x = a.get<T>(index), y = b.get<T>(index);
      same = same && std::memcmp(&x, &y, sizeof x) == 0;
    });
  });
  return same;
}

}  // namespace gemmule::kernels
