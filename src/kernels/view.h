// Strided views of host memory: what every kernel reads and writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ir/dtype.h"

namespace gemmule {

// Dimensions or strides. Strides count elements, may be 0 or negative; `data` of a view points at
// the element with all indices 0.
using Extents = std::vector<std::int64_t>;

struct ConstView {
  const void* data = nullptr;
  DType dtype = DType::f64;
  Extents shape;
  Extents strides;
};

struct View {
  void* data = nullptr;
  DType dtype = DType::f64;
  Extents shape;
  Extents strides;

  operator ConstView() const { return {data, dtype, shape, strides}; }
};

std::int64_t element_count(const Extents& shape);      // 1 for a 0-d shape
Extents row_major_strides(const Extents& shape);

}  // namespace gemmule
