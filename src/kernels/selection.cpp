#include "kernels/selection.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "kernels/merge_sort.h"
#include "kernels/scratch.h"
#include "kernels/strided.h"

namespace gemmule::kernels {
namespace {

[[noreturn]] void fail(const char* text) { throw std::invalid_argument(text); }

template <class T>
bool is_nonzero(const T& x) {
  if constexpr (std::same_as<T, Half>) {
    return (x.bits & 0x7fff) != 0;
  } else {
    return x != T{};
  }
}

// The same element: equal, or both NaN.
template <class T>
bool is_same(const T& a, const T& b) {
  return !comes_before(a, b) && !comes_before(b, a);
}

template <class T>
bool is_nan(const T& x) {
  if constexpr (std::same_as<T, Half>) {
    return detail::is_nan(static_cast<float>(x));
  } else {
    return detail::is_nan(x);
  }
}

template <class T>
std::int64_t nonzero_of(const ConstView& x, const View& indices) {
  const std::size_t rank = x.shape.size(), last = rank - 1;
  auto* const out = static_cast<std::int64_t*>(indices.data);
  const std::int64_t row = indices.strides[0], step = indices.strides[1];
  const std::int64_t n = x.shape[last], stride = x.strides[last];
  std::int64_t rows = n == 0 ? 0 : 1;
  for (std::size_t d = 0; d < last; ++d) rows *= x.shape[d];
  std::array<std::int64_t, kMaxRank> index{};
  Odometer<1> at(std::span(x.shape).first(last), {std::span(x.strides).first(last)});
  std::int64_t count = 0;
  for (std::int64_t r = 0; r < rows; ++r, at.next()) {
    const T* const element = static_cast<const T*>(x.data) + at.offset(0);
    const std::int64_t begin = count;
    // Written before it is known whether it counts: no branch. There is room, count <= i so far.
    std::int64_t* const columns = out + static_cast<std::int64_t>(last) * row;
    for (std::int64_t i = 0; i < n; ++i) {
      columns[count * step] = i;
      count += is_nonzero(element[i * stride]) ? 1 : 0;
    }
    for (std::size_t d = 0; d < last; ++d) {
      std::int64_t* const to = out + static_cast<std::int64_t>(d) * row;
      for (std::int64_t k = begin; k < count; ++k) to[k * step] = index[d];
    }
    for (std::size_t d = last; d-- > 0;) {
      if (++index[d] < x.shape[d]) break;
      index[d] = 0;
    }
  }
  for (std::size_t d = 0; d < rank; ++d) {
    std::int64_t* const to = out + static_cast<std::int64_t>(d) * row;
    for (std::int64_t k = count; k < indices.shape[1]; ++k) to[k * step] = 0;
  }
  return count;
}

std::int64_t& element(const View& view, std::int64_t i) {
  return static_cast<std::int64_t*>(view.data)[i * view.strides[0]];
}

void fill_rest(const UniqueResults& results, std::int64_t count, std::int64_t n) {
  for (std::int64_t i = count; i < n; ++i)
    element(results.first, i) = element(results.counts, i) = 0;
}

// The groups of equal entries in sorted order: `position(k)` is where x has entry k, `starts(k)`
// says that it differs from entry k - 1, `write(i, k)` puts entry k to the i-th place of the
// values.
template <class Position, class Starts, class Write>
std::int64_t group(std::int64_t n, const UniqueResults& results, Position position, Starts starts,
                   Write write) {
  std::int64_t count = 0;
  for (std::int64_t k = 0; k < n; ++k) {
    if (k == 0 || starts(k)) {
      write(count, k);
      element(results.first, count) = position(k);  // the sort is stable
      element(results.counts, count) = 0;
      ++count;
    }
    ++element(results.counts, count - 1);
    element(results.inverse, position(k)) = count - 1;
  }
  fill_rest(results, count, n);
  return count;
}

template <class T>
std::int64_t unique_elements(const ConstView& x, const UniqueResults& results) {
  struct Entry {
    T value;
    std::int64_t position;
  };
  const std::int64_t n = x.shape[0];
  const Scratch memory(2 * sizeof(Entry) * static_cast<std::size_t>(n));
  Entry* const entries = memory.as<Entry>();
  const T* const from = static_cast<const T*>(x.data);
  for (std::int64_t i = 0; i < n; ++i) entries[i] = {from[i * x.strides[0]], i};
  const Entry* const sorted =
      merge_sort(entries, entries + n, n,
                 [](const Entry& a, const Entry& b) { return comes_before(a.value, b.value); });
  T* const values = static_cast<T*>(results.values.data);
  const std::int64_t stride = results.values.strides[0];
  const std::int64_t count = group(
      n, results, [&](std::int64_t k) { return sorted[k].position; },
      [&](std::int64_t k) {
        // Complex numbers with a NaN in either part are one.
        const bool both_nan = is_nan(sorted[k].value) && is_nan(sorted[k - 1].value);
        return !both_nan && !is_same(sorted[k - 1].value, sorted[k].value);
      },
      [&](std::int64_t i, std::int64_t k) { values[i * stride] = sorted[k].value; });
  for (std::int64_t i = count; i < n; ++i) values[i * stride] = T{};
  return count;
}

template <class T>
std::int64_t unique_rows(const ConstView& x, const UniqueResults& results) {
  const std::int64_t n = x.shape[0], width = x.shape[1];
  const T* const from = static_cast<const T*>(x.data);
  const auto at = [&](std::int64_t row, std::int64_t j) -> const T& {
    return from[row * x.strides[0] + j * x.strides[1]];
  };
  const Scratch memory(2 * sizeof(std::int64_t) * static_cast<std::size_t>(n));
  std::int64_t* const rows = memory.as<std::int64_t>();
  for (std::int64_t i = 0; i < n; ++i) rows[i] = i;
  const std::int64_t* const sorted =
      merge_sort(rows, rows + n, n, [&](std::int64_t a, std::int64_t b) {
        for (std::int64_t j = 0; j < width; ++j) {
          if (comes_before(at(a, j), at(b, j))) return true;
          if (comes_before(at(b, j), at(a, j))) return false;
        }
        return false;
      });
  T* const values = static_cast<T*>(results.values.data);
  const auto value = [&](std::int64_t i, std::int64_t j) -> T& {
    return values[i * results.values.strides[0] + j * results.values.strides[1]];
  };
  const std::int64_t count = group(
      n, results, [&](std::int64_t k) { return sorted[k]; },
      [&](std::int64_t k) {
        for (std::int64_t j = 0; j < width; ++j) {
          if (!is_same(at(sorted[k - 1], j), at(sorted[k], j)) || is_nan(at(sorted[k], j)))
            return true;
        }
        return false;
      },
      [&](std::int64_t i, std::int64_t k) {
        for (std::int64_t j = 0; j < width; ++j) value(i, j) = at(sorted[k], j);
      });
  for (std::int64_t i = count; i < n; ++i) {
    for (std::int64_t j = 0; j < width; ++j) value(i, j) = T{};
  }
  return count;
}

// The number of elements for which `before(element)` holds, which are the first ones.
template <class Before>
std::int64_t partition_point(std::int64_t n, Before before) {
  std::int64_t begin = 0;
  while (n > 0) {
    const std::int64_t half = n / 2;
    if (before(begin + half)) {
      begin += half + 1;
      n -= half + 1;
    } else {
      n = half;
    }
  }
  return begin;
}

template <class T, class At>
void search(const ConstView& v, std::int64_t n, bool right, const View& positions, At at) {
  Odometer<2> index(v.shape, {v.strides, positions.strides});
  const std::int64_t count = element_count(v.shape);
  for (std::int64_t i = 0; i < count; ++i, index.next()) {
    const T value = static_cast<const T*>(v.data)[index.offset(0)];
    static_cast<std::int64_t*>(positions.data)[index.offset(1)] =
        right ? partition_point(n, [&](std::int64_t k) { return !comes_before(value, at(k)); })
              : partition_point(n, [&](std::int64_t k) { return comes_before(at(k), value); });
  }
}

std::int64_t integer_at(const ConstView& view, std::int64_t i) {
  return visit_dtype(view.dtype, [&]<class T>(T) -> std::int64_t {
    if constexpr (Integer<T>) {
      return static_cast<std::int64_t>(static_cast<const T*>(view.data)[i * view.strides[0]]);
    } else {
      fail("[searchsorted] the sorter is no array of integers");
    }
  });
}

}  // namespace

std::int64_t nonzero(const ConstView& x, const View& indices) {
  if (x.shape.empty() || x.shape.size() > kMaxRank || indices.dtype != DType::i64 ||
      indices.shape.size() != 2 || indices.shape[0] != static_cast<std::int64_t>(x.shape.size()) ||
      indices.shape[1] != element_count(x.shape)) {
    fail("[nonzero] the result does not fit the array");
  }
  return visit_dtype(x.dtype, [&]<class T>(T) { return nonzero_of<T>(x, indices); });
}

bool is_nonzero(DType dtype, const void* element) {
  return visit_dtype(dtype,
                     [&]<class T>(T) { return is_nonzero(*static_cast<const T*>(element)); });
}

std::int64_t unique(const ConstView& x, const UniqueResults& results) {
  const bool fits = (x.shape.size() == 1 || x.shape.size() == 2) &&
                    results.values.dtype == x.dtype && results.values.shape == x.shape;
  const Extents length(1, fits ? x.shape[0] : 0);
  for (const View* view : {&results.first, &results.inverse, &results.counts}) {
    if (!fits || view->dtype != DType::i64 || view->shape != length)
      fail("[unique] a result does not fit the array");
  }
  return visit_dtype(x.dtype, [&]<class T>(T) {
    return x.shape.size() == 1 ? unique_elements<T>(x, results) : unique_rows<T>(x, results);
  });
}

bool searchsorted(const ConstView& sorted, const ConstView& v, const ConstView& sorter, bool right,
                  const View& positions) {
  if (sorted.shape.size() != 1 || sorted.dtype != v.dtype || positions.dtype != DType::i64 ||
      positions.shape != v.shape) {
    fail("[searchsorted] operands and result do not fit");
  }
  const std::int64_t n = sorted.shape[0], stride = sorted.strides[0];
  if (sorter.data == nullptr) {
    visit_dtype(v.dtype, [&]<class T>(T) {
      const T* const x = static_cast<const T*>(sorted.data);
      search<T>(v, n, right, positions, [=](std::int64_t k) -> const T& { return x[k * stride]; });
    });
    return true;
  }
  if (sorter.shape != sorted.shape) fail("[searchsorted] the sorter has another length");
  const Scratch memory(sizeof(std::int64_t) * static_cast<std::size_t>(n));
  std::int64_t* const order = memory.as<std::int64_t>();
  for (std::int64_t k = 0; k < n; ++k) {
    order[k] = integer_at(sorter, k);
    if (order[k] < 0 || order[k] >= n) return false;
  }
  visit_dtype(v.dtype, [&]<class T>(T) {
    const T* const x = static_cast<const T*>(sorted.data);
    search<T>(v, n, right, positions,
              [=](std::int64_t k) -> const T& { return x[order[k] * stride]; });
  });
  return true;
}

bool repeat_indices(const ConstView& counts, const View& indices) {
  if (counts.shape.size() != 1 || indices.shape.size() != 1 || indices.dtype != DType::i64) {
    fail("[repeat_indices] counts and result must be vectors");
  }
  return visit_dtype(counts.dtype, [&]<class T>(T) -> bool {
    if constexpr (!Integer<T>) {
      fail("[repeat_indices] the counts are not integers");
    } else {
      const T* const count = static_cast<const T*>(counts.data);
      std::int64_t left = indices.shape[0];
      for (std::int64_t i = 0; i < counts.shape[0]; ++i) {
        const T n = count[i * counts.strides[0]];
        if (std::cmp_less(n, 0) || std::cmp_greater(n, left)) return false;
        left -= static_cast<std::int64_t>(n);
      }
      if (left != 0) return false;
      std::int64_t k = 0;
      for (std::int64_t i = 0; i < counts.shape[0]; ++i) {
        const auto n = static_cast<std::int64_t>(count[i * counts.strides[0]]);
        for (const std::int64_t end = k + n; k < end; ++k) element(indices, k) = i;
      }
      return true;
    }
  });
}

}  // namespace gemmule::kernels
