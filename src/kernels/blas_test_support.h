// Matrices in every layout, and products computed the slow way: for the tests of the BLAS kernels.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "ir/dtype.h"
#include "kernels/blas.h"

namespace gemmule::kernels::testing {

template <class T>
struct DTypeOf;
// clang-format off
template <> struct DTypeOf<bool> { static constexpr DType value = DType::bool_; };
template <> struct DTypeOf<std::int8_t> { static constexpr DType value = DType::i8; };
template <> struct DTypeOf<std::int16_t> { static constexpr DType value = DType::i16; };
template <> struct DTypeOf<std::int32_t> { static constexpr DType value = DType::i32; };
template <> struct DTypeOf<std::int64_t> { static constexpr DType value = DType::i64; };
template <> struct DTypeOf<std::uint8_t> { static constexpr DType value = DType::u8; };
template <> struct DTypeOf<std::uint16_t> { static constexpr DType value = DType::u16; };
template <> struct DTypeOf<std::uint32_t> { static constexpr DType value = DType::u32; };
template <> struct DTypeOf<std::uint64_t> { static constexpr DType value = DType::u64; };
template <> struct DTypeOf<Half> { static constexpr DType value = DType::f16; };
template <> struct DTypeOf<float> { static constexpr DType value = DType::f32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::f64; };
template <> struct DTypeOf<std::complex<float>> { static constexpr DType value = DType::c64; };
template <> struct DTypeOf<std::complex<double>> { static constexpr DType value = DType::c128; };

// The type in which expected values are computed, and the unit roundoff of T.
template <class T> struct Reference { using Wide = long double; static constexpr double eps = std::numeric_limits<T>::epsilon(); };
template <> struct Reference<Half> { using Wide = long double; static constexpr double eps = 1.0 / 1024; };
template <class R> struct Reference<std::complex<R>> { using Wide = std::complex<long double>; static constexpr double eps = 4 * std::numeric_limits<R>::epsilon(); };
// clang-format on

template <class T>
using Wide = typename Reference<T>::Wide;

template <class T>
Wide<T> widen(T x) {
  if constexpr (std::is_same_v<T, Half>) {
    return static_cast<float>(x);
  } else {
    return Wide<T>(x);
  }
}

template <class T>
T narrow(double re, double im = 0) {
  if constexpr (std::is_same_v<T, Half>) {
    return Half(static_cast<float>(re));
  } else if constexpr (std::is_same_v<T, std::complex<float>> ||
                       std::is_same_v<T, std::complex<double>>) {
    using R = typename T::value_type;
    return T(static_cast<R>(re), static_cast<R>(im));
  } else {
    (void)im;
    return static_cast<T>(re);
  }
}

template <class T>
T nan_of() {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  return narrow<T>(nan, nan);
}

// How the elements of a matrix lie in memory.
enum class Layout {
  rows,              // row-major
  columns,           // column-major, a transpose
  slab,              // row-major with a gap behind each row
  column_slab,       // column-major with a gap
  every_second,      // steps of 2 in both dimensions
  backward_rows,     // rows from the last to the first
  backward_columns,  // columns from the last to the first
  backward,          // both strides negative
  broadcast_rows,    // row stride 0; inputs only
  broadcast_all,     // both strides 0; inputs only
};
inline constexpr Layout kOutputLayouts[] = {
    Layout::rows,
    Layout::columns,
    Layout::slab,
    Layout::column_slab,
    Layout::every_second,
    Layout::backward_rows,
    Layout::backward_columns,
    Layout::backward,
};
inline constexpr Layout kInputLayouts[] = {
    Layout::rows,
    Layout::columns,
    Layout::slab,
    Layout::column_slab,
    Layout::every_second,
    Layout::backward_rows,
    Layout::backward_columns,
    Layout::backward,
    Layout::broadcast_rows,
    Layout::broadcast_all,
};

// A matrix of its own, in one layout. What lies between its elements must stay as it is:
// check_gaps.
template <class T>
class TestMatrix {
 public:
  std::int64_t rows, cols, row_stride, col_stride;

  TestMatrix(std::int64_t rows, std::int64_t cols, Layout layout) : rows(rows), cols(cols) {
    set_strides(layout);
    const std::int64_t row_span = (rows > 0 ? rows - 1 : 0) * row_stride;
    const std::int64_t col_span = (cols > 0 ? cols - 1 : 0) * col_stride;
    origin_ = std::max<std::int64_t>(0, -row_span) + std::max<std::int64_t>(0, -col_span);
    const bool empty = rows == 0 || cols == 0;
    memory_.assign(empty ? 0 : std::abs(row_span) + std::abs(col_span) + 1, Element{gap()});
  }

  // Values in [-1, 1).
  void randomize(std::mt19937& random) {
    std::uniform_real_distribution<double> uniform(-1, 1);
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < cols; ++j) {
        const double re = uniform(random);
        (*this)(i, j) = narrow<T>(re, uniform(random));
      }
    }
  }
  void fill(T value) {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < cols; ++j) (*this)(i, j) = value;
    }
  }
  T& operator()(std::int64_t i, std::int64_t j) {
    return memory_[origin_ + i * row_stride + j * col_stride].value;
  }
  const T& operator()(std::int64_t i, std::int64_t j) const {
    return memory_[origin_ + i * row_stride + j * col_stride].value;
  }

  T* data() { return memory_.empty() ? nullptr : &memory_[origin_].value; }
  const T* data() const { return memory_.empty() ? nullptr : &memory_[origin_].value; }
  MatrixRef ref() const { return {data(), row_stride, col_stride}; }
  MutableMatrixRef mutable_ref() { return {data(), row_stride, col_stride}; }

  void check_gaps() const {
    std::vector<bool> used(memory_.size(), false);
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < cols; ++j) {
        used[origin_ + i * row_stride + j * col_stride] = true;
      }
    }
    for (std::size_t at = 0; at < memory_.size(); ++at) {
      if (!used[at]) {
        ASSERT_EQ(widen(memory_[at].value), widen(gap())) << "written between elements";
      }
    }
  }

 private:
  struct Element {
    T value;
  };  // keeps std::vector<bool> away
  static T gap() { return narrow<T>(77, -77); }

  void set_strides(Layout layout) {
    const std::int64_t m = std::max<std::int64_t>(rows, 1), n = std::max<std::int64_t>(cols, 1);
    switch (layout) {
      case Layout::rows:
        row_stride = n, col_stride = 1;
        break;
      case Layout::columns:
        row_stride = 1, col_stride = m;
        break;
      case Layout::slab:
        row_stride = n + 3, col_stride = 1;
        break;
      case Layout::column_slab:
        row_stride = 1, col_stride = m + 2;
        break;
      case Layout::every_second:
        row_stride = 4 * n, col_stride = 2;
        break;
      case Layout::backward_rows:
        row_stride = -n, col_stride = 1;
        break;
      case Layout::backward_columns:
        row_stride = n, col_stride = -1;
        break;
      case Layout::backward:
        row_stride = -2, col_stride = -2 * m;
        break;
      case Layout::broadcast_rows:
        row_stride = 0, col_stride = 1;
        break;
      case Layout::broadcast_all:
        row_stride = 0, col_stride = 0;
        break;
    }
  }

  std::int64_t origin_;
  std::vector<Element> memory_;
};

// alpha*A@B + beta*C in wide arithmetic, and sum |alpha||a||b| + |beta||c|, which bounds the error.
template <class T>
struct Expected {
  Wide<T> value;
  long double magnitude;
};

template <class T>
Expected<T> expected_gemm(const TestMatrix<T>& a, const TestMatrix<T>& b, const TestMatrix<T>& c,
                          T alpha, T beta, std::int64_t i, std::int64_t j) {
  Wide<T> sum(0);
  long double magnitude = 0;
  if (widen(alpha) != Wide<T>(0)) {
    for (std::int64_t p = 0; p < a.cols; ++p) {
      sum += widen(a(i, p)) * widen(b(p, j));
      magnitude += std::abs(widen(a(i, p))) * std::abs(widen(b(p, j)));
    }
    sum *= widen(alpha);
    magnitude *= std::abs(widen(alpha));
  }
  if (widen(beta) != Wide<T>(0)) {
    sum += widen(beta) * widen(c(i, j));
    magnitude += std::abs(widen(beta)) * std::abs(widen(c(i, j)));
  }
  return {sum, magnitude};
}

// f16 is computed in f32 and rounded once; the others round at every step.
template <class T>
long double tolerance(const Expected<T>& expected, std::int64_t k) {
  const long double eps = Reference<T>::eps;
  if constexpr (std::is_same_v<T, Half>) {
    return std::abs(expected.value) * eps + expected.magnitude * 1e-6L * (k + 4) + 1e-7L;
  } else {
    return expected.magnitude * eps * (k + 4);
  }
}

template <class T>
void expect_close(T actual, const Expected<T>& expected, std::int64_t k, const std::string& where) {
  const long double error = std::abs(widen(actual) - expected.value);
  ASSERT_LE(error, tolerance(expected, k)) << where;
}

}  // namespace gemmule::kernels::testing
