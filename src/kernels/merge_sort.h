// The order of sort, argsort and unique, and a stable sort that takes no memory from the heap.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>

#include "kernels/scalar_functions.h"

namespace gemmule::kernels {

// NaN after every number; complex numbers by real part, then imaginary part.
template <class T>
bool comes_before(const T& a, const T& b) {
  if constexpr (std::same_as<T, Half>) {
    return comes_before(static_cast<float>(a), static_cast<float>(b));
  } else if constexpr (Complex<T>) {
    const bool a_nan = detail::is_nan(a), b_nan = detail::is_nan(b);
    if (a_nan != b_nan) return b_nan;
    if (comes_before(a.real(), b.real())) return true;
    if (comes_before(b.real(), a.real())) return false;
    return comes_before(a.imag(), b.imag());
  } else {
    return a < b || (detail::is_nan(b) && !detail::is_nan(a));
  }
}

// Stable, without std::stable_sort's memory from the heap: short runs by insertion, then merged
// from `x` to `buffer` and back. The sorted elements are where the result points.
template <class T, class Before>
T* merge_sort(T* x, T* buffer, std::int64_t n, Before before) {
  constexpr std::int64_t kRun = 16;
  for (std::int64_t begin = 0; begin < n; begin += kRun) {
    const std::int64_t end = std::min(begin + kRun, n);
    for (std::int64_t i = begin + 1; i < end; ++i) {
      const T value = x[i];
      std::int64_t j = i;
      for (; j > begin && before(value, x[j - 1]); --j) x[j] = x[j - 1];
      x[j] = value;
    }
  }
  for (std::int64_t run = kRun; run < n; run *= 2) {
    for (std::int64_t begin = 0; begin < n; begin += 2 * run) {
      const std::int64_t middle = std::min(begin + run, n), end = std::min(begin + 2 * run, n);
      std::merge(x + begin, x + middle, x + middle, x + end, buffer + begin, before);
    }
    std::swap(x, buffer);
  }
  return x;
}

}  // namespace gemmule::kernels
