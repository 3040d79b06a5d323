// Column-major copies of matrices, which LAPACK overwrites.
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>

#include "kernels/lapack_batch.h"
#include "kernels/scratch.h"

namespace gemmule::kernels {

// `count` uninitialised elements, at least one.
template <class T>
class Array {
 public:
  explicit Array(std::int64_t count)
      : memory_(sizeof(T) * static_cast<std::size_t>(count > 0 ? count : 1)) {}
  T* data() const { return memory_.template as<T>(); }
  T& operator[](std::int64_t i) const { return data()[i]; }

 private:
  Scratch memory_;
};

template <class T>
class ColumnMajor {
 public:
  ColumnMajor(std::int64_t rows, std::int64_t cols)
      : rows_(rows), cols_(cols), memory_(rows * cols) {}

  T* data() const { return memory_.data(); }
  Strided<T> all() const { return {data(), 1, rows_}; }
  T& operator()(std::int64_t i, std::int64_t j) const { return data()[i + j * rows_]; }

  void set(Strided<const T> a) const { copy_matrix(rows_, cols_, a, all()); }
  void get(Strided<T> a) const { copy_matrix(rows_, cols_, all(), a); }
  void set(const ConstView& a, std::int64_t offset) const { set(matrix_at<T>(a, offset)); }
  void get(const View& a, std::int64_t offset) const { get(matrix_at<T>(a, offset)); }

  bool is_finite() const {
    for (std::int64_t i = 0; i < rows_ * cols_; ++i) {
      if (!std::isfinite(std::real(data()[i])) || !std::isfinite(std::imag(data()[i])))
        return false;
    }
    return true;
  }
  void fill(T value) const { fill_matrix(rows_, cols_, all(), value); }
  void fill_identity() const {
    fill(T(0));
    for (std::int64_t i = 0; i < rows_ && i < cols_; ++i) (*this)(i, i) = T(1);
  }

 private:
  std::int64_t rows_, cols_;
  Array<T> memory_;
};

// Element i of the vector x[..., :] at `offset`.
template <class T>
struct StridedElements {
  T* data;
  std::int64_t stride;
  T& operator[](std::int64_t i) const { return data[i * stride]; }
};
template <class T>
StridedElements<const T> vector_at(const ConstView& x, std::int64_t offset) {
  return {static_cast<const T*>(x.data) + offset, x.strides.back()};
}
template <class T>
StridedElements<T> vector_at(const View& x, std::int64_t offset) {
  return {static_cast<T*>(x.data) + offset, x.strides.back()};
}

template <class T>
void fill_vector(std::int64_t n, StridedElements<T> x, T value) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = value;
}
template <class From, class To>
void copy_vector(std::int64_t n, const From& from, const To& to) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[i];
}

// The size of a workspace that LAPACK left in work[0].
template <class T>
int work_size(T first) {
  return std::max(1, static_cast<int>(std::real(first)));
}

// Of a ConstView or a View.
template <class V>
std::int64_t rows_of(const V& a) {
  return a.shape[a.shape.size() - 2];
}
template <class V>
std::int64_t columns_of(const V& a) {
  return a.shape.back();
}

inline bool wanted(const View& result) { return !result.shape.empty(); }

// Dimensions before the last one, of vectors.
template <class V>
std::span<const std::int64_t> vector_batch_shape(const V& x) {
  return std::span(x.shape).first(x.shape.size() - 1);
}

}  // namespace gemmule::kernels
