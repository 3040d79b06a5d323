#include <complex>
#include <cstdint>
#include <type_traits>

#include "kernels/column_major.h"
#include "kernels/decompositions.h"
#include "kernels/lapack_routines.h"

namespace gemmule::kernels {

std::int64_t eig(const ConstView& a, const View& values, const View& vectors) {
  return visit_lapack("eig", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    using R = blas::Real<T>;
    using C = std::complex<R>;
    const std::int64_t m = check_square("eig", a);
    const int order = static_cast<int>(m);
    std::int64_t failures = 0;
    if (m == 0) return failures;

    T best(0), unused(0);
    R none(0);
    blas::geev(order, &unused, &unused, &none, &unused, &best, -1, &none);
    const int size = work_size(best);
    const ColumnMajor<T> x(m, m), right(m, m);
    const Array<T> w(m), work(size);
    const Array<R> wi(m), rwork(2 * m);
    for_each_in_batch<3>(
        batch_shape(a), {&a.strides, &values.strides, &vectors.strides}, [&](const auto& offsets) {
          x.set(a, offsets[0]);
          const auto value = vector_at<C>(values, offsets[1]);
          const auto vector = matrix_at<C>(vectors, offsets[2]);
          if (!x.is_finite() || blas::geev(order, x.data(), w.data(), wi.data(), right.data(),
                                           work.data(), size, rwork.data()) != 0) {
            ++failures;
            fill_vector(m, value, kNaN<C>);
            return fill_matrix(m, m, vector, kNaN<C>);
          }
          if constexpr (std::is_floating_point_v<T>) {
            // A conjugate pair has its real and its imaginary part in two columns.
            for (std::int64_t j = 0; j < m; ++j) {
              value[j] = C(w[j], wi[j]);
              const bool pair = wi[j] != 0 && j + 1 < m;
              for (std::int64_t i = 0; i < m; ++i) {
                vector(i, j) = C(right(i, j), pair ? right(i, j + 1) : R(0));
                if (pair) vector(i, j + 1) = std::conj(C(vector(i, j)));
              }
              if (pair) {
                value[j + 1] = C(w[j + 1], wi[j + 1]);
                ++j;
              }
            }
          } else {
            copy_vector(m, w, value);
            right.get(vectors, offsets[2]);
          }
        });
    return failures;
  });
}

std::int64_t eigh_generalized(const ConstView& a, const ConstView& b, bool lower,
                              const View& values, const View& vectors) {
  return visit_lapack("eigh_generalized", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    using R = blas::Real<T>;
    const std::int64_t m = check_square("eigh_generalized", a);
    const int order = static_cast<int>(m);
    const char uplo = uplo_letter(lower);
    std::int64_t failures = 0;
    if (m == 0) return failures;

    T best(0), unused(0);
    R best_real(0), none(0);
    int best_integer = 0;
    blas::hegvd(uplo, order, &unused, &unused, &none, &best, -1, &best_real, -1, &best_integer, -1);
    const int size = work_size(best), real_size = work_size(best_real);
    const ColumnMajor<T> x(m, m), y(m, m);
    const Array<T> work(size);
    const Array<R> w(m), rwork(real_size);
    const Array<int> iwork(best_integer);
    for_each_in_batch<4>(
        batch_shape(a), {&a.strides, &b.strides, &values.strides, &vectors.strides},
        [&](const auto& offsets) {
          x.set(a, offsets[0]);
          y.set(b, offsets[1]);
          const bool found =
              x.is_finite() && y.is_finite() &&
              blas::hegvd(uplo, order, x.data(), y.data(), w.data(), work.data(), size,
                          rwork.data(), real_size, iwork.data(), best_integer) == 0;
          if (!found) {
            ++failures;
            x.fill(kNaN<T>);
            std::fill_n(w.data(), m, kNaN<R>);
          }
          copy_vector(m, w, vector_at<R>(values, offsets[2]));
          x.get(vectors, offsets[3]);
        });
    return failures;
  });
}

}  // namespace gemmule::kernels
