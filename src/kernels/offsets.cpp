#include "kernels/offsets.h"

#include <array>
#include <limits>
#include <stdexcept>

#include "kernels/side_by_side.h"
#include "kernels/strided.h"

namespace gemmule::kernels {
namespace {

std::int64_t integer_at(const ConstView& view, std::int64_t offset) {
  return visit_dtype(view.dtype, [&]<class T>(T) -> std::int64_t {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<std::int64_t>(static_cast<const T*>(view.data)[offset]);
    } else {
      throw std::invalid_argument("[offsets] indices are integers");
    }
  });
}

template <class F>
void with_element(std::size_t size, F f) {
  switch (size) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    case 4:
      return f(std::uint32_t{});
    case 8:
      return f(std::uint64_t{});
    default:
      return f(std::array<std::uint64_t, 2>{});
  }
}

template <class T>
void add(T* x, std::int64_t places, const Offsets& offsets, const T* y) {
  const std::size_t count = offsets.size();
  const std::int32_t* const at = offsets.data();
  if (const auto n = static_cast<std::int64_t>(count); sums_side_by_side(places, n)) {
    return add_side_by_side(y, 1, n, x, 1, places, [=](std::int64_t i) -> std::int64_t { return at[i]; });
  }
  for (std::size_t i = 0; i < count; ++i) x[at[i]] += y[i];
}

}  // namespace

std::optional<Offsets> offsets_of(const ConstView& x, std::span<const ConstView> indices, std::span<const int> axes,
                                  const Extents& result) {
  const std::size_t rank = indices[0].shape.size(), first = static_cast<std::size_t>(axes.front());
  // Strides of x along the axes of the result that are not of the indices.
  Extents kept(result.size(), 0);
  for (std::size_t axis = 0; axis < first; ++axis) kept[axis] = x.strides[axis];
  for (std::size_t axis = first + rank; axis < result.size(); ++axis) {
    kept[axis] = x.strides[axis - rank + axes.size()];
  }
  Offsets offsets;
  const std::int64_t count = element_count(result);
  offsets.reserve(static_cast<std::size_t>(count));
  Extents position(result.size(), 0);
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t offset = 0;
    for (std::size_t axis = 0; axis < result.size(); ++axis) offset += position[axis] * kept[axis];
    for (std::size_t k = 0; k < indices.size(); ++k) {
      std::int64_t at = 0;
      for (std::size_t axis = 0; axis < rank; ++axis) at += position[first + axis] * indices[k].strides[axis];
      const std::int64_t size = x.shape[static_cast<std::size_t>(axes[k])];
      std::int64_t index = integer_at(indices[k], at);
      if (index < 0) index += size;
      if (index < 0 || index >= size) return std::nullopt;
      offset += index * x.strides[static_cast<std::size_t>(axes[k])];
    }
    if (offset < std::numeric_limits<std::int32_t>::min() || offset > std::numeric_limits<std::int32_t>::max()) {
      return std::nullopt;
    }
    offsets.push_back(static_cast<std::int32_t>(offset));
    for (std::size_t axis = result.size(); axis-- > 0;) {
      if (++position[axis] < result[axis]) break;
      position[axis] = 0;
    }
  }
  return offsets;
}

void gather_offsets(std::size_t size, const void* x, const Offsets& offsets, void* out) {
  with_element(size, [&]<class T>(T) {
    const T* const from = static_cast<const T*>(x);
    T* const to = static_cast<T*>(out);
    const std::size_t count = offsets.size();
    const std::int32_t* const at = offsets.data();
    for (std::size_t i = 0; i < count; ++i) to[i] = from[at[i]];
  });
}

void scatter_set_offsets(std::size_t size, void* x, const Offsets& offsets, const void* y) {
  with_element(size, [&]<class T>(T) {
    T* const to = static_cast<T*>(x);
    const T* const from = static_cast<const T*>(y);
    const std::size_t count = offsets.size();
    for (std::size_t i = 0; i < count; ++i) to[offsets[i]] = from[i];
  });
}

void scatter_add_offsets(DType dtype, void* x, std::int64_t places, const Offsets& offsets, const void* y) {
  if (dtype == DType::f64) return add(static_cast<double*>(x), places, offsets, static_cast<const double*>(y));
  if (dtype == DType::f32) return add(static_cast<float*>(x), places, offsets, static_cast<const float*>(y));
  throw std::invalid_argument("[scatter_add_offsets] float32 and float64 only");
}

}  // namespace gemmule::kernels
