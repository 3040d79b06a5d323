// Bessel functions of the first kind, inverses of incomplete gamma and beta functions, and others
// that Boost.Math has, with SciPy's values at the edges.
#include "kernels/boost_policy.h"  // before Boost

#include <boost/math/special_functions/bessel.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/owens_t.hpp>
#include <boost/math/special_functions/polygamma.hpp>
#include <cmath>
#include <limits>
#include <numbers>

#include "kernels/special_functions.h"

namespace gemmule::kernels::special {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Boost gives the smallest normal number where the result underflows.
double or_zero(double x) { return x > std::numeric_limits<double>::min() ? x : x >= 0 ? 0 : x; }

// The normal quantile of p <= 1/2.
double lower_quantile(double p) {
  return -std::numbers::sqrt2 * boost::math::erfc_inv(2 * p, Policy());
}

}  // namespace

double j0(double x) { return std::isfinite(x) ? boost::math::cyl_bessel_j(0, x, Policy()) : kNaN; }

double j1(double x) {
  if (!std::isfinite(x)) return kNaN;
  if (std::abs(x) < 1e-8) return x / 2;
  return boost::math::cyl_bessel_j(1, x, Policy());
}

double jv(double v, double x) {
  if (!std::isfinite(x) || std::isnan(v)) return kNaN;
  const bool whole = v == std::floor(v);
  if (x == 0) return v == 0 ? 1 : v > 0 || whole ? 0 : kInfinity;
  if (x < 0 && !whole) return kNaN;
  if (std::isinf(v)) return x > 0 ? 0 : kNaN;
  // J_{-n} = (-1)^n J_n (DLMF 10.4.1), J_n(-x) = (-1)^n J_n(x)
  double sign = 1;
  if (whole && (v < 0) != (x < 0) && std::fmod(v, 2) != 0) sign = -1;
  if (whole) v = std::abs(v), x = std::abs(x);
  return sign * boost::math::cyl_bessel_j(v, x, Policy());
}

double polygamma(double n, double x) {
  if (!(n >= 0) || std::isnan(x)) return kNaN;
  if (n == 0) return digamma(x);
  if (n == 1) return trigamma(x);
  const bool even = std::fmod(n, 2) == 0;
  const double sign = even ? -1 : 1;
  if (x <= 0 && x == std::floor(x)) return sign * kInfinity;  // the poles, and -inf
  // Overflow: the sign is that of n! (-1 / (x - pole))^(n + 1) with the nearest pole.
  const double overflow = x < 0 && x < std::rint(x) && even ? kInfinity : sign * kInfinity;
  // n! alone overflows: SciPy's infinity, whatever it is a factor of.
  if (n > 170) return std::pow(std::abs(x), -n - 1) > 0 ? overflow : kNaN;
  if (std::isinf(x)) return sign * 0.0;
  const double value = boost::math::polygamma(static_cast<int>(n), x, Policy());
  return std::isinf(value) ? overflow : value;  // Boost's infinity has no sign
}

double gammaincinv(double a, double p) {
  if (std::isnan(a) || !(p >= 0 && p <= 1) || a < 0) return kNaN;
  if (p == 0) return 0;
  if (p == 1) return kInfinity;
  if (a == 0 || std::isinf(a)) return kNaN;
  return or_zero(boost::math::gamma_p_inv(a, p, Policy()));
}

double gammainccinv(double a, double q) {
  if (std::isnan(a) || !(q >= 0 && q <= 1) || a < 0) return kNaN;
  if (q == 0) return kInfinity;
  if (q == 1) return 0;
  if (a == 0 || std::isinf(a)) return kNaN;
  return or_zero(boost::math::gamma_q_inv(a, q, Policy()));
}

double betaincinv(double a, double b, double p) {
  if (!(a > 0 && b > 0 && p >= 0 && p <= 1)) return kNaN;
  if (p == 0 || p == 1) return p;
  // I_x(a, 1) = x^a, I_x(1, b) = 1 - (1 - x)^b
  if (b == 1) return std::pow(p, 1 / a);
  if (a == 1) return -std::expm1(std::log1p(-p) / b);
  if (std::isinf(a) || std::isinf(b)) return kNaN;
  // I_x(a, b) ~ x^a / (a B(a, b)) for small x, with a B(a, b) = gamma(1 + a) gamma(b) / gamma(a +
  // b)
  const double ratio = boost::math::tgamma_delta_ratio(b, a, Policy());
  const double log_ratio = ratio > 0 ? std::log(ratio) : gammaln(b) - gammaln(a + b);
  const double small = std::exp((std::log(p) + gammaln(1 + a) + log_ratio) / a);
  if (small * (1 + b) < 1e-17) return or_zero(small);
  return or_zero(boost::math::ibeta_inv(a, b, p, Policy()));
}

double owens_t(double h, double a) {
  if (std::isnan(h) || std::isnan(a)) return kNaN;
  if (a == 0) return 0;
  h = std::abs(h);
  if (std::isinf(h)) return std::copysign(0.0, a);
  if (h == 0) return std::atan(a) / (2 * std::numbers::pi);
  // T(h, inf) = P(X > h) / 2 for a normal X
  if (std::isinf(a)) return std::copysign(std::erfc(h / std::numbers::sqrt2) / 4, a);
  return boost::math::owens_t(h, a, Policy());
}

double ndtri_exp(double x) {
  if (std::isnan(x) || x > 0) return kNaN;
  if (x == 0) return kInfinity;
  if (std::isinf(x)) return x;
  if (x > -std::numbers::ln2) return -lower_quantile(-std::expm1(x));
  if (x > -50) return lower_quantile(std::exp(x));
  // Newton on log Phi(z) = x, with Phi(z) = erfcx(-z / sqrt(2)) exp(-z^2 / 2) / 2. The first guess
  // is the leading term of log Phi(z) ~ -z^2 / 2 - log(-z sqrt(2 pi)).
  double z = -std::sqrt(-2 * x);
  z = -std::sqrt(-2 * (x + std::log(-z) + 0.5 * std::log(2 * std::numbers::pi)));
  for (int step = 0; step < 4; ++step) {
    const double scaled = erfcx(-z / std::numbers::sqrt2);
    const double error = std::log(scaled / 2) + (-x - z * z / 2);
    z -= error * scaled * std::sqrt(std::numbers::pi / 2);
  }
  return z;
}

}  // namespace gemmule::kernels::special
