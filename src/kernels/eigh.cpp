#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "kernels/lapack.h"
#include "kernels/lapack_batch.h"
#include "kernels/scratch.h"

namespace gemmule::kernels {
namespace {

template <class T>
bool is_finite(T x) {
  return std::isfinite(std::real(x)) && std::isfinite(std::imag(x));
}

// The memory of syevr and heevr for matrices of m rows, and the call.
template <class T>
class Solver {
 public:
  using R = blas::Real<T>;

  Solver(std::int64_t m, bool lower, bool wants_vectors)
      : n_(static_cast<int>(m)),
        jobz_(wants_vectors ? 'V' : 'N'),
        uplo_(uplo_letter(lower)),
        sizes_(query()),
        matrix_(sizeof(T) * static_cast<std::size_t>(m * m)),
        vectors_(sizeof(T) * static_cast<std::size_t>(wants_vectors ? m * m : 1)),
        values_(sizeof(R) * static_cast<std::size_t>(m)),
        support_(sizeof(int) * static_cast<std::size_t>(2 * m)),
        work_(sizeof(T) * static_cast<std::size_t>(sizes_.work)),
        rwork_(sizeof(R) * static_cast<std::size_t>(sizes_.rwork)),
        iwork_(sizeof(int) * static_cast<std::size_t>(sizes_.iwork)) {}

  // The matrix to be decomposed, then overwritten.
  Strided<T> matrix() const { return {matrix_.template as<T>(), 1, n_}; }
  const R* values() const { return values_.template as<R>(); }
  Strided<T> vectors() const { return {vectors_.template as<T>(), 1, n_}; }

  bool run() const {
    return blas::heevr(jobz_, uplo_, n_, matrix_.template as<T>(), n_, values_.template as<R>(),
                       vectors_.template as<T>(), n_, support_.template as<int>(),
                       work_.template as<T>(), sizes_.work, rwork_.template as<R>(), sizes_.rwork,
                       iwork_.template as<int>(), sizes_.iwork) == 0;
  }

 private:
  struct Sizes {
    int work, rwork, iwork;
  };
  Sizes query() const {
    T work(0), matrix(0), vectors(0);
    R rwork(0), values(0);
    int iwork = 0, support = 0;
    blas::heevr(jobz_, uplo_, n_, &matrix, n_, &values, &vectors, n_, &support, &work, -1, &rwork,
                -1, &iwork, -1);
    return {std::max(1, static_cast<int>(std::real(work))), std::max(1, static_cast<int>(rwork)),
            std::max(1, iwork)};
  }

  int n_;
  char jobz_, uplo_;
  Sizes sizes_;
  Scratch matrix_, vectors_, values_, support_, work_, rwork_, iwork_;
};

}  // namespace

std::int64_t eigh(const ConstView& a, bool lower, const View& values, const View& vectors) {
  return visit_lapack("eigh", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    using R = blas::Real<T>;
    const std::int64_t m = check_square("eigh", a);
    const bool wants_vectors = vectors.data != nullptr;
    check_operand("eigh", "the eigenvalues", values, real_part(a.dtype), a, {m});
    if (wants_vectors) check_operand("eigh", "the eigenvectors", vectors, a.dtype, a, {m, m});
    std::int64_t failures = 0;
    if (m == 0) return failures;

    const Solver<T> solver(m, lower, wants_vectors);
    const Extents& vector_strides = wants_vectors ? vectors.strides : a.strides;
    for_each_in_batch<3>(batch_shape(a), {&a.strides, &values.strides, &vector_strides},
                         [&](const auto& offsets) {
                           const auto in = matrix_at<T>(a, offsets[0]);
                           bool finite = true;
                           for_each_in_triangle(m, lower, [&](auto i, auto j) {
                             finite = finite && is_finite(in(i, j));
                             solver.matrix()(i, j) = in(i, j);
                           });
                           const bool found = finite && solver.run();
                           failures += !found;
                           const std::int64_t stride = values.strides.back();
                           R* w = static_cast<R*>(values.data) + offsets[1];
                           for (std::int64_t i = 0; i < m; ++i) {
                             w[i * stride] = found ? solver.values()[i] : kNaN<R>;
                           }
                           if (!wants_vectors) return;
                           const auto v = matrix_at<T>(vectors, offsets[2]);
                           if (found) {
                             copy_matrix(m, m, solver.vectors(), v);
                           } else {
                             fill_matrix(m, m, v, kNaN<T>);
                           }
                         });
    return failures;
  });
}

}  // namespace gemmule::kernels
