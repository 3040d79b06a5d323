#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>

#include "ir/error.h"
#include "kernels/column_major.h"
#include "kernels/decompositions.h"
#include "kernels/lapack_routines.h"
#include "kernels/small_lu.h"

namespace gemmule::kernels {
namespace {

// order[i]: the row of A that the exchanges put in row i. Pivots count from 1.
void exchanged_order(std::int64_t m, const int* pivots, int* order) {
  std::iota(order, order + m, 0);
  for (std::int64_t i = 0; i < m; ++i) std::swap(order[i], order[pivots[i] - 1]);
}

// A = P L U in x's place. The info of getrf.
template <class T>
int factor(std::int64_t m, const ColumnMajor<T>& x, int* pivots) {
  if constexpr (std::is_floating_point_v<T>) {
    if (is_small_lu<T>(m)) {
      SmallLu<T> lu;
      const int info = small_getrf(m, Strided<const T>{x.data(), 1, m}, lu);
      copy_factors(m, lu, x.all());
      std::copy_n(lu.pivots, m, pivots);
      return info;
    }
  }
  const int order = static_cast<int>(m);
  return blas::getrf(order, x.data(), order, pivots);
}

}  // namespace

std::int64_t lu(const ConstView& a, const View& p, const View& l, const View& u) {
  return visit_lapack("lu", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    using R = blas::Real<T>;
    const std::int64_t m = check_square("lu", a);
    const ColumnMajor<T> x(m, m);
    const Array<int> pivots(m), rows(m);
    std::int64_t failures = 0;
    const bool permute_l = !wanted(p), indices = !permute_l && p.dtype == DType::i32;
    const Extents& p_strides = permute_l ? l.strides : p.strides;
    for_each_in_batch<4>(
        batch_shape(a), {&a.strides, &p_strides, &l.strides, &u.strides}, [&](const auto& offsets) {
          x.set(a, offsets[0]);
          if (!x.is_finite()) {
            ++failures;
            x.fill(kNaN<T>);
            std::iota(pivots.data(), pivots.data() + m, 1);
          } else if (m > 0) {
            factor(m, x, pivots.data());
          }
          exchanged_order(m, pivots.data(), rows.data());
          const auto lower = matrix_at<T>(l, offsets[2]), upper = matrix_at<T>(u, offsets[3]);
          for (std::int64_t i = 0; i < m; ++i) {
            const std::int64_t to = permute_l ? rows[i] : i;
            for (std::int64_t j = 0; j < m; ++j) {
              lower(to, j) = j < i ? x(i, j) : T(i == j);
              upper(i, j) = j < i ? T(0) : x(i, j);
            }
          }
          if (permute_l) return;
          if (indices) {
            const auto index = vector_at<std::int32_t>(p, offsets[1]);
            for (std::int64_t i = 0; i < m; ++i) index[rows[i]] = static_cast<std::int32_t>(i);
          } else {
            const auto matrix = matrix_at<R>(p, offsets[1]);
            fill_matrix(m, m, matrix, R(0));
            for (std::int64_t i = 0; i < m; ++i) matrix(rows[i], i) = R(1);
          }
        });
    return failures;
  });
}

std::int64_t lu_factor(const ConstView& a, const View& factors, const View& pivots) {
  return visit_lapack("lu_factor", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t m = check_square("lu_factor", a);
    const ColumnMajor<T> x(m, m);
    const Array<int> exchanges(m);
    std::int64_t failures = 0;
    if (m == 0) return failures;
    for_each_in_batch<3>(batch_shape(a), {&a.strides, &factors.strides, &pivots.strides},
                         [&](const auto& offsets) {
                           x.set(a, offsets[0]);
                           if (factor(m, x, exchanges.data()) != 0) {
                             ++failures;
                             x.fill(kNaN<T>);
                           }
                           x.get(factors, offsets[1]);
                           const auto to = vector_at<std::int32_t>(pivots, offsets[2]);
                           for (std::int64_t i = 0; i < m; ++i) to[i] = exchanges[i] - 1;
                         });
    return failures;
  });
}

void pivots_to_permutation(const ConstView& pivots, const View& out, bool inverse) {
  const std::int64_t m = pivots.shape.back();
  const Array<std::int64_t> order(m);
  for_each_in_batch<2>(
      vector_batch_shape(pivots), {&pivots.strides, &out.strides}, [&](const auto& offsets) {
        const auto pivot = vector_at<std::int64_t>(pivots, offsets[0]);
        const auto to = vector_at<std::int64_t>(out, offsets[1]);
        std::iota(order.data(), order.data() + m, 0);
        for (std::int64_t i = 0; i < m; ++i) {
          const std::int64_t j = pivot[i] < 0 ? pivot[i] + m : pivot[i];
          if (j < 0 || j >= m) {
            throw gemmule::IndexError("pivot " + std::to_string(pivot[i]) +
                                      " is out of bounds for " + std::to_string(m) + " rows");
          }
          std::swap(order[i], order[j]);
        }
        for (std::int64_t i = 0; i < m; ++i) {
          if (inverse) {
            to[i] = order[i];
          } else {
            to[order[i]] = i;
          }
        }
      });
}

}  // namespace gemmule::kernels
