// gammaln, digamma and trigamma are in gamma_functions.cpp.
#include "kernels/special_functions.h"

#include "kernels/boost_policy.h"  // before Boost

#include <array>
#include <boost/math/special_functions/bessel.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>
#include <numbers>

namespace gemmule::kernels::special {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// exp(x^2), the rounding error of the square included.
double exp_square(double x) {
  const double square = x * x, error = std::fma(x, x, -square);
  const double e = std::exp(square);
  return std::isinf(e) ? e : e + e * error;
}

// Scaled Bessel functions for large x or large order. With the argument x = v z:
//   I_v(x) exp(-x) ~ exp(v eta - x) / sqrt(2 pi v s) sum_k  u_k(p) / v^k,
//   K_v(x) exp(x)  ~ exp(x - v eta) sqrt(pi / (2 v s)) sum_k (-1)^k u_k(p) / v^k,
//   s = sqrt(1 + z^2), p = 1 / s, eta = s + log(z / (1 + s))       (DLMF 10.41.3, 10.41.4)
// with polynomials u_k from the recurrence DLMF 10.41.9.
constexpr int kDebyeTerms = 11;
constexpr int kDebyeDegree = 3 * (kDebyeTerms - 1);
using DebyeTable = std::array<std::array<double, kDebyeDegree + 1>, kDebyeTerms>;

constexpr DebyeTable debye_polynomials() {
  DebyeTable u{};
  u[0][0] = 1;
  for (int k = 0; k + 1 < kDebyeTerms; ++k) {
    // u_{k+1}(p) = p^2 (1 - p^2) u_k'(p) / 2 + (1/8) integral from 0 to p of (1 - 5 t^2) u_k(t) dt
    for (int i = 0; i <= 3 * k; ++i) {
      const double c = u[k][i];
      u[k + 1][i + 1] += c * (i / 2.0 + 1 / (8.0 * (i + 1)));
      u[k + 1][i + 3] -= c * (i / 2.0 + 5 / (8.0 * (i + 3)));
    }
  }
  return u;
}
constexpr DebyeTable kDebye = debye_polynomials();

double debye_sum(double v, double p, double sign) {
  double sum = 0, scale = 1;
  for (int k = 0; k < kDebyeTerms; ++k, scale *= sign / v) {
    double term = 0;
    for (int i = 3 * k; i >= 0; --i) term = term * p + kDebye[k][i];
    sum += scale * term;
  }
  return sum;
}

// v eta - x, without the cancellation between s and z where x is large.
double debye_exponent(double v, double x) {
  const double z = x / v, s = std::hypot(1.0, z);
  return v * (1 / (s + z) - std::asinh(1 / z));
}

// sum_k sign^k a_k(v) / x^k, Hankel's expansion (DLMF 10.40.1, 10.40.2), up to its smallest term.
double hankel_sum(double v, double x, double sign) {
  const double mu = 4 * v * v;
  double sum = 1, term = 1;
  for (int k = 1; k < 60; ++k) {
    const double odd = 2 * k - 1;
    const double next = term * sign * (mu - odd * odd) / (8 * k * x);
    if (std::abs(next) >= std::abs(term) && k > v) break;
    sum += term = next;
    if (std::abs(term) < 1e-17 * std::abs(sum)) break;
  }
  return sum;
}

bool use_debye(double v, double x) { return v >= 40 && v * v > x; }
bool use_hankel(double x) { return x > 600; }  // asked second: v < 40 or v^2 <= x

// I_v(x) exp(-x) for v >= 0, x > 0.
double scaled_i(double v, double x) {
  if (std::isinf(x)) return 0;
  if (use_debye(v, x)) {
    const double s = std::hypot(1.0, x / v);
    return std::exp(debye_exponent(v, x)) / std::sqrt(2 * std::numbers::pi * v * s) *
           debye_sum(v, 1 / s, 1);
  }
  if (use_hankel(x)) return hankel_sum(v, x, -1) / std::sqrt(2 * std::numbers::pi * x);
  return boost::math::cyl_bessel_i(v, x, Policy()) * std::exp(-x);
}

// K_v(x) exp(x) for v >= 0, x > 0.
double scaled_k(double v, double x) {
  if (std::isinf(x)) return 0;
  if (use_debye(v, x)) {
    const double s = std::hypot(1.0, x / v);
    return std::exp(-debye_exponent(v, x)) * std::sqrt(std::numbers::pi / (2 * v * s)) *
           debye_sum(v, 1 / s, -1);
  }
  if (use_hankel(x)) return hankel_sum(v, x, 1) * std::sqrt(std::numbers::pi / (2 * x));
  return boost::math::cyl_bessel_k(v, x, Policy()) * std::exp(x);
}

}  // namespace

double erfcx(double x) {
  if (std::isnan(x)) return x;
  if (x < 10) return exp_square(x) * std::erfc(x);
  // Continued fraction K(k/2; x) (DLMF 7.9.1), from the back; 12 terms suffice from 10 on.
  double tail = x;
  for (int k = 12; k >= 1; --k) tail = x + 0.5 * k / tail;
  return std::numbers::inv_sqrtpi / tail;
}

double erfinv(double x) {
  if (!(std::abs(x) < 1)) return std::abs(x) == 1 ? std::copysign(kInfinity, x) : kNaN;
  if (std::abs(x) < 1e-8) return x / (2 * std::numbers::inv_sqrtpi);
  return boost::math::erf_inv(x, Policy());
}

double erfcinv(double x) {
  if (!(x > 0 && x < 2)) return x == 0 ? kInfinity : x == 2 ? -kInfinity : kNaN;
  return boost::math::erfc_inv(x, Policy());
}

double gamma(double x) {
  if (x < 0 && x == std::floor(x)) return kNaN;  // poles without a sign, and -inf
  return std::tgamma(x);
}

double gammainc(double a, double x) {
  if (std::isnan(a) || std::isnan(x) || a < 0 || x < 0) return kNaN;
  if (a == 0) return x > 0 ? 1 : kNaN;
  if (x == 0) return 0;
  if (std::isinf(a)) return std::isinf(x) ? kNaN : 0;
  if (std::isinf(x)) return 1;
  return boost::math::gamma_p(a, x, Policy());
}

double gammaincc(double a, double x) {
  if (std::isnan(a) || std::isnan(x) || a < 0 || x < 0) return kNaN;
  if (a == 0) return x > 0 ? 0 : kNaN;
  if (x == 0) return 1;
  if (std::isinf(a)) return std::isinf(x) ? kNaN : 1;
  if (std::isinf(x)) return 0;
  return boost::math::gamma_q(a, x, Policy());
}

double betainc(double a, double b, double x) {
  if (std::isnan(a) || std::isnan(b) || !(x >= 0 && x <= 1) || a < 0 || b < 0) return kNaN;
  const bool all_at_one = b == 0 || std::isinf(a), all_at_zero = a == 0 || std::isinf(b);
  if (all_at_one && all_at_zero) return kNaN;
  if (x == 0) return 0;
  if (x == 1) return 1;
  if (all_at_one) return 0;
  if (all_at_zero) return 1;
  return boost::math::ibeta(a, b, x, Policy());
}

double i0(double x) { return std::isinf(x) ? kNaN : boost::math::cyl_bessel_i(0, x, Policy()); }

double i1(double x) {
  if (std::isinf(x)) return kNaN;
  if (std::abs(x) < 1e-8) return x / 2;
  return boost::math::cyl_bessel_i(1, x, Policy());
}

double ive(double v, double x) {
  if (std::isnan(v) || std::isnan(x) || std::isinf(v)) return kNaN;
  const bool whole = v == std::floor(v);
  if (x < 0) {
    if (!whole) return kNaN;
    return std::fmod(v, 2) != 0 ? -ive(v, -x) : ive(v, -x);
  }
  if (whole) v = std::abs(v);
  if (x == 0) return v == 0 ? 1 : v > 0 ? 0 : kNaN;
  if (v >= 0) return scaled_i(v, x);
  // I_{-v} = I_v + (2 / pi) sin(pi v) K_v (DLMF 10.27.2)
  const double sine = std::sin(std::numbers::pi * std::fmod(-v, 2));
  return scaled_i(-v, x) + 2 / std::numbers::pi * sine * scaled_k(-v, x) * std::exp(-2 * x);
}

double kve(double v, double x) {
  if (x == 0) return kInfinity;
  if (std::isnan(v) || std::isnan(x) || std::isinf(v) || x < 0) return kNaN;
  return scaled_k(std::abs(v), x);
}

}  // namespace gemmule::kernels::special
