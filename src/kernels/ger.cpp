#include <algorithm>
#include <cstdint>

#include "kernels/blas.h"
#include "kernels/blas_library.h"
#include "kernels/small_gemv.h"
#include "kernels/strided_matrix.h"
#include "kernels/strided_vector.h"

namespace gemmule::kernels {
namespace {

// One pass over A and out for any strides; A without data counts as 0.
template <class T>
void ger_loop(std::int64_t m, std::int64_t n, ComputeType<T> alpha, StridedVector<const T> x,
              StridedVector<const T> y, Strided<const T> a, Strided<T> out) {
  using C = ComputeType<T>;
  if (std::abs(out.col_stride) > std::abs(out.row_stride)) {
    std::swap(m, n);
    std::swap(x, y);
    a = a.transposed();
    out = out.transposed();
  }
  if constexpr (std::is_floating_point_v<T>) {
    if (out.col_stride == 1 && (!a.data || a.col_stride == 1) && y.stride == 1) {
      return rows_ger<T>(m, n, alpha, x.data, x.stride, y.data, a.data, a.row_stride, out.data, out.row_stride);
    }
  }
  for (std::int64_t i = 0; i < m; ++i) {
    const C scaled = multiply(alpha, convert<C>(x[i]));
    T* row = &out(i, 0);
    if (!a.data) {
      if (out.col_stride == 1 && y.stride == 1) {
        for (std::int64_t j = 0; j < n; ++j) {
          row[j] = convert<T>(multiply(scaled, convert<C>(y.data[j])));
        }
      } else {
        for (std::int64_t j = 0; j < n; ++j) {
          row[j * out.col_stride] = convert<T>(multiply(scaled, convert<C>(y[j])));
        }
      }
      continue;
    }
    const T* addend = &a(i, 0);
    if (out.col_stride == 1 && a.col_stride == 1 && y.stride == 1) {
      for (std::int64_t j = 0; j < n; ++j) {
        row[j] = convert<T>(convert<C>(addend[j]) + multiply(scaled, convert<C>(y.data[j])));
      }
    } else {
      for (std::int64_t j = 0; j < n; ++j) {
        row[j * out.col_stride] =
            convert<T>(convert<C>(addend[j * a.col_stride]) + multiply(scaled, convert<C>(y[j])));
      }
    }
  }
}

template <class T>
void ger_inexact(const GerArgs& args) {
  using C = ComputeType<T>;
  const std::int64_t m = args.m, n = args.n;
  const C alpha = scalar_or<T>(args.alpha, C(1));
  const auto a = strided<T>(args.a);
  const auto out = strided<T>(args.out);
  if (alpha == C(0)) return scale_matrix<T>(m, n, a.data ? C(1) : C(0), a, out);
  const StridedVector<const T> x{static_cast<const T*>(args.x.data), args.x.stride};
  const StridedVector<const T> y{static_cast<const T*>(args.y.data), args.y.stride};

  if constexpr (std::is_same_v<T, C>) {
    const bool in_place = same_memory(m, n, a, out);
    if (in_place && std::max(m, n) <= kBlasIntMax && x.fits_blas(m) && y.fits_blas(n)) {
      if (const auto matrix = as_blas_matrix(m, n, out)) {
        return blas::ger(matrix.order, static_cast<int>(m), static_cast<int>(n), alpha, x.lowest(m),
                         x.increment(m), y.lowest(n), y.increment(n), matrix.data, matrix.ld);
      }
    }
  }
  ger_loop<T>(m, n, alpha, x, y, a, out);
}

}  // namespace

void ger(const GerArgs& args) {
  visit_inexact("ger", args.dtype, [&](auto zero) {
    if (args.m > 0 && args.n > 0) ger_inexact<decltype(zero)>(args);
  });
}

}  // namespace gemmule::kernels
