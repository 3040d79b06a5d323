#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "kernels/column_major.h"
#include "kernels/decompositions.h"
#include "kernels/lapack_routines.h"

namespace gemmule::kernels {
namespace {

// What comes first, asked of an eigenvalue of gees.
template <class R>
bool comes_first(EigenvalueOrder order, std::complex<R> z) {
  switch (order) {
    case EigenvalueOrder::lhp:
      return z.real() < 0;
    case EigenvalueOrder::rhp:
      return z.real() >= 0;
    case EigenvalueOrder::iuc:
      return std::abs(z) <= 1;
    case EigenvalueOrder::ouc:
      return std::abs(z) > 1;
    case EigenvalueOrder::none:
      break;
  }
  return false;
}

// The same of a quotient of gges, as SciPy's ordqz asks: 0 / 0 never comes first, what is infinite
// is outside of the unit circle.
template <class R>
bool comes_first(EigenvalueOrder order, std::complex<R> alpha, std::complex<R> beta) {
  if (beta == std::complex<R>(0)) {
    return order == EigenvalueOrder::ouc && alpha != std::complex<R>(0);
  }
  const std::complex<R> z = alpha / beta;
  switch (order) {
    case EigenvalueOrder::rhp:
      return z.real() > 0;
    case EigenvalueOrder::iuc:
      return std::abs(z) < 1;
    default:
      return comes_first(order, z);
  }
}

// LAPACK's `select` has no argument for the order.
template <class T, EigenvalueOrder order>
struct Select {
  using R = blas::Real<T>;
  static int of_real(const R* re, const R* im) {
    return comes_first(order, std::complex<R>(*re, *im));
  }
  static int of_complex(const std::complex<R>* z) { return comes_first(order, *z); }
  static void (*function())() {
    if constexpr (std::is_floating_point_v<T>) {
      return reinterpret_cast<void (*)()>(&of_real);
    } else {
      return reinterpret_cast<void (*)()>(&of_complex);
    }
  }
};
template <class T>
void (*select_function(EigenvalueOrder order))() {
  switch (order) {
    case EigenvalueOrder::lhp:
      return Select<T, EigenvalueOrder::lhp>::function();
    case EigenvalueOrder::rhp:
      return Select<T, EigenvalueOrder::rhp>::function();
    case EigenvalueOrder::iuc:
      return Select<T, EigenvalueOrder::iuc>::function();
    case EigenvalueOrder::ouc:
      return Select<T, EigenvalueOrder::ouc>::function();
    case EigenvalueOrder::none:
      break;
  }
  return nullptr;
}

}  // namespace

EigenvalueOrder parse_eigenvalue_order(std::string_view name) {
  if (name.empty()) return EigenvalueOrder::none;
  if (name == "lhp") return EigenvalueOrder::lhp;
  if (name == "rhp") return EigenvalueOrder::rhp;
  if (name == "iuc") return EigenvalueOrder::iuc;
  if (name == "ouc") return EigenvalueOrder::ouc;
  throw std::invalid_argument("unknown order of eigenvalues \"" + std::string(name) + "\"");
}

std::int64_t schur(const ConstView& a, const View& t, const View& z, EigenvalueOrder order) {
  return visit_lapack("schur", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    using R = blas::Real<T>;
    const std::int64_t m = check_square("schur", a);
    const int n = static_cast<int>(m);
    std::int64_t failures = 0;
    if (m == 0) return failures;

    const auto select = select_function<T>(order);
    T best(0), unused(0);
    R none(0);
    int flag = 0;
    blas::gees(select, n, &unused, &unused, &none, &unused, &best, -1, &none, &flag);
    const int size = work_size(best);
    const ColumnMajor<T> x(m, m), vectors(m, m);
    const Array<T> w(m), work(size);
    const Array<R> wi(m), rwork(m);
    const Array<int> bwork(m);
    for_each_in_batch<3>(
        batch_shape(a), {&a.strides, &t.strides, &z.strides}, [&](const auto& offsets) {
          x.set(a, offsets[0]);
          if (!x.is_finite() || blas::gees(select, n, x.data(), w.data(), wi.data(), vectors.data(),
                                           work.data(), size, rwork.data(), bwork.data()) != 0) {
            ++failures;
            x.fill(kNaN<T>);
            vectors.fill(kNaN<T>);
          }
          x.get(t, offsets[1]);
          vectors.get(z, offsets[2]);
        });
    return failures;
  });
}

std::int64_t qz(const ConstView& a, const ConstView& b, const QzResults& results,
                EigenvalueOrder order) {
  return visit_lapack("qz", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    using R = blas::Real<T>;
    using C = std::complex<R>;
    const std::int64_t m = check_square("qz", a);
    const int n = static_cast<int>(m);
    std::int64_t failures = 0;
    if (m == 0) return failures;

    T best(0), unused(0);
    R none(0);
    int flag = 0;
    blas::gges(n, &unused, &unused, &unused, &none, &unused, &unused, &unused, &best, -1, &none,
               &flag);
    const int size = std::max(work_size(best), 4 * n + 16);
    const ColumnMajor<T> s(m, m), t(m, m), q(m, m), z(m, m);
    const Array<T> alpha(m), beta(m), work(size);
    const Array<R> alphai(m), rwork(8 * m);
    const Array<int> select(m);
    const auto alpha_at = [&](std::int64_t i) {
      if constexpr (std::is_floating_point_v<T>) {
        return C(alpha[i], alphai[i]);
      } else {
        return alpha[i];
      }
    };
    const auto decompose = [&] {
      if (!s.is_finite() || !t.is_finite()) return false;
      if (blas::gges(n, s.data(), t.data(), alpha.data(), alphai.data(), beta.data(), q.data(),
                     z.data(), work.data(), size, rwork.data(), select.data()) != 0) {
        return false;
      }
      if (order == EigenvalueOrder::none) return true;
      for (std::int64_t i = 0; i < m; ++i) {
        select[i] = comes_first(order, alpha_at(i), C(beta[i]));
      }
      return blas::tgsen(select.data(), n, s.data(), t.data(), alpha.data(), alphai.data(),
                         beta.data(), q.data(), z.data(), work.data(), size) == 0;
    };
    for_each_in_batch<8>(
        batch_shape(a),
        {&a.strides, &b.strides, &results.s.strides, &results.t.strides, &results.alpha.strides,
         &results.beta.strides, &results.q.strides, &results.z.strides},
        [&](const auto& offsets) {
          s.set(a, offsets[0]);
          t.set(b, offsets[1]);
          const auto quotient = vector_at<C>(results.alpha, offsets[4]);
          if (decompose()) {
            for (std::int64_t i = 0; i < m; ++i) quotient[i] = alpha_at(i);
          } else {
            ++failures;
            for (const ColumnMajor<T>* matrix : {&s, &t, &q, &z}) matrix->fill(kNaN<T>);
            fill_vector(m, quotient, kNaN<C>);
            std::fill_n(beta.data(), m, kNaN<T>);
          }
          s.get(results.s, offsets[2]);
          t.get(results.t, offsets[3]);
          copy_vector(m, beta, vector_at<T>(results.beta, offsets[5]));
          q.get(results.q, offsets[6]);
          z.get(results.z, offsets[7]);
        });
    return failures;
  });
}

void sylvester(const ConstView& a, const ConstView& b, const ConstView& c, const View& out) {
  visit_lapack("sylvester", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    const int m = static_cast<int>(check_square("sylvester", a));
    const int n = static_cast<int>(check_square("sylvester", b));
    if (m == 0 || n == 0) return;
    const ColumnMajor<T> left(m, m), right(n, n), x(m, n);
    for_each_in_batch<4>(batch_shape(a), {&a.strides, &b.strides, &c.strides, &out.strides},
                         [&](const auto& offsets) {
                           left.set(a, offsets[0]);
                           right.set(b, offsets[1]);
                           x.set(c, offsets[2]);
                           // `scale` is below 1 only where X would overflow; PyTensor multiplies.
                           blas::Real<T> scale(1);
                           blas::trsyl(m, n, left.data(), right.data(), x.data(), &scale);
                           if (scale != 1) {
                             for (int i = 0; i < m * n; ++i) x.data()[i] *= scale;
                           }
                           x.get(out, offsets[3]);
                         });
  });
}

}  // namespace gemmule::kernels
