// Sums over few places, of which neighbours often share one, such as the groups of a regression: a sum waits for the
// one before it to reach memory, and four that do not know of each other wait together.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/function_clones.h"

namespace gemmule::kernels {

inline constexpr std::int64_t kMostPlaces = 256;

// Whether sums of n elements in `places` places are worth it.
inline bool sums_side_by_side(std::int64_t places, std::int64_t n) {
  return places <= kMostPlaces && n >= 32 && n >= 2 * places;
}

// x[place(i) * x_stride] += y[i * y_stride] for i in [0, n): a quarter of y at a time in each of four sums for every
// place, of which the first begins with x. At most kMostPlaces places; y does not overlap x.
template <class T, class Place>
GEMMULE_INLINE void add_side_by_side(const T* y, std::int64_t y_stride, std::int64_t n, T* x, std::int64_t x_stride,
                                     std::int64_t places, Place place) {
  constexpr std::int64_t kSums = 4;
  std::array<T, kSums * kMostPlaces> sums;
  for (std::int64_t i = 0; i < places; ++i) sums[i] = x[i * x_stride];
  for (std::int64_t i = places; i < kSums * places; ++i) sums[i] = T(-0.0);  // changes no number, not even 0
  const std::int64_t part = n / kSums;
  for (std::int64_t i = 0; i < part; ++i) {
    for (std::int64_t k = 0; k < kSums; ++k) {
      const std::int64_t j = k * part + i;
      sums[k * places + place(j)] += y[j * y_stride];
    }
  }
  for (std::int64_t i = kSums * part; i < n; ++i) sums[place(i)] += y[i * y_stride];
  for (std::int64_t i = 0; i < places; ++i) {
    x[i * x_stride] = (sums[i] + sums[places + i]) + (sums[2 * places + i] + sums[3 * places + i]);
  }
}

}  // namespace gemmule::kernels
