// Vectors with arbitrary strides, and how BLAS counts them.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "kernels/strided_matrix.h"

namespace gemmule::kernels {

// Element i is data[i*stride].
template <class T>
struct StridedVector {
  T* data;
  std::int64_t stride;

  T& operator[](std::int64_t i) const { return data[i * stride]; }
  Strided<T> as_column() const { return {data, stride, 0}; }
  StridedVector reversed(std::int64_t size) const { return {data + (size - 1) * stride, -stride}; }

  // BLAS takes the lowest address of the vector, from which a negative increment starts at the far
  // end; an increment of 0 it refuses.
  bool fits_blas(std::int64_t size) const {
    return size <= 1 || (stride != 0 && std::abs(stride) <= kBlasIntMax);
  }
  T* lowest(std::int64_t size) const {
    return size > 1 && stride < 0 ? data + (size - 1) * stride : data;
  }
  int increment(std::int64_t size) const { return size > 1 ? static_cast<int>(stride) : 1; }
};

}  // namespace gemmule::kernels
