#include "kernels/convolve.h"

#include <algorithm>
#include <complex>
#include <cstdint>
#include <type_traits>

#include "kernels/column_major.h"
#include "kernels/function_clones.h"

namespace gemmule::kernels {
namespace {

// Products of bool are "and", sums are "or".
struct Truth {
  bool value;
  Truth() = default;
  explicit Truth(bool x) : value(x) {}
  friend Truth operator*(Truth a, Truth b) { return Truth(a.value && b.value); }
  friend Truth operator+(Truth a, Truth b) { return Truth(a.value || b.value); }
  explicit operator bool() const { return value; }
};

// What elements of T are summed in. Unsigned integers wrap.
template <class T>
struct SumOf {
  using type = T;
};
template <>
struct SumOf<bool> {
  using type = Truth;
};
template <>
struct SumOf<Half> {
  using type = float;
};
template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
struct SumOf<T> {
  using type = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
};

template <class S>
GEMMULE_INLINE S times(S x, S y) {
  return x * y;
}
template <class R>
GEMMULE_INLINE std::complex<R> times(std::complex<R> x, std::complex<R> y) {
  return {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()};
}

// Adds the elements [begin, end) of the full convolution of x[n] and y[k] to sums[0, end - begin).
template <class S>
GEMMULE_CLONES void add_convolution(const S* x, std::int64_t n, const S* y, std::int64_t k,
                                    std::int64_t begin, std::int64_t end, S* sums) {
  const auto add = [&](std::int64_t j, std::int64_t from, std::int64_t to) GEMMULE_INLINE_LAMBDA {
    const S factor = y[j];
    for (std::int64_t i = from; i < to; ++i) {
      sums[i - begin] = sums[i - begin] + times(factor, x[i - j]);
    }
  };
  constexpr std::int64_t kTogether = 4;  // elements of y for each sum that is loaded and stored
  std::int64_t j = std::max<std::int64_t>(0, begin - n + 1);
  const std::int64_t j_end = std::min(k, end);
  for (; j + kTogether <= j_end; j += kTogether) {
    const std::int64_t from = std::max(begin, j + kTogether - 1), to = std::min(end, j + n);
    if (from >= to) {
      for (std::int64_t t = j; t < j + kTogether; ++t) {
        add(t, std::max(begin, t), std::min(end, t + n));
      }
      continue;
    }
    for (std::int64_t t = j; t < j + kTogether; ++t) {
      add(t, std::max(begin, t), from);
      add(t, to, std::min(end, t + n));
    }
    const S y0 = y[j], y1 = y[j + 1], y2 = y[j + 2], y3 = y[j + 3];
    const S* at = x - j;
    for (std::int64_t i = from; i < to; ++i) {
      sums[i - begin] = sums[i - begin] + times(y0, at[i]) + times(y1, at[i - 1]) +
                        times(y2, at[i - 2]) + times(y3, at[i - 3]);
    }
  }
  for (; j < j_end; ++j) add(j, std::max(begin, j), std::min(end, j + n));
}

// Where the elements of a result of `size` elements begin in the full convolution.
std::int64_t first_element(std::int64_t n, std::int64_t k, std::int64_t size) {
  return size == n + k - 1 ? 0 : std::min(n, k) - 1;
}

constexpr std::int64_t kSumsAtOnce = 1024;  // they stay in the first cache

template <class T, class S>
S as_sum(T x) {
  if constexpr (std::is_same_v<T, Half>) {
    return static_cast<float>(x);
  } else {
    return static_cast<S>(x);
  }
}

template <class T, class S>
void load_row(std::int64_t n, const T* from, std::int64_t stride, S* to) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = as_sum<T, S>(from[i * stride]);
}

}  // namespace

void convolve1d(const ConstView& x, const ConstView& y, const View& out) {
  visit_dtype(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    using S = typename SumOf<T>::type;
    const std::int64_t n = x.shape.back(), k = y.shape.back(), size = out.shape.back();
    const std::int64_t first = first_element(n, k, size), stride = out.strides.back();
    const Array<S> a(n), b(k), sums(std::min(size, kSumsAtOnce));
    for_each_in_batch<3>(
        vector_batch_shape(out), {&x.strides, &y.strides, &out.strides}, [&](const auto& offsets) {
          load_row(n, static_cast<const T*>(x.data) + offsets[0], x.strides.back(), a.data());
          load_row(k, static_cast<const T*>(y.data) + offsets[1], y.strides.back(), b.data());
          T* to = static_cast<T*>(out.data) + offsets[2];
          for (std::int64_t begin = 0; begin < size; begin += kSumsAtOnce) {
            const std::int64_t end = std::min(size, begin + kSumsAtOnce);
            std::fill_n(sums.data(), end - begin, S(0));
            // The longer operand is the one that is walked along.
            if (n >= k) {
              add_convolution(a.data(), n, b.data(), k, first + begin, first + end, sums.data());
            } else {
              add_convolution(b.data(), k, a.data(), n, first + begin, first + end, sums.data());
            }
            for (std::int64_t i = begin; i < end; ++i) {
              to[i * stride] = static_cast<T>(sums[i - begin]);
            }
          }
        });
  });
}

void convolve2d(const ConstView& x, const ConstView& y, const View& out) {
  visit_dtype(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    using S = typename SumOf<T>::type;
    const std::int64_t m = rows_of(x), n = columns_of(x), j = rows_of(y), k = columns_of(y);
    const std::int64_t rows = rows_of(out), columns = columns_of(out);
    const std::int64_t first_row = first_element(m, j, rows);
    const std::int64_t first_column = first_element(n, k, columns);
    const Array<S> a(m * n), b(j * k), sums(columns);
    const auto load = [](const ConstView& view, std::int64_t offset, S* to) {
      const auto matrix = matrix_at<T>(view, offset);
      for (std::int64_t i = 0; i < rows_of(view); ++i) {
        load_row(columns_of(view), &matrix(i, 0), matrix.col_stride, to + i * columns_of(view));
      }
    };
    for_each_in_batch<3>(batch_shape(x), {&x.strides, &y.strides, &out.strides},
                         [&](const auto& offsets) {
                           load(x, offsets[0], a.data());
                           load(y, offsets[1], b.data());
                           const auto to = matrix_at<T>(out, offsets[2]);
                           for (std::int64_t row = 0; row < rows; ++row) {
                             std::fill_n(sums.data(), columns, S(0));
                             const std::int64_t r = first_row + row;
                             for (std::int64_t p = std::max<std::int64_t>(0, r - m + 1);
                                  p < std::min(j, r + 1); ++p) {
                               add_convolution(a.data() + (r - p) * n, n, b.data() + p * k, k,
                                               first_column, first_column + columns, sums.data());
                             }
                             for (std::int64_t c = 0; c < columns; ++c) {
                               to(row, c) = static_cast<T>(sums[c]);
                             }
                           }
                         });
  });
}

}  // namespace gemmule::kernels
