#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "kernels/column_major.h"
#include "kernels/decompositions.h"

namespace gemmule::kernels {
namespace {

// Scaling and squaring with Pade approximants: A. H. Al-Mohy and N. J. Higham, A New Scaling and
// Squaring Algorithm for the Matrix Exponential, SIAM J. Matrix Anal. Appl. 31 (2009), algorithm
// 5.1, with 1-norms of powers computed, not estimated.
template <class W>
class Exponential {
 public:
  explicit Exponential(int n)
      : n_(n),
        a_(n, n),
        a2_(n, n),
        a4_(n, n),
        a6_(n, n),
        a8_(n, n),
        u_(n, n),
        v_(n, n),
        work_(n, n),
        row_(n),
        next_row_(n),
        pivots_(n) {}

  const ColumnMajor<W>& matrix() const { return a_; }  // to be set before `run`

  const ColumnMajor<W>& run() const {
    if (!a_.is_finite()) {
      v_.fill(W(std::numeric_limits<double>::quiet_NaN()));
      return v_;
    }
    multiply(a_, a_, a2_);
    multiply(a2_, a2_, a4_);
    multiply(a2_, a4_, a6_);
    const double d4 = root(norm(a4_), 4), d6 = root(norm(a6_), 6);
    const double eta = std::max(d4, d6);
    if (eta <= 1.495585217958292e-2 && extra_squarings(3) == 0) return approximant(3);
    if (eta <= 2.539398330063230e-1 && extra_squarings(5) == 0) return approximant(5);
    multiply(a4_, a4_, a8_);
    const double d8 = root(norm(a8_), 8), eta3 = std::max(d6, d8);
    if (eta3 <= 9.504178996162932e-1 && extra_squarings(7) == 0) return approximant(7);
    if (eta3 <= 2.097847961257068 && extra_squarings(9) == 0) return approximant(9);
    multiply(a4_, a6_, work_);
    const double d10 = root(norm(work_), 10);
    const double eta5 = std::min(eta3, std::max(d8, d10));
    constexpr double kTheta13 = 4.25;
    int squarings = eta5 > 0 ? std::max(0, exponent(eta5 / kTheta13)) : 0;
    scale(a_, squarings);
    const int extra = extra_squarings(13);
    scale(a_, extra);
    squarings += extra;
    scale(a2_, 2 * squarings);
    scale(a4_, 4 * squarings);
    scale(a6_, 6 * squarings);
    const ColumnMajor<W>* x = &approximant(13);
    const ColumnMajor<W>* other = &u_;
    for (int i = 0; i < squarings; ++i) {
      multiply(*x, *x, *other);
      std::swap(x, other);
    }
    return *x;
  }

 private:
  // ceil(log2(x)), x > 0
  static int exponent(double x) {
    return static_cast<int>(std::clamp(std::ceil(std::log2(x)), -2000.0, 2000.0));
  }
  static double root(double x, int n) { return std::pow(x, 1.0 / n); }

  void multiply(const ColumnMajor<W>& x, const ColumnMajor<W>& y, const ColumnMajor<W>& out) const {
    blas::gemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n_, n_, n_, W(1), x.data(), n_, y.data(),
               n_, W(0), out.data(), n_);
  }
  std::int64_t count() const { return static_cast<std::int64_t>(n_) * n_; }
  void scale(const ColumnMajor<W>& x, int halvings) const {
    if (halvings == 0) return;
    const double factor = std::ldexp(1.0, -halvings);
    for (std::int64_t i = 0; i < count(); ++i) x.data()[i] *= factor;
  }
  double norm(const ColumnMajor<W>& x) const {
    double largest = 0;
    for (int j = 0; j < n_; ++j) {
      double sum = 0;
      for (int i = 0; i < n_; ++i) sum += std::abs(x(i, j));
      largest = std::max(largest, sum);
    }
    return largest;
  }

  // How many more halvings of A keep the backward error of the approximant below the roundoff:
  // ell of (5.1), from the leading coefficient (m!)^2 / ((2m)! (2m + 1)!) of the error.
  int extra_squarings(int m) const {
    // row = 1^T |A|^(2m + 1), its largest element is the norm.
    std::fill_n(row_.data(), n_, 1.0);
    for (int power = 0; power < 2 * m + 1; ++power) {
      for (int j = 0; j < n_; ++j) {
        double sum = 0;
        for (int i = 0; i < n_; ++i) sum += row_[i] * std::abs(a_(i, j));
        next_row_[j] = sum;
      }
      std::copy_n(next_row_.data(), n_, row_.data());
    }
    const double power_norm = *std::max_element(row_.data(), row_.data() + n_), a_norm = norm(a_);
    if (power_norm == 0 || a_norm == 0) return 0;
    const double log_coefficient =
        2 * std::lgamma(m + 1.0) - std::lgamma(2 * m + 1.0) - std::lgamma(2 * m + 2.0);
    const double log_alpha = log_coefficient + std::log(power_norm) - std::log(a_norm);
    const double log_roundoff = std::log(std::ldexp(1.0, -53));
    if (!std::isfinite(log_alpha)) return 0;
    return std::max(
        0, static_cast<int>(std::ceil((log_alpha - log_roundoff) / (2 * m * std::log(2.0)))));
  }

  // r(A) = (V - U)^-1 (V + U), U the odd and V the even part of the numerator, in v_.
  const ColumnMajor<W>& approximant(int m) const {
    // The coefficients (2m - j)! m! / ((2m)! (m - j)! j!).
    std::array<double, 14> b{1};
    for (int j = 0; j < m; ++j) b[j + 1] = b[j] * (m - j) / ((2.0 * m - j) * (j + 1));

    const std::array<const ColumnMajor<W>*, 4> powers{&a2_, &a4_, &a6_, &a8_};
    const auto sum = [&](const ColumnMajor<W>& out, int first, int last, int shift,
                         double diagonal) {
      // out = diagonal I + sum of b[j] A^(j - shift), j = first, first + 2, ..., last
      out.fill(W(0));
      for (int i = 0; i < n_; ++i) out(i, i) = diagonal;
      for (int j = first; j <= last; j += 2) {
        const W* power = powers[(j - shift) / 2 - 1]->data();
        for (std::int64_t i = 0; i < count(); ++i) out.data()[i] += b[j] * power[i];
      }
    };
    const auto add = [&](const ColumnMajor<W>& to, const ColumnMajor<W>& x) {
      for (std::int64_t i = 0; i < count(); ++i) to.data()[i] += x.data()[i];
    };
    if (m <= 9) {
      sum(work_, 3, m, 1, b[1]);
      sum(v_, 2, m - 1, 0, b[0]);
    } else {  // the powers from 8 on are A^6 times those up to 6; a8_ is free here
      sum(v_, 9, 13, 7, 0);
      multiply(a6_, v_, work_);
      sum(v_, 3, 7, 1, b[1]);
      add(work_, v_);
      sum(u_, 8, 12, 6, 0);
      multiply(a6_, u_, v_);
      sum(u_, 2, 6, 0, b[0]);
      add(v_, u_);
    }
    multiply(a_, work_, u_);
    for (std::int64_t i = 0; i < count(); ++i) {
      const W u = u_.data()[i], v = v_.data()[i];
      work_.data()[i] = v - u;
      v_.data()[i] = v + u;
    }
    blas::getrf(n_, work_.data(), n_, pivots_.data());
    blas::getrs('N', n_, n_, work_.data(), n_, pivots_.data(), v_.data(), n_);
    return v_;
  }

  int n_;
  ColumnMajor<W> a_, a2_, a4_, a6_, a8_, u_, v_, work_;
  Array<double> row_, next_row_;
  Array<int> pivots_;
};

}  // namespace

void expm(const ConstView& a, const View& out) {
  visit_lapack("expm", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    using W = std::conditional_t<std::is_floating_point_v<T>, double, std::complex<double>>;
    const std::int64_t m = check_square("expm", a);
    if (m == 0) return;
    const Exponential<W> exponential(static_cast<int>(m));
    for_each_in_batch<2>(batch_shape(a), {&a.strides, &out.strides}, [&](const auto& offsets) {
      copy_matrix(m, m, matrix_at<T>(a, offsets[0]), exponential.matrix().all());
      copy_matrix(m, m, exponential.run().all(), matrix_at<T>(out, offsets[1]));
    });
  });
}

}  // namespace gemmule::kernels
