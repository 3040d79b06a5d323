#include "kernels/sparse.h"

#include <algorithm>
#include <stdexcept>

#include "kernels/scalar_functions.h"
#include "kernels/scratch.h"

namespace gemmule::kernels {
namespace {

[[noreturn]] void fail(const char* text) { throw std::invalid_argument(text); }

template <class Index>
struct Rows {
  const Index* indices;
  const Index* indptr;
  std::int64_t indices_stride, indptr_stride, stored, rows;

  explicit Rows(const Pattern& p)
      : indices(static_cast<const Index*>(p.indices.data)),
        indptr(static_cast<const Index*>(p.indptr.data)),
        indices_stride(p.indices.strides[0]),
        indptr_stride(p.indptr.strides[0]),
        stored(p.indices.shape[0]),
        rows(p.indptr.shape[0] - 1) {}

  std::int64_t column(std::int64_t k) const {
    return static_cast<std::int64_t>(indices[k * indices_stride]);
  }
  std::int64_t begin(std::int64_t i) const {
    return static_cast<std::int64_t>(indptr[i * indptr_stride]);
  }

  // Calls f(i, begin, end) for every row; false when a row is outside of what is stored.
  template <class F>
  bool for_rows(F&& f) const {
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t first = begin(i), end = begin(i + 1);
      if (first < 0 || end < first || end > stored) return false;
      if (!f(i, first, end)) return false;
    }
    return true;
  }
};

bool is_inside(std::int64_t index, std::int64_t size) {
  return static_cast<std::uint64_t>(index) < static_cast<std::uint64_t>(size);
}

// f(Index{}) for the dtype of a pattern.
template <class F>
bool visit_index(const Pattern& pattern, F&& f) {
  if (pattern.indices.shape.size() != 1 || pattern.indptr.shape.size() != 1 ||
      pattern.indptr.shape[0] < 1 || pattern.indices.dtype != pattern.indptr.dtype) {
    fail("[csr] indices and indptr do not make a pattern");
  }
  return visit_dtype(pattern.indices.dtype, [&]<class T>(T) -> bool {
    if constexpr (Integer<T>) {
      return f(T{});
    } else {
      fail("[csr] the indices are no integers");
    }
  });
}

template <class F>
bool visit_number(DType dtype, F&& f) {
  return visit_dtype(dtype, [&]<class T>(T) -> bool {
    if constexpr (Number<T> && !std::same_as<T, Half>) {
      return f(T{});
    } else {
      fail("[csr] there is no kernel for the dtype");
    }
  });
}

template <class T>
T product(const T& a, const T& b) {
  return call<fn_multiply>(a, b);
}

template <class T, class Index>
bool multiply(const ConstView& data, const Rows<Index>& rows, const ConstView& b, const View& out) {
  const T* const values = static_cast<const T*>(data.data);
  const T* const right = static_cast<const T*>(b.data);
  T* const result = static_cast<T*>(out.data);
  const std::int64_t step = data.strides[0], width = b.shape[1], height = b.shape[0];
  const std::int64_t b_row = b.strides[0], b_column = b.strides[1];
  const std::int64_t out_row = out.strides[0], out_column = out.strides[1];
  if (width == 1) {
    return rows.for_rows([&](std::int64_t i, std::int64_t begin, std::int64_t end) {
      T sum{};
      for (std::int64_t k = begin; k < end; ++k) {
        const std::int64_t j = rows.column(k);
        if (!is_inside(j, height)) return false;
        sum = call<fn_add>(sum, product(values[k * step], right[j * b_row]));
      }
      result[i * out_row] = sum;
      return true;
    });
  }
  return rows.for_rows([&](std::int64_t i, std::int64_t begin, std::int64_t end) {
    T* const to = result + i * out_row;
    for (std::int64_t c = 0; c < width; ++c) to[c * out_column] = T{};
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t j = rows.column(k);
      if (!is_inside(j, height)) return false;
      const T value = values[k * step];
      const T* const from = right + j * b_row;
      if (b_column == 1 && out_column == 1) {
        for (std::int64_t c = 0; c < width; ++c)
          to[c] = call<fn_add>(to[c], product(value, from[c]));
      } else {
        for (std::int64_t c = 0; c < width; ++c) {
          T& at = to[c * out_column];
          at = call<fn_add>(at, product(value, from[c * b_column]));
        }
      }
    }
    return true;
  });
}

// Row i of B goes to the rows of the result that row i of S has elements for.
template <class T, class Index>
bool multiply_transposed(const ConstView& data, const Rows<Index>& rows, const ConstView& b,
                         const View& out) {
  const T* const values = static_cast<const T*>(data.data);
  const T* const right = static_cast<const T*>(b.data);
  T* const result = static_cast<T*>(out.data);
  const std::int64_t width = b.shape[1], height = out.shape[0];
  const std::int64_t b_column = b.strides[1], out_row = out.strides[0], out_column = out.strides[1];
  for (std::int64_t j = 0; j < height; ++j) {
    for (std::int64_t c = 0; c < width; ++c) result[j * out_row + c * out_column] = T{};
  }
  return rows.for_rows([&](std::int64_t i, std::int64_t begin, std::int64_t end) {
    const T* const from = right + i * b.strides[0];
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t j = rows.column(k);
      if (!is_inside(j, height)) return false;
      const T value = values[k * data.strides[0]];
      T* const to = result + j * out_row;
      for (std::int64_t c = 0; c < width; ++c) {
        T& at = to[c * out_column];
        at = call<fn_add>(at, product(value, from[c * b_column]));
      }
    }
    return true;
  });
}

template <class T, class Index>
bool sampled(const Rows<Index>& rows, const ConstView& a, const ConstView& b, const View& out) {
  const T* const left = static_cast<const T*>(a.data);
  const T* const right = static_cast<const T*>(b.data);
  T* const result = static_cast<T*>(out.data);
  const std::int64_t width = a.shape[1], height = b.shape[0], step = out.strides[0];
  return rows.for_rows([&](std::int64_t i, std::int64_t begin, std::int64_t end) {
    const T* const x = left + i * a.strides[0];
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t j = rows.column(k);
      if (!is_inside(j, height)) return false;
      const T* const y = right + j * b.strides[0];
      T sum{};
      for (std::int64_t w = 0; w < width; ++w) {
        sum = call<fn_add>(sum, product(x[w * a.strides[1]], y[w * b.strides[1]]));
      }
      result[k * step] = sum;
    }
    return true;
  });
}

template <class T>
void clear(const View& vector) {
  for (std::int64_t k = 0; k < vector.shape[0]; ++k)
    static_cast<T*>(vector.data)[k * vector.strides[0]] = T{};
}

// One row of S is laid out in full, read, and cleared again.
template <class T, class Index, class AtIndex>
bool sample(const ConstView& data, const Rows<Index>& from, std::int64_t columns,
            const Rows<AtIndex>& at, const View& out) {
  const T* const values = static_cast<const T*>(data.data);
  T* const result = static_cast<T*>(out.data);
  const Scratch memory(sizeof(T) * static_cast<std::size_t>(columns));
  T* const row = memory.as<T>();
  std::fill_n(row, columns, T{});
  return from.for_rows([&](std::int64_t i, std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t j = from.column(k);
      if (!is_inside(j, columns)) return false;
      row[j] = call<fn_add>(row[j], values[k * data.strides[0]]);
    }
    const std::int64_t first = at.begin(i), last = at.begin(i + 1);
    if (first < 0 || last < first || last > at.stored) return false;
    for (std::int64_t k = first; k < last; ++k) {
      const std::int64_t j = at.column(k);
      if (!is_inside(j, columns)) return false;
      result[k * out.strides[0]] = row[j];
    }
    for (std::int64_t k = begin; k < end; ++k) row[from.column(k)] = T{};
    return true;
  });
}

}  // namespace

bool csr_matmul(const ConstView& data, const Pattern& pattern, bool transpose, const ConstView& b,
                const View& out) {
  if (data.shape != pattern.indices.shape || data.dtype != b.dtype || out.dtype != b.dtype ||
      b.shape.size() != 2 || out.shape.size() != 2 || out.shape[1] != b.shape[1] ||
      (transpose ? b.shape[0] : out.shape[0]) + 1 != pattern.indptr.shape[0]) {
    fail("[csr_matmul] operands and result do not fit");
  }
  return visit_index(pattern, [&]<class Index>(Index) {
    return visit_number(data.dtype, [&]<class T>(T) {
      const Rows<Index> rows(pattern);
      return transpose ? multiply_transposed<T>(data, rows, b, out)
                       : multiply<T>(data, rows, b, out);
    });
  });
}

bool csr_sampled_matmul(const Pattern& pattern, const ConstView& a, const ConstView& b,
                        const View& out) {
  if (out.shape != pattern.indices.shape || a.dtype != b.dtype || out.dtype != a.dtype ||
      a.shape.size() != 2 || b.shape.size() != 2 || a.shape[1] != b.shape[1] ||
      a.shape[0] + 1 != pattern.indptr.shape[0]) {
    fail("[csr_sampled_matmul] operands and result do not fit");
  }
  return visit_index(pattern, [&]<class Index>(Index) {
    return visit_number(a.dtype, [&]<class T>(T) {
      clear<T>(out);  // elements that no row has
      return sampled<T>(Rows<Index>(pattern), a, b, out);
    });
  });
}

bool csr_sample(const ConstView& data, const Pattern& pattern, std::int64_t columns,
                const Pattern& at, const View& out) {
  if (data.shape != pattern.indices.shape || out.shape != at.indices.shape ||
      out.dtype != data.dtype || columns < 0 || pattern.indptr.shape != at.indptr.shape) {
    fail("[csr_sample] operands and result do not fit");
  }
  return visit_index(pattern, [&]<class Index>(Index) {
    return visit_index(at, [&]<class AtIndex>(AtIndex) {
      return visit_number(data.dtype, [&]<class T>(T) {
        clear<T>(out);
        return sample<T>(data, Rows<Index>(pattern), columns, Rows<AtIndex>(at), out);
      });
    });
  });
}

}  // namespace gemmule::kernels
