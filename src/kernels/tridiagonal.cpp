#include <algorithm>
#include <cstdint>
#include <string>

#include "ir/error.h"
#include "kernels/column_major.h"
#include "kernels/decompositions.h"
#include "kernels/lapack_routines.h"

namespace gemmule::kernels {
namespace {

// LAPACK reads and writes B where they point: row i, counted from 1, changes with itself or the
// next.
void check_pivots(const int* pivots, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t pivot = pivots[i];
    if (pivot == i + 1 || (pivot == i + 2 && pivot <= n)) continue;
    throw gemmule::IndexError("[solve_tridiagonal] pivot " + std::to_string(pivot) + " of row " +
                              std::to_string(i + 1) + ": it must be that row or the next");
  }
}

}  // namespace

void lu_factor_tridiagonal(const ConstView& dl, const ConstView& d, const ConstView& du,
                           const Tridiagonal& factors) {
  visit_lapack("lu_factor_tridiagonal", d.dtype, [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t n = d.shape.back(), beside = std::max<std::int64_t>(n - 1, 0);
    const int order = blas_int("lu_factor_tridiagonal", n);
    const Array<T> lower(beside), diagonal(n), upper(beside), second(n);
    const Array<int> pivots(n);
    for_each_in_batch<8>(
        vector_batch_shape(d),
        {&dl.strides, &d.strides, &du.strides, &factors.dl.strides, &factors.d.strides,
         &factors.du.strides, &factors.du2.strides, &factors.pivots.strides},
        [&](const auto& offsets) {
          copy_vector(beside, vector_at<T>(dl, offsets[0]), lower);
          copy_vector(n, vector_at<T>(d, offsets[1]), diagonal);
          copy_vector(beside, vector_at<T>(du, offsets[2]), upper);
          if (n > 0) {
            blas::gttrf(order, lower.data(), diagonal.data(), upper.data(), second.data(),
                        pivots.data());
          }
          copy_vector(beside, lower, vector_at<T>(factors.dl, offsets[3]));
          copy_vector(n, diagonal, vector_at<T>(factors.d, offsets[4]));
          copy_vector(beside, upper, vector_at<T>(factors.du, offsets[5]));
          copy_vector(n - 2, second, vector_at<T>(factors.du2, offsets[6]));
          copy_vector(n, pivots, vector_at<std::int32_t>(factors.pivots, offsets[7]));
        });
  });
}

void solve_tridiagonal(const TridiagonalFactors& factors, const ConstView& b, const View& out,
                       bool transposed) {
  visit_lapack("solve_tridiagonal", b.dtype, [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t n = rows_of(b), k = columns_of(b), beside = std::max<std::int64_t>(n - 1, 0);
    const int order = blas_int("solve_tridiagonal", n), count = blas_int("solve_tridiagonal", k);
    const Array<T> lower(beside), diagonal(n), upper(beside), second(n);
    const Array<int> pivots(n);
    const ColumnMajor<T> x(n, k);
    if (n == 0 || k == 0) return;
    for_each_in_batch<7>(
        batch_shape(b),
        {&factors.dl.strides, &factors.d.strides, &factors.du.strides, &factors.du2.strides,
         &factors.pivots.strides, &b.strides, &out.strides},
        [&](const auto& offsets) {
          copy_vector(beside, vector_at<T>(factors.dl, offsets[0]), lower);
          copy_vector(n, vector_at<T>(factors.d, offsets[1]), diagonal);
          copy_vector(beside, vector_at<T>(factors.du, offsets[2]), upper);
          copy_vector(n - 2, vector_at<T>(factors.du2, offsets[3]), second);
          copy_vector(n, vector_at<std::int32_t>(factors.pivots, offsets[4]), pivots);
          check_pivots(pivots.data(), n);
          x.set(b, offsets[5]);
          blas::gttrs(transposed ? 'T' : 'N', order, count, lower.data(), diagonal.data(),
                      upper.data(), second.data(), pivots.data(), x.data());
          x.get(out, offsets[6]);
        });
  });
}

}  // namespace gemmule::kernels
