#include "kernels/movement.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/scalar_functions.h"
#include "kernels/strided.h"

namespace gemmule::kernels {
namespace {

[[noreturn]] void fail(const char* op, const std::string& what) {
  throw std::invalid_argument("[" + std::string(op) + "] " + what);
}

// Copies views of equal shape; the innermost loop runs over the dim that is innermost in `to`.
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

// What gather and scatter share: where each index leads to in x, and the rest of the dims.
struct Indexing {
  Extents rest_shape, rest_x, rest_y;  // dims of x that are not indexed; strides in x and in y
  Extents index_shape, index_y;        // dims of the indices; strides in y
  std::vector<std::int64_t> offsets;   // in x, of each index, row by row
};

// y has the shape of the indices followed by the rest of x.
std::optional<IndexError> resolve(const char* op, const ConstView& x, const ConstView& y,
                                  std::span<const ConstView> indices, std::span<const int> axes,
                                  Indexing& result) {
  if (indices.size() != axes.size() || indices.empty()) {
    fail(op,
         std::to_string(indices.size()) + " indices for " + std::to_string(axes.size()) + " axes");
  }
  if (x.dtype != y.dtype) fail(op, "operands differ in dtype");
  const int rank = static_cast<int>(x.shape.size());
  std::vector<bool> indexed(x.shape.size(), false);
  for (std::size_t k = 0; k < axes.size(); ++k) {
    if (axes[k] < 0 || axes[k] >= rank || indexed[static_cast<std::size_t>(axes[k])]) {
      fail(op, "axis " + std::to_string(axes[k]) + " of an array of rank " + std::to_string(rank) +
                   " is out of range or given twice");
    }
    indexed[static_cast<std::size_t>(axes[k])] = true;
    if (kind(indices[k].dtype) != DTypeKind::integer || indices[k].shape != indices[0].shape) {
      fail(op, "indices are not integers of one shape");
    }
  }
  result.index_shape = indices[0].shape;
  Extents expected = result.index_shape;
  for (std::size_t dim = 0; dim < x.shape.size(); ++dim) {
    if (indexed[dim]) continue;
    result.rest_shape.push_back(x.shape[dim]);
    result.rest_x.push_back(x.strides[dim]);
    expected.push_back(x.shape[dim]);
  }
  if (y.shape != expected || y.shape.size() > kMaxRank) {
    fail(op, "the shape is not that of the indices followed by the other axes");
  }
  const auto split = y.strides.begin() + static_cast<std::ptrdiff_t>(result.index_shape.size());
  result.index_y.assign(y.strides.begin(), split);
  result.rest_y.assign(split, y.strides.end());

  const std::int64_t count = element_count(result.index_shape);
  result.offsets.assign(static_cast<std::size_t>(count), 0);
  std::optional<IndexError> error;
  for (std::size_t k = 0; k < axes.size() && !error; ++k) {
    const std::int64_t size = x.shape[static_cast<std::size_t>(axes[k])];
    const std::int64_t stride = x.strides[static_cast<std::size_t>(axes[k])];
    visit_dtype(indices[k].dtype, [&]<class T>(T) {
      if constexpr (Integer<T>) {
        const T* const at = static_cast<const T*>(indices[k].data);
        Odometer<1> position(indices[k].shape, {indices[k].strides});
        for (std::int64_t i = 0; i < count; ++i, position.next()) {
          const T given = at[position.offset(0)];
          const std::int64_t index = static_cast<std::int64_t>(given);
          const std::int64_t wrapped = index < 0 ? index + size : index;
          const bool too_large = std::same_as<T, std::uint64_t> && index < 0;
          if (wrapped < 0 || wrapped >= size || too_large) {
            error = IndexError{axes[k], index, size};
            return;
          }
          result.offsets[static_cast<std::size_t>(i)] += wrapped * stride;
        }
      }
    });
  }
  return error;
}

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

// Calls f(line of in, line of out, their strides) for every line along `axis`.
template <class F>
void for_lines(const char* op, const ConstView& in, int axis, const View& out, F&& f) {
  const int rank = static_cast<int>(in.shape.size());
  if (axis < 0 || axis >= rank || rank > static_cast<int>(kMaxRank)) {
    fail(op, "axis " + std::to_string(axis) + " of an array of rank " + std::to_string(rank));
  }
  if (in.shape != out.shape) fail(op, "operand and result differ in shape");
  Extents shape = in.shape, from = in.strides, to = out.strides;
  for (Extents* e : {&shape, &from, &to}) e->erase(e->begin() + axis);
  if (element_count(in.shape) == 0) return;
  Odometer<2> position(shape, {from, to});
  for (std::int64_t k = 0; k < element_count(shape); ++k, position.next()) {
    f(position.offset(0), position.offset(1), in.shape[static_cast<std::size_t>(axis)],
      in.strides[static_cast<std::size_t>(axis)], out.strides[static_cast<std::size_t>(axis)]);
  }
}

}  // namespace

void copy(const ConstView& in, const View& out) {
  if (in.dtype != out.dtype) fail("copy", "operand and result differ in dtype");
  if (in.shape != out.shape) fail("copy", "operand and result differ in shape");
  if (in.shape.size() > kMaxRank) fail("copy", "the rank is above 64");
  if (element_count(in.shape) == 0) return;
  const Extents* const strides[] = {&out.strides, &in.strides};
  copy_nest(loop_nest(in.shape, strides), size_of(in.dtype), static_cast<std::byte*>(out.data),
            static_cast<const std::byte*>(in.data));
}

std::optional<IndexError> gather(const ConstView& x, std::span<const ConstView> indices,
                                 std::span<const int> axes, const View& out) {
  Indexing at;
  if (const auto error = resolve("gather", x, out, indices, axes, at)) return error;
  if (element_count(out.shape) == 0) return std::nullopt;
  const std::size_t size = size_of(x.dtype);
  const auto bytes = static_cast<std::int64_t>(size);
  const Extents* const strides[] = {&at.rest_y, &at.rest_x};
  const LoopNest nest = loop_nest(at.rest_shape, strides);
  Odometer<1> position(at.index_shape, {at.index_y});
  for (const std::int64_t offset : at.offsets) {
    copy_nest(nest, size, static_cast<std::byte*>(out.data) + position.offset(0) * bytes,
              static_cast<const std::byte*>(x.data) + offset * bytes);
    position.next();
  }
  return std::nullopt;
}

std::optional<IndexError> scatter(ScatterMode mode, const View& x, const ConstView& y,
                                  std::span<const ConstView> indices, std::span<const int> axes) {
  Indexing at;
  if (const auto error = resolve("scatter", x, y, indices, axes, at)) return error;
  if (element_count(y.shape) == 0) return std::nullopt;
  const Extents* const strides[] = {&at.rest_x, &at.rest_y};
  const LoopNest nest = loop_nest(at.rest_shape, strides);
  Odometer<1> position(at.index_shape, {at.index_y});
  if (mode == ScatterMode::set) {
    const auto bytes = static_cast<std::int64_t>(size_of(x.dtype));
    for (const std::int64_t offset : at.offsets) {
      copy_nest(nest, size_of(x.dtype), static_cast<std::byte*>(x.data) + offset * bytes,
                static_cast<const std::byte*>(y.data) + position.offset(0) * bytes);
      position.next();
    }
    return std::nullopt;
  }
  visit_dtype(x.dtype, [&]<class T>(T) {
    const std::size_t rank = nest.rank();
    const std::int64_t width = rank == 0 ? 1 : nest.shape.back();
    const std::int64_t x_step = rank == 0 ? 0 : nest.strides[0].back();
    const std::int64_t y_step = rank == 0 ? 0 : nest.strides[1].back();
    const std::int64_t rows = element_count(nest.shape) / width;
    const auto outer = std::span<const std::int64_t>(nest.shape).first(rank == 0 ? 0 : rank - 1);
    for (const std::int64_t offset : at.offsets) {
      T* const to = static_cast<T*>(x.data) + offset;
      const T* const from = static_cast<const T*>(y.data) + position.offset(0);
      Odometer<2> row(outer, {nest.strides[0], nest.strides[1]});
      for (std::int64_t r = 0; r < rows; ++r, row.next()) {
        T* const t = to + row.offset(0);
        const T* const f = from + row.offset(1);
        for (std::int64_t i = 0; i < width; ++i) {
          t[i * x_step] = call<fn_add>(t[i * x_step], f[i * y_step]);
        }
      }
      position.next();
    }
  });
  return std::nullopt;
}

void sort(const ConstView& in, int axis, const View& out) {
  if (in.dtype != out.dtype) fail("sort", "operand and result differ in dtype");
  visit_dtype(in.dtype, [&]<class T>(T) {
    const std::size_t size = sizeof(T);
    std::vector<std::byte> memory;  // not a vector of T: bool has no addresses there
    for_lines("sort", in, axis, out,
              [&](std::int64_t from, std::int64_t to, std::int64_t n, std::int64_t in_stride,
                  std::int64_t out_stride) {
                memory.resize(static_cast<std::size_t>(n) * size);
                T* const line = reinterpret_cast<T*>(memory.data());
                move_elements(size, line, 1, static_cast<const T*>(in.data) + from, in_stride, n);
                std::stable_sort(line, line + n, comes_before<T>);
                move_elements(size, static_cast<T*>(out.data) + to, out_stride, line, 1, n);
              });
  });
}

void argsort(const ConstView& in, int axis, const View& out) {
  if (out.dtype != DType::i64) fail("argsort", "the result is not int64");
  visit_dtype(in.dtype, [&]<class T>(T) {
    std::vector<std::int64_t> order;
    for_lines("argsort", in, axis, out,
              [&](std::int64_t from, std::int64_t to, std::int64_t n, std::int64_t in_stride,
                  std::int64_t out_stride) {
                const T* const line = static_cast<const T*>(in.data) + from;
                order.resize(static_cast<std::size_t>(n));
                std::iota(order.begin(), order.end(), std::int64_t{0});
                std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
                  return comes_before(line[a * in_stride], line[b * in_stride]);
                });
                move_elements(sizeof(std::int64_t), static_cast<std::int64_t*>(out.data) + to,
                              out_stride, order.data(), 1, n);
              });
  });
}

}  // namespace gemmule::kernels
