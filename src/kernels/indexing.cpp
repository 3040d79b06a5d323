// gather and scatter: first every index is checked, then blocks of them become offsets in x.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/function_clones.h"
#include "kernels/movement.h"
#include "kernels/scalar_functions.h"
#include "kernels/side_by_side.h"
#include "kernels/strided.h"

namespace gemmule::kernels {
namespace {

constexpr std::int64_t kBlock = 256;
using Offsets = std::array<std::int64_t, kBlock>;

[[noreturn]] void fail(const char* op, const std::string& what) {
  throw std::invalid_argument("[" + std::string(op) + "] " + what);
}

template <Integer T>
GEMMULE_INLINE bool is_valid(T given, std::int64_t size) {
  const auto index = static_cast<std::int64_t>(given);
  if constexpr (std::same_as<T, std::uint64_t>) {
    if (index < 0) return false;
  }
  return (index >= -size) & (index < size);
}

// Whether all n indices at a stride are within bounds.
template <Integer T>
GEMMULE_CLONES bool check(const void* indices, std::int64_t stride, std::int64_t n,
                          std::int64_t size) {
  const T* const at = static_cast<const T*>(indices);
  if (stride != 1 || n < 8) {
    for (std::int64_t i = 0; i < n; ++i) {
      if (!is_valid(at[i * stride], size)) return false;
    }
    return true;
  }
  std::int64_t invalid = 0;
#pragma omp simd reduction(| : invalid)
  for (std::int64_t i = 0; i < n; ++i) invalid |= is_valid(at[i], size) ? 0 : 1;
  return invalid == 0;
}

// offsets[i] = or += x_stride times the index, wrapped.
template <Integer T>
void locate(const void* indices, std::int64_t stride, std::int64_t n, std::int64_t size,
            std::int64_t x_stride, bool adds, std::int64_t* offsets) {
  const T* const at = static_cast<const T*>(indices);
  const auto offset = [&](std::int64_t i) {
    const auto index = static_cast<std::int64_t>(at[i * stride]);
    return (index < 0 ? index + size : index) * x_stride;
  };
  if (adds) {
    for (std::int64_t i = 0; i < n; ++i) offsets[i] += offset(i);
  } else {
    for (std::int64_t i = 0; i < n; ++i) offsets[i] = offset(i);
  }
}

template <Integer T>
std::int64_t value_at(const void* indices, std::int64_t offset) {
  return static_cast<std::int64_t>(static_cast<const T*>(indices)[offset]);
}

// Elements of a size whatever their type and alignment (complex64 has that of float).
template <std::size_t Size>
struct __attribute__((packed, may_alias)) Opaque {
  std::array<std::byte, Size> bytes;
};

template <std::size_t Size>
void gather_elements(void* y, std::int64_t y_stride, void* x, const std::int64_t* offsets,
                     std::int64_t n) {
  auto* const to = static_cast<Opaque<Size>*>(y);
  const auto* const from = static_cast<const Opaque<Size>*>(x);
  for (std::int64_t i = 0; i < n; ++i) to[i * y_stride] = from[offsets[i]];
}

template <std::size_t Size>
void set_elements(void* y, std::int64_t y_stride, void* x, const std::int64_t* offsets,
                  std::int64_t n) {
  auto* const to = static_cast<Opaque<Size>*>(x);
  const auto* const from = static_cast<const Opaque<Size>*>(y);
  for (std::int64_t i = 0; i < n; ++i) to[offsets[i]] = from[i * y_stride];
}

template <class T>
void add_elements(void* y, std::int64_t y_stride, void* x, const std::int64_t* offsets,
                  std::int64_t n) {
  T* const to = static_cast<T*>(x);
  const T* const from = static_cast<const T*>(y);
  for (std::int64_t i = 0; i < n; ++i) {
    to[offsets[i]] = call<fn_add>(to[offsets[i]], from[i * y_stride]);
  }
}

// One element of x at one index: what the three movers above do, without offsets in between.
enum class Move { gather, set, add };

template <Move move, class T, Integer Index>
bool move_directly(void* y, std::int64_t y_stride, void* x, std::int64_t x_stride,
                   std::int64_t size, const void* indices, std::int64_t stride, std::int64_t n) {
  if (!check<Index>(indices, stride, n, size)) return false;
  const Index* const at = static_cast<const Index*>(indices);
  T* const of_x = static_cast<T*>(x);
  T* const of_y = static_cast<T*>(y);
  if constexpr (move == Move::add && Floating<T>) {
    if (sums_side_by_side(size, n)) {
      add_side_by_side(of_y, y_stride, n, of_x, x_stride, size, [=](std::int64_t i) {
        const auto index = static_cast<std::int64_t>(at[i * stride]);
        return index + (index < 0 ? size : 0);
      });
      return true;
    }
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const auto index = static_cast<std::int64_t>(at[i * stride]);
    T& one_x = of_x[(index + (index < 0 ? size : 0)) * x_stride];
    T& one_y = of_y[i * y_stride];
    if constexpr (move == Move::gather)
      one_y = one_x;
    else if constexpr (move == Move::set)
      one_x = one_y;
    else
      one_x = call<fn_add>(one_x, one_y);
  }
  return true;
}
using Direct = bool (*)(void* y, std::int64_t y_stride, void* x, std::int64_t x_stride,
                        std::int64_t size, const void* indices, std::int64_t stride,
                        std::int64_t n);

template <Integer Index>
Direct direct_mover(Move move, DType dtype) {
  return visit_dtype(dtype, [move]<class T>(T) -> Direct {
    return move == Move::add   ? move_directly<Move::add, T, Index>
           : move == Move::set ? move_directly<Move::set, Opaque<sizeof(T)>, Index>
                               : move_directly<Move::gather, Opaque<sizeof(T)>, Index>;
  });
}

template <class T>
void add_nest(const LoopNest& nest, std::byte* x, const std::byte* y) {
  const std::size_t rank = nest.rank();
  const std::int64_t width = rank == 0 ? 1 : nest.shape.back();
  const std::int64_t x_step = rank == 0 ? 0 : nest.strides[0].back();
  const std::int64_t y_step = rank == 0 ? 0 : nest.strides[1].back();
  const std::int64_t rows = element_count(nest.shape) / width;
  Odometer<2> row(std::span(nest.shape).first(rank == 0 ? 0 : rank - 1),
                  {nest.strides[0], nest.strides[1]});
  for (std::int64_t r = 0; r < rows; ++r, row.next()) {
    T* const to = reinterpret_cast<T*>(x) + row.offset(0);
    const T* const from = reinterpret_cast<const T*>(y) + row.offset(1);
    for (std::int64_t i = 0; i < width; ++i) {
      to[i * x_step] = call<fn_add>(to[i * x_step], from[i * y_step]);
    }
  }
}

}  // namespace

struct IndexingPlan {
  struct Index {
    int axis;
    std::int64_t size, x_stride;  // of that axis of x
    std::int64_t element;         // bytes of an index
    std::size_t view;             // in `nest`
    decltype(&check<std::int64_t>) check;
    decltype(&locate<std::int64_t>) locate;
    decltype(&value_at<std::int64_t>) value_at;
  };

  LoopNest nest;  // dims of the indices, in order; strides of y, then of each index
  std::int64_t count = 0, run = 0;  // indices; those along the last dim
  std::vector<Index> indices;
  bool is_empty = false;  // nothing to move, but indices to check
  Move move{};
  std::int64_t element = 0;  // bytes of an element of x and y

  // One element for each index ...
  void (*move_elements)(void* y, std::int64_t y_stride, void* x, const std::int64_t* offsets,
                        std::int64_t n) = nullptr;
  Direct direct = nullptr;  // the same for a single index in one run
  // ... or the dims of x that are not indexed; strides of the destination, then of the source.
  LoopNest rest;
  std::size_t rest_bytes = 0;  // when they are contiguous in both, and copied
  decltype(&add_nest<double>) add = nullptr;

  IndexingPlan(const char* op, Move move, const ConstView& x, const ConstView& y,
               std::span<const ConstView> indices, std::span<const int> axes);

  std::int64_t stride(std::size_t view) const {
    return nest.rank() == 0 ? 1 : nest.strides[view].back();
  }

  // Calls f(offsets of y and of each index, n) for each run of indices.
  template <class F>
  void for_runs(F&& f) const {
    const std::size_t views = nest.strides.size(), outer = nest.rank() == 0 ? 0 : nest.rank() - 1;
    std::array<std::int64_t, kMaxRank + 1> offsets{};
    std::array<std::int64_t, kMaxRank> index;
    std::fill_n(index.begin(), outer, 0);
    for (std::int64_t k = 0; k < count; k += run) {
      if (!f(offsets)) return;
      for (std::size_t dim = outer; dim-- > 0;) {
        const bool wraps = ++index[dim] == nest.shape[dim];
        for (std::size_t v = 0; v < views; ++v) {
          const std::int64_t stride = nest.strides[v][dim];
          offsets[v] += wraps ? stride * (1 - nest.shape[dim]) : stride;
        }
        if (!wraps) break;
        index[dim] = 0;
      }
    }
  }

  std::optional<IndexError> run_all(void* x, void* y, const void* const* at) const;
  std::optional<IndexError> find_error(const void* const* at) const;
};

// y has the shape of the indices followed by the rest of x.
IndexingPlan::IndexingPlan(const char* op, Move kind_of_move, const ConstView& x,
                           const ConstView& y, std::span<const ConstView> at,
                           std::span<const int> axes)
    : move(kind_of_move), element(static_cast<std::int64_t>(size_of(x.dtype))) {
  if (at.size() != axes.size() || at.empty()) {
    fail(op, std::to_string(at.size()) + " indices for " + std::to_string(axes.size()) + " axes");
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
    if (kind(at[k].dtype) != DTypeKind::integer || at[k].shape != at[0].shape) {
      fail(op, "indices are not integers of one shape");
    }
  }
  const Extents& index_shape = at[0].shape;
  Extents expected = index_shape, rest_shape, rest_x;
  for (std::size_t dim = 0; dim < x.shape.size(); ++dim) {
    if (indexed[dim]) continue;
    rest_shape.push_back(x.shape[dim]);
    rest_x.push_back(x.strides[dim]);
    expected.push_back(x.shape[dim]);
  }
  if (y.shape != expected || y.shape.size() > kMaxRank || axes.size() > kMaxRank) {
    fail(op, "the shape is not that of the indices followed by the other axes");
  }
  const auto split = y.strides.begin() + static_cast<std::ptrdiff_t>(index_shape.size());
  const Extents index_y(y.strides.begin(), split), rest_y(split, y.strides.end());

  count = element_count(index_shape);
  is_empty = element_count(y.shape) == 0;
  if (count == 0) return;
  std::vector<const Extents*> strides = {&index_y};
  for (const ConstView& index : at) strides.push_back(&index.strides);
  nest = merge_dims(index_shape, strides);
  run = nest.rank() == 0 ? 1 : nest.shape.back();
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const auto axis = static_cast<std::size_t>(axes[k]);
    visit_dtype(at[k].dtype, [&]<class T>(T) {
      if constexpr (Integer<T>) {
        indices.push_back({axes[k], x.shape[axis], x.strides[axis],
                           static_cast<std::int64_t>(sizeof(T)), k + 1, check<T>, locate<T>,
                           value_at<T>});
      }
    });
  }
  if (is_empty) return;

  const bool gathers = move == Move::gather;
  const Extents* const rest_strides[] = {gathers ? &rest_y : &rest_x, gathers ? &rest_x : &rest_y};
  rest = loop_nest(rest_shape, rest_strides);
  const bool is_dense = rest.rank() == 1 && rest.strides[0][0] == 1 && rest.strides[1][0] == 1;
  if (is_dense) rest_bytes = static_cast<std::size_t>(element * rest.shape[0]);
  visit_dtype(x.dtype, [&]<class T>(T) {
    add = add_nest<T>;
    if (rest.rank() != 0) return;
    if (indices.size() == 1 && nest.rank() <= 1) {
      if (at[0].dtype == DType::i64) direct = direct_mover<std::int64_t>(move, x.dtype);
      if (at[0].dtype == DType::i32) direct = direct_mover<std::int32_t>(move, x.dtype);
    }
    move_elements = move == Move::add ? add_elements<T>
                    : gathers         ? gather_elements<sizeof(T)>
                                      : set_elements<sizeof(T)>;
  });
}

std::optional<IndexError> IndexingPlan::find_error(const void* const* at) const {
  std::optional<IndexError> error;
  for (std::size_t k = 0; k < indices.size() && !error; ++k) {
    const Index& index = indices[k];
    const std::int64_t step = stride(index.view);
    for_runs([&](const auto& offsets) {
      const auto* const begin =
          static_cast<const std::byte*>(at[k]) + offsets[index.view] * index.element;
      if (index.check(begin, step, run, index.size)) return true;
      for (std::int64_t i = 0; !error; ++i) {
        if (index.check(begin + i * step * index.element, 1, 1, index.size)) continue;
        error = IndexError{index.axis, index.value_at(begin, i * step), index.size};
      }
      return false;
    });
  }
  return error;
}

std::optional<IndexError> IndexingPlan::run_all(void* x, void* y, const void* const* at) const {
  if (count == 0) return std::nullopt;
  if (direct != nullptr) {
    const Index& index = indices[0];
    if (direct(y, stride(0), x, index.x_stride, index.size, at[0], stride(1), run)) {
      return std::nullopt;
    }
  }
  if (const auto error = find_error(at)) return error;
  if (is_empty) return std::nullopt;
  auto* const x_bytes = static_cast<std::byte*>(x);
  auto* const y_bytes = static_cast<std::byte*>(y);
  const std::int64_t y_stride = stride(0);
  for_runs([&](const auto& offsets) {
    for (std::int64_t start = 0; start < run; start += kBlock) {
      const std::int64_t n = std::min(kBlock, run - start);
      Offsets in_x;
      for (std::size_t k = 0; k < indices.size(); ++k) {
        const Index& index = indices[k];
        const std::int64_t step = stride(index.view);
        index.locate(static_cast<const std::byte*>(at[k]) +
                         (offsets[index.view] + start * step) * index.element,
                     step, n, index.size, index.x_stride, k > 0, in_x.data());
      }
      std::byte* const to = y_bytes + (offsets[0] + start * y_stride) * element;
      if (move_elements != nullptr) {
        move_elements(to, y_stride, x, in_x.data(), n);
        continue;
      }
      for (std::int64_t i = 0; i < n; ++i) {
        std::byte* const one_x = x_bytes + in_x[i] * element;
        std::byte* const one_y = to + i * y_stride * element;
        if (move == Move::add) {
          add(rest, one_x, one_y);
        } else {
          std::byte* const target = move == Move::gather ? one_y : one_x;
          const std::byte* const source = move == Move::gather ? one_x : one_y;
          if (rest_bytes > 0)
            std::memcpy(target, source, rest_bytes);
          else
            copy_nest(rest, static_cast<std::size_t>(element), target, source);
        }
      }
    }
    return true;
  });
  return std::nullopt;
}

GatherKernel::GatherKernel(const ConstView& x, std::span<const ConstView> indices,
                           std::span<const int> axes, const View& out)
    : plan_(std::make_unique<IndexingPlan>("gather", Move::gather, x, out, indices, axes)) {}
GatherKernel::~GatherKernel() = default;
GatherKernel::GatherKernel(GatherKernel&&) noexcept = default;
GatherKernel& GatherKernel::operator=(GatherKernel&&) noexcept = default;

std::optional<IndexError> GatherKernel::run(const void* x, const void* const* indices,
                                            void* out) const {
  return plan_->run_all(const_cast<void*>(x), out, indices);  // x is only read
}

ScatterKernel::ScatterKernel(ScatterMode mode, const View& x, const ConstView& y,
                             std::span<const ConstView> indices, std::span<const int> axes)
    : plan_(std::make_unique<IndexingPlan>(
          "scatter", mode == ScatterMode::add ? Move::add : Move::set, x, y, indices, axes)) {}
ScatterKernel::~ScatterKernel() = default;
ScatterKernel::ScatterKernel(ScatterKernel&&) noexcept = default;
ScatterKernel& ScatterKernel::operator=(ScatterKernel&&) noexcept = default;

std::optional<IndexError> ScatterKernel::run(void* x, const void* y,
                                             const void* const* indices) const {
  return plan_->run_all(x, const_cast<void*>(y), indices);  // y is only read
}

namespace {

std::vector<const void*> addresses(std::span<const ConstView> views) {
  std::vector<const void*> data;
  for (const ConstView& view : views) data.push_back(view.data);
  return data;
}

}  // namespace

std::optional<IndexError> gather(const ConstView& x, std::span<const ConstView> indices,
                                 std::span<const int> axes, const View& out) {
  return GatherKernel(x, indices, axes, out).run(x.data, addresses(indices).data(), out.data);
}

std::optional<IndexError> scatter(ScatterMode mode, const View& x, const ConstView& y,
                                  std::span<const ConstView> indices, std::span<const int> axes) {
  return ScatterKernel(mode, x, y, indices, axes).run(x.data, y.data, addresses(indices).data());
}

}  // namespace gemmule::kernels
