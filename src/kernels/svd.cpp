#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <type_traits>

#include "kernels/column_major.h"
#include "kernels/decompositions.h"
#include "kernels/lapack.h"
#include "kernels/lapack_routines.h"

namespace gemmule::kernels {
namespace {

// The memory of gesdd for matrices of one shape, and the call.
template <class T>
class SingularValues {
 public:
  using R = blas::Real<T>;
  enum class Job : char { all = 'A', thin = 'S', none = 'N' };

  SingularValues(int m, int n, Job job)
      : m_(m),
        n_(n),
        job_(job),
        size_(query()),
        a(m, n),
        u(m, job == Job::all    ? m
             : job == Job::thin ? std::min(m, n)
                                : 0),
        vh(job == Job::all    ? n
           : job == Job::thin ? std::min(m, n)
                              : 0,
           n),
        s(std::min(m, n)),
        work_(size_),
        rwork_(rwork_size()),
        iwork_(8 * static_cast<std::int64_t>(std::min(m, n))) {}

  // Decomposes `a`, which is overwritten. False, with NaN everywhere, for what has no result.
  bool run() const {
    const int k = std::min(m_, n_);
    if (k == 0) {
      u.fill_identity();
      vh.fill_identity();
      return true;
    }
    const bool found =
        a.is_finite() &&
        blas::gesdd(static_cast<char>(job_), m_, n_, a.data(), s.data(), u.data(), m_, vh.data(),
                    vh_rows(), work_.data(), size_, rwork_.data(), iwork_.data()) == 0;
    if (!found) {
      u.fill(kNaN<T>);
      vh.fill(kNaN<T>);
      std::fill_n(s.data(), k, kNaN<R>);
    }
    return found;
  }

 private:
  int m_, n_;
  Job job_;
  int size_;

 public:
  const ColumnMajor<T> a, u, vh;
  const Array<R> s;

 private:
  int vh_rows() const { return job_ == Job::all ? n_ : std::max(1, std::min(m_, n_)); }
  int query() const {
    T best(0), unused(0);
    R none(0);
    int iwork = 0;
    if (std::min(m_, n_) == 0) return 1;
    blas::gesdd(static_cast<char>(job_), m_, n_, &unused, &none, &unused, m_, &unused, vh_rows(),
                &best, -1, &none, &iwork);
    return work_size(best);
  }
  // LAPACK's documentation of cgesdd.
  std::int64_t rwork_size() const {
    const std::int64_t least = std::min(m_, n_), most = std::max(m_, n_);
    if (std::is_floating_point_v<T>) return 1;
    if (job_ == Job::none) return 7 * least;
    return least * std::max(5 * least + 7, 2 * most + 2 * least + 1);
  }

  const Array<T> work_;
  const Array<R> rwork_;
  const Array<int> iwork_;
};

// NumPy's default `rcond` of pinv.
constexpr double kPinvCutoff = 1e-15;

double conjugate(double x) { return x; }
float conjugate(float x) { return x; }
template <class R>
std::complex<R> conjugate(std::complex<R> x) {
  return std::conj(x);
}

// 1 / s where s is beyond the cutoff, else 0, in place. As in NumPy a NaN stays one in `largest`
// only: what does not compare as larger counts as 0.
template <class R>
void invert_singular_values(std::int64_t k, R* s) {
  const R cutoff = R(kPinvCutoff) * (k > 0 ? *std::max_element(s, s + k) : R(0));
  for (std::int64_t i = 0; i < k; ++i) s[i] = s[i] > cutoff ? 1 / s[i] : R(0);
}

}  // namespace

std::int64_t svd(const ConstView& a, const View& u, const View& s, const View& vh) {
  return visit_lapack("svd", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    using R = blas::Real<T>;
    using Job = typename SingularValues<T>::Job;
    const int m = blas_int("svd", rows_of(a)), n = blas_int("svd", columns_of(a));
    const bool vectors = wanted(u);
    const Job job = !vectors                                                        ? Job::none
                    : columns_of(u) == m && columns_of(vh) == n && rows_of(vh) == n ? Job::all
                                                                                    : Job::thin;
    const SingularValues<T> found(m, n, job);
    std::int64_t failures = 0;
    for_each_in_batch<4>(batch_shape(a),
                         {&a.strides, vectors ? &u.strides : &a.strides, &s.strides,
                          vectors ? &vh.strides : &a.strides},
                         [&](const auto& offsets) {
                           found.a.set(a, offsets[0]);
                           failures += !found.run();
                           copy_vector(std::min(m, n), found.s, vector_at<R>(s, offsets[2]));
                           if (!vectors) return;
                           found.u.get(u, offsets[1]);
                           found.vh.get(vh, offsets[3]);
                         });
    return failures;
  });
}

namespace {

// A^+ = V diag(1 / s) U^H
template <class T>
std::int64_t pinv_of_any(const ConstView& a, const View& out) {
  using R = blas::Real<T>;
  const int m = blas_int("pinv", rows_of(a)), n = blas_int("pinv", columns_of(a));
  const int k = std::min(m, n);
  const SingularValues<T> found(m, n, SingularValues<T>::Job::thin);
  const ColumnMajor<T> result(n, m);
  std::int64_t failures = 0;
  for_each_in_batch<2>(batch_shape(a), {&a.strides, &out.strides}, [&](const auto& offsets) {
    found.a.set(a, offsets[0]);
    if (found.run()) {
      invert_singular_values<R>(k, found.s.data());
      for (int j = 0; j < k; ++j) {
        for (int i = 0; i < m; ++i) found.u(i, j) = found.s[j] * conjugate(found.u(i, j));
      }
      // result = (V^H)^H (U diag)^T: V^H is conjugated here, BLAS transposes.
      for (int j = 0; j < n; ++j) {
        for (int i = 0; i < k; ++i) found.vh(i, j) = conjugate(found.vh(i, j));
      }
      result.fill(T(0));
      if (k > 0) {
        blas::gemm(CblasColMajor, CblasTrans, CblasTrans, n, m, k, T(1), found.vh.data(), k,
                   found.u.data(), m, T(0), result.data(), n);
      }
    } else {
      ++failures;
      result.fill(kNaN<T>);
    }
    result.get(out, offsets[1]);
  });
  return failures;
}

// A^+ = V diag(1 / w) V^H
template <class T>
void pinv_of_hermitian(const ConstView& a, const View& out) {
  using R = blas::Real<T>;
  const std::int64_t m = check_square("pinv", a);
  if (m == 0) return;
  const int order = static_cast<int>(m);
  const Array<R> w(m), size(m);
  const ColumnMajor<T> v(m, m), scaled(m, m), result(m, m);
  const View values{w.data(), real_part(a.dtype), {m}, {1}};
  const View vectors{v.data(), a.dtype, {m, m}, {1, m}};
  for_each_in_batch<2>(batch_shape(a), {&a.strides, &out.strides}, [&](const auto& offsets) {
    const auto in = matrix_at<T>(a, offsets[0]);
    const ConstView matrix{in.data, a.dtype, {m, m}, {in.row_stride, in.col_stride}};
    if (eigh(matrix, true, values, vectors) == 0) {
      for (std::int64_t j = 0; j < m; ++j) size[j] = std::abs(w[j]);
      invert_singular_values<R>(m, size.data());
      for (std::int64_t j = 0; j < m; ++j) {
        const R scale = std::copysign(size[j], w[j]);
        for (std::int64_t i = 0; i < m; ++i) scaled(i, j) = scale * v(i, j);
      }
      blas::gemm(CblasColMajor, CblasNoTrans, CblasConjTrans, order, order, order, T(1),
                 scaled.data(), order, v.data(), order, T(0), result.data(), order);
    } else {
      result.fill(kNaN<T>);
    }
    result.get(out, offsets[1]);
  });
}

}  // namespace

std::int64_t pinv(const ConstView& a, const View& out, bool hermitian) {
  return visit_lapack("pinv", a.dtype, [&](auto zero) -> std::int64_t {
    using T = decltype(zero);
    if (!hermitian) return pinv_of_any<T>(a, out);
    pinv_of_hermitian<T>(a, out);
    return 0;
  });
}

std::int64_t lstsq(const ConstView& a, const ConstView& b, const ConstView& rcond,
                   const LeastSquares& results) {
  return visit_lapack("lstsq", a.dtype, [&](auto zero) -> std::int64_t {
    using T = decltype(zero);
    using R = blas::Real<T>;
    const int m = blas_int("lstsq", rows_of(a)), n = blas_int("lstsq", columns_of(a));
    const int columns = blas_int("lstsq", columns_of(b)), most = std::max(m, n);
    const int k = std::min(m, n);
    const ColumnMajor<T> matrix(m, n), x(most, columns);
    const Array<R> s(k);
    auto& rank = *static_cast<std::int32_t*>(results.rank.data);
    auto& count = *static_cast<std::int64_t*>(results.count.data);
    const auto residuals = vector_at<R>(results.residuals, 0);
    rank = 0;
    matrix.set(a, 0);
    x.fill(T(0));
    copy_matrix(m, columns, matrix_at<T>(b, 0), Strided<T>{x.data(), 1, most});
    bool found = true;
    if (k > 0) {
      T best(0), unused(0);
      R rwork_size(0), none(0);
      int iwork_size = 0, right = std::max(1, columns);
      const R cutoff = *static_cast<const R*>(rcond.data);
      blas::gelsd(m, n, right, &unused, &unused, &none, cutoff, &rank, &best, -1, &rwork_size,
                  &iwork_size);
      const Array<T> work(work_size(best));
      const Array<R> rwork(work_size(rwork_size));
      const Array<int> iwork(iwork_size);
      const ColumnMajor<T> one_column(most, 1);  // gelsd wants a right-hand side
      one_column.fill(T(0));
      found = matrix.is_finite() && x.is_finite() &&
              blas::gelsd(m, n, right, matrix.data(), columns > 0 ? x.data() : one_column.data(),
                          s.data(), cutoff, &rank, work.data(), work_size(best), rwork.data(),
                          iwork.data()) == 0;
    }
    count = found && rank == n && m > n ? columns : 0;
    for (int j = 0; j < columns; ++j) {
      // |A x - b|^2 is in the rows behind x.
      R sum(0);
      for (int i = n; i < m; ++i) sum += static_cast<R>(std::norm(x(i, j)));
      residuals[j] = found ? sum : kNaN<R>;
    }
    if (!found) {
      x.fill(kNaN<T>);
      std::fill_n(s.data(), k, kNaN<R>);
      rank = 0;
    }
    copy_matrix(n, columns, Strided<const T>{x.data(), 1, most}, matrix_at<T>(results.x, 0));
    copy_vector(k, s, vector_at<R>(results.s, 0));
    return !found;
  });
}

}  // namespace gemmule::kernels
