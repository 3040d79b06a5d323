// What the LAPACK kernels share: checks, the walk over batch dimensions, triangles.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "ir/dtype.h"
#include "kernels/strided.h"
#include "kernels/strided_matrix.h"
#include "kernels/view.h"

namespace gemmule::kernels {

// Calls f(T{}) for LAPACK's four dtypes. Throws std::invalid_argument for the others.
template <class F>
auto visit_lapack(std::string_view op, DType dtype, F&& f) {
  switch (dtype) {
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
                                  "; they must be float32, float64, complex64 or complex128.");
  }
}

// A view without its data: what checks need. Refers to the view's own shape.
struct OperandShape {
  DType dtype;
  std::span<const std::int64_t> shape;

  OperandShape(const ConstView& x) : dtype(x.dtype), shape(x.shape) {}
  OperandShape(const View& x) : dtype(x.dtype), shape(x.shape) {}
};

// The number of rows of a[..., m, m]. Throws std::invalid_argument when `a` is no batch of square
// matrices or has more than 64 dimensions, std::length_error when m is too large for LAPACK.
std::int64_t check_square(std::string_view op, const OperandShape& a);

// Throws std::invalid_argument unless x has a's batch dimensions followed by `core`, and `dtype`.
void check_operand(std::string_view op, std::string_view name, const OperandShape& x, DType dtype,
                   const OperandShape& a, std::initializer_list<std::int64_t> core);

// The matrix x[..., :, :] at `offset` elements from the first one.
template <class T>
Strided<const T> matrix_at(const ConstView& x, std::int64_t offset) {
  const std::size_t rank = x.shape.size();
  return {static_cast<const T*>(x.data) + offset, x.strides[rank - 2], x.strides[rank - 1]};
}
template <class T>
Strided<T> matrix_at(const View& x, std::int64_t offset) {
  const std::size_t rank = x.shape.size();
  return {static_cast<T*>(x.data) + offset, x.strides[rank - 2], x.strides[rank - 1]};
}

// Calls f(offsets) for every index of `batch_shape`, row by row: offsets[k] is the distance of that
// index from the first one under the leading strides of strides[k].
template <std::size_t N, class F>
void for_each_in_batch(std::span<const std::int64_t> batch_shape,
                       const std::array<const Extents*, N>& strides, F&& f) {
  std::int64_t count = 1;
  for (const std::int64_t size : batch_shape) count *= size;
  if (count == 0) return;
  std::array<std::int64_t, kMaxRank> index;
  std::fill_n(index.begin(), batch_shape.size(), 0);
  std::array<std::int64_t, N> offsets{};
  for (;;) {
    f(offsets);
    std::size_t axis = batch_shape.size();
    for (;;) {
      if (axis == 0) return;
      --axis;
      for (std::size_t k = 0; k < N; ++k) offsets[k] += (*strides[k])[axis];
      if (++index[axis] < batch_shape[axis]) break;
      for (std::size_t k = 0; k < N; ++k) offsets[k] -= batch_shape[axis] * (*strides[k])[axis];
      index[axis] = 0;
    }
  }
}

// The dimensions of a before its matrix.
inline std::span<const std::int64_t> batch_shape(const ConstView& a) {
  return std::span(a.shape).first(a.shape.size() - 2);
}

template <class T>
inline const T kNaN = T(std::numeric_limits<blas::Real<T>>::quiet_NaN());

inline CBLAS_UPLO uplo(bool lower) { return lower ? CblasLower : CblasUpper; }
inline char uplo_letter(bool lower) { return lower ? 'L' : 'U'; }

// f(i, j) for the elements of one triangle, the diagonal included, row by row.
template <class F>
void for_each_in_triangle(std::int64_t m, bool lower, F&& f) {
  for (std::int64_t i = 0; i < m; ++i) {
    const std::int64_t end = lower ? i + 1 : m;
    for (std::int64_t j = lower ? 0 : i; j < end; ++j) f(i, j);
  }
}

}  // namespace gemmule::kernels
