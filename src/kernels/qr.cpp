#include <algorithm>
#include <cstdint>

#include "kernels/column_major.h"
#include "kernels/decompositions.h"
#include "kernels/lapack_routines.h"

namespace gemmule::kernels {

void qr(const ConstView& a, const QrResults& results) {
  visit_lapack("qr", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    using R = blas::Real<T>;
    const int m = blas_int("qr", rows_of(a)), n = blas_int("qr", columns_of(a));
    const int k = std::min(m, n);
    const bool wants_q = wanted(results.q), pivoting = wanted(results.jpvt);
    const int q_columns = wants_q ? static_cast<int>(results.q.shape.back()) : 0;
    const std::int64_t r_rows = rows_of(results.r);

    T best(0), best_q(0), unused(0);
    R none(0);
    if (pivoting) {
      int jpvt = 0;
      blas::geqp3(m, n, &unused, &jpvt, &unused, &best, -1, &none);
    } else {
      blas::geqrf(m, n, &unused, &unused, &best, -1);
    }
    if (wants_q) blas::ungqr(m, q_columns, k, &unused, &unused, &best_q, -1);
    const int size = std::max(work_size(best), work_size(best_q));
    const ColumnMajor<T> x(m, n), q(m, q_columns);
    const Array<T> tau(k), work(size);
    const Array<R> rwork(2 * static_cast<std::int64_t>(n));
    const Array<int> jpvt(n);

    const auto strides = [&](const View& view) {
      return wanted(view) ? &view.strides : &a.strides;
    };
    for_each_in_batch<6>(batch_shape(a),
                         {&a.strides, strides(results.q), &results.r.strides, strides(results.raw),
                          strides(results.tau), strides(results.jpvt)},
                         [&](const auto& offsets) {
                           x.set(a, offsets[0]);
                           std::fill_n(jpvt.data(), n, 0);
                           if (k == 0) {
                             for (int j = 0; j < n; ++j) jpvt[j] = j + 1;
                           } else if (pivoting) {
                             blas::geqp3(m, n, x.data(), jpvt.data(), tau.data(), work.data(), size,
                                         rwork.data());
                           } else {
                             blas::geqrf(m, n, x.data(), tau.data(), work.data(), size);
                           }
                           const auto r = matrix_at<T>(results.r, offsets[2]);
                           for (std::int64_t i = 0; i < r_rows; ++i) {
                             for (std::int64_t j = 0; j < n; ++j) r(i, j) = j < i ? T(0) : x(i, j);
                           }
                           if (wanted(results.raw)) {
                             x.get(results.raw, offsets[3]);
                             copy_vector(k, tau, vector_at<T>(results.tau, offsets[4]));
                           }
                           if (pivoting) {
                             const auto to = vector_at<std::int32_t>(results.jpvt, offsets[5]);
                             for (int j = 0; j < n; ++j) to[j] = jpvt[j] - 1;
                           }
                           if (!wants_q) return;
                           if (k == 0) {
                             q.fill_identity();
                           } else {
                             copy_matrix(m, k, Strided<const T>{x.data(), 1, m}, q.all());
                             blas::ungqr(m, q_columns, k, q.data(), tau.data(), work.data(), size);
                           }
                           q.get(results.q, offsets[1]);
                         });
  });
}

}  // namespace gemmule::kernels
