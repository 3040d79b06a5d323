// Matrices with arbitrary strides: what BLAS takes as it is, and copies for what it does not.
#pragma once

#include <algorithm>
#include <complex>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "ir/dtype.h"
#include "kernels/blas.h"
#include "kernels/blas_library.h"

namespace gemmule::kernels {

inline constexpr std::int64_t kBlasIntMax = std::numeric_limits<int>::max();

// `size` as the library's integer. Throws std::length_error.
inline int blas_int(std::string_view op, std::int64_t size) {
  if (size > kBlasIntMax) {
    throw std::length_error("[" + std::string(op) + "] a dimension of " + std::to_string(size) +
                            " exceeds the BLAS library's limit of " + std::to_string(kBlasIntMax) +
                            ".");
  }
  return static_cast<int>(size);
}

// The type in which elements of T are multiplied and summed.
template <class T>
using ComputeType = std::conditional_t<std::is_same_v<T, Half>, float, T>;

template <class To, class From>
To convert(From x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else {
    return static_cast<To>(x);
  }
}

// x*y as BLAS multiplies: without C++'s detour for infinite complex numbers, which calls a
// function.
template <class T>
T multiply(T x, T y) {
  return x * y;
}
template <class R>
std::complex<R> multiply(std::complex<R> x, std::complex<R> y) {
  return {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()};
}

// *scalar in T's compute type; `otherwise` for null.
template <class T>
ComputeType<T> scalar_or(const void* scalar, ComputeType<T> otherwise) {
  return scalar ? convert<ComputeType<T>>(*static_cast<const T*>(scalar)) : otherwise;
}

// Element (i, j) is data[i*row_stride + j*col_stride].
template <class T>
struct Strided {
  T* data;
  std::int64_t row_stride, col_stride;

  T& operator()(std::int64_t i, std::int64_t j) const {
    return data[i * row_stride + j * col_stride];
  }
  Strided transposed() const { return {data, col_stride, row_stride}; }
};

template <class T>
Strided<const T> strided(const MatrixRef& a) {
  return {static_cast<const T*>(a.data), a.row_stride, a.col_stride};
}
template <class T>
Strided<T> strided(const MutableMatrixRef& a) {
  return {static_cast<T*>(a.data), a.row_stride, a.col_stride};
}

// Whether a and b, rows x cols, are the same elements in the same places.
template <class A, class B>
bool same_memory(std::int64_t rows, std::int64_t cols, Strided<A> a, Strided<B> b) {
  return a.data == b.data && (rows <= 1 || a.row_stride == b.row_stride) &&
         (cols <= 1 || a.col_stride == b.col_stride);
}

// The leading dimension with which BLAS reads the matrix row by row; 0 when it cannot.
template <class T>
int row_major_ld(std::int64_t rows, std::int64_t cols, Strided<T> a) {
  if (cols > 1 && a.col_stride != 1) return 0;
  const std::int64_t least = std::max<std::int64_t>(1, cols);
  const std::int64_t ld = rows > 1 ? a.row_stride : least;
  return ld >= least && ld <= kBlasIntMax ? static_cast<int>(ld) : 0;
}

// A matrix in one of BLAS's two orders.
template <class T>
struct BlasMatrix {
  T* data = nullptr;
  CBLAS_ORDER order = CblasRowMajor;
  int ld = 0;  // 0: the matrix is in neither order

  explicit operator bool() const { return ld > 0; }
};

// Row-major wins where both orders fit.
template <class T>
BlasMatrix<T> as_blas_matrix(std::int64_t rows, std::int64_t cols, Strided<T> a) {
  if (const int ld = row_major_ld(rows, cols, a)) return {a.data, CblasRowMajor, ld};
  if (const int ld = row_major_ld(cols, rows, a.transposed())) return {a.data, CblasColMajor, ld};
  return {a.data, CblasRowMajor, 0};
}

// out(i, j) = f(in(i, j)), walking along the smaller stride of `out`; in tiles where `in` runs the
// other way, so that a transposition stays in cache.
template <class From, class To, class F>
void transform_matrix(std::int64_t rows, std::int64_t cols, Strided<From> in, Strided<To> out,
                      F f) {
  if (std::abs(out.col_stride) > std::abs(out.row_stride)) {
    std::swap(rows, cols);
    in = in.transposed();
    out = out.transposed();
  }
  constexpr std::int64_t kTile = 32;
  const bool transposing = std::abs(in.col_stride) > std::abs(in.row_stride) && rows > 1;
  const std::int64_t tile_rows = transposing ? kTile : 1;
  const std::int64_t tile_cols = transposing ? kTile : std::max<std::int64_t>(cols, 1);
  for (std::int64_t i0 = 0; i0 < rows; i0 += tile_rows) {
    for (std::int64_t j0 = 0; j0 < cols; j0 += tile_cols) {
      const std::int64_t i_end = std::min(rows, i0 + tile_rows);
      const std::int64_t width = std::min(cols, j0 + tile_cols) - j0;
      for (std::int64_t i = i0; i < i_end; ++i) {
        From* x = &in(i, j0);
        To* y = &out(i, j0);
        if (in.col_stride == 1 && out.col_stride == 1) {
          for (std::int64_t j = 0; j < width; ++j) y[j] = f(x[j]);
        } else {
          for (std::int64_t j = 0; j < width; ++j) {
            y[j * out.col_stride] = f(x[j * in.col_stride]);
          }
        }
      }
    }
  }
}

template <class From, class To>
void copy_matrix(std::int64_t rows, std::int64_t cols, Strided<From> in, Strided<To> out) {
  transform_matrix(rows, cols, in, out, [](const From& x) {
    return convert<To>(static_cast<std::remove_const_t<From>>(x));
  });
}

template <class T>
void fill_matrix(std::int64_t rows, std::int64_t cols, Strided<T> out, T value) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) out(i, j) = value;
  }
}

// out = beta*C, the part of gemm and gemv without a product. Does not read C where beta is 0.
template <class T>
void scale_matrix(std::int64_t rows, std::int64_t cols, ComputeType<T> beta, Strided<const T> c,
                  Strided<T> out) {
  if (beta == ComputeType<T>(0)) {
    fill_matrix(rows, cols, out, convert<T>(ComputeType<T>(0)));
  } else if (beta == ComputeType<T>(1)) {
    if (!same_memory(rows, cols, c, out)) copy_matrix(rows, cols, c, out);
  } else {
    transform_matrix(rows, cols, c, out, [beta](T x) {
      return convert<T>(multiply(beta, convert<ComputeType<T>>(x)));
    });
  }
}

// Calls f(T{}) for the inexact dtypes. Throws std::invalid_argument for the others.
template <class F>
void visit_inexact(std::string_view op, DType dtype, F&& f) {
  switch (dtype) {
    case DType::f16:
      return f(Half{});
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::c64:
      return f(std::complex<float>{});
    case DType::c128:
      return f(std::complex<double>{});
    default:
      throw std::invalid_argument("[" + std::string(op) + "] operands are " +
                                  std::string(numpy_name(dtype)) +
                                  "; they must be floating or complex.");
  }
}

// Throws std::invalid_argument unless alpha is 1 and beta 0, the only scales of integer products.
void check_plain_product(std::string_view op, DType dtype, const void* alpha, const void* beta);

}  // namespace gemmule::kernels
