// Gauss's hypergeometric function F(a, b; c; z) for real arguments, z <= 1 unless the series ends.
//
//   F(a, b; c; z) = (1 - z)^-a F(a, c - b; c; z / (z - 1))      (DLMF 15.8.1)
//                 = (1 - z)^(c - a - b) F(c - a, c - b; c; z)
// take every argument to [0, 1). Up to 1/2 the power series serves; from there Taylor steps of the
// hypergeometric equation go on, each half of what is left to the singularity at 1. Unlike the
// formulas for 1 - z they know no exceptional parameters.
#include "kernels/hyp2f1.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "ir/dtype.h"
#include "kernels/special_functions.h"

namespace gemmule::kernels {
namespace special {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kTiny = 1e-17;

// The series of F(x, ...) with x = -n ends with its n-th term.
bool ends(double x) { return x <= 0 && x == std::floor(x); }

struct Value {
  double f, slope;  // at the argument
  double largest;   // of the terms that were added up: how many digits are lost
};

// sum_k (a)_k (b)_k / (c)_k z^k / k!, up to the term `last`, and its derivative.
Value power_series(double a, double b, double c, double z, double last = kInfinity) {
  double sum = 1, slope = 0, term = 1, largest = 1;
  const double limit = std::min(last, 100000.0);
  for (double k = 0; k < limit; ++k) {
    const double ratio = (a + k) * (b + k) / ((c + k) * (k + 1));
    slope += ratio * term * (k + 1);
    term *= ratio * z;
    sum += term;
    largest = std::max(largest, std::abs(term));
    if (term == 0) break;
    // Beyond the largest of |a|, |b|, |c| the terms only fall.
    if (std::abs(ratio * z) < 0.95 && std::abs(term) * (k + 2) < kTiny * std::abs(sum) && k + c > 1)
      break;
  }
  return {sum, slope, largest};
}

// From z0 = 1 - s0 on by `step`. With F = sum_n f_n (z - z0)^n,
//   z0 s0 (n+1) (n+2) f_{n+2} = (n+a) (n+b) f_n - (n+1) ((s0 - z0) n + c - (a+b+1) z0) f_{n+1}
Value taylor_step(double a, double b, double c, double z0, double s0, double step,
                  const Value& at) {
  const double drift = z0 < s0 ? c - (a + b + 1) * z0 : (c - a - b - 1) + (a + b + 1) * s0;
  double before = at.f, term = at.slope * step;  // f_n step^n and the next one
  double sum = before + term, slope = at.slope;
  const double scale = step / (z0 * s0);
  for (double n = 0; n < 2000; ++n) {
    const double next =
        scale * ((n + a) * (n + b) * before * step - (n + 1) * ((s0 - z0) * n + drift) * term) /
        ((n + 1) * (n + 2));
    before = term;
    term = next;
    sum += term;
    slope += (n + 2) * term / step;
    const double small = kTiny * std::abs(sum);
    if (std::abs(term) * (n + 3) < small && std::abs(before) * (n + 3) < small) break;
    if (!(std::abs(term) < kInfinity)) break;
  }
  return {sum, slope, at.largest};
}

// At z = 1 - s in [0, 1), s given on its own as it may be tiny. The series begins as far from 0 as
// its terms do not cancel; a step is within half of the way to the next singularity, and short
// where the solution oscillates: F'' ~ a b F / (z s).
double by_steps(double a, double b, double c, double z, double s) {
  double at = std::min(z, 0.5);
  Value value = power_series(a, b, c, at);
  while (at > 1e-3 && !(value.largest < 30 * (std::abs(value.f) + at * std::abs(value.slope)))) {
    at /= 2;
    value = power_series(a, b, c, at);
  }
  double rest = at == z ? s : 1 - at;
  while (rest > s) {
    const double wave = std::sqrt(at * rest / (std::abs(a * b) + 1));
    double step = std::min({at / 2, rest / 2, 2 * wave});
    if (rest - step <= s) step = rest - s;
    value = taylor_step(a, b, c, at, rest, step, value);
    rest = rest - step > s ? rest - step : s;
    at = 1 - rest;
  }
  return value.f;
}

double sign_of_gamma(double x) { return x > 0 || std::fmod(std::floor(x), 2) == 0 ? 1 : -1; }

// Gauss's sum F(a, b; c; 1) for c - a - b > 0 (DLMF 15.4.20).
double at_one(double a, double b, double c) {
  const double d = c - a - b;
  if (ends(c - a) || ends(c - b)) return 0;
  const double largest = std::max({std::abs(c), std::abs(d), std::abs(c - a), std::abs(c - b)});
  if (largest < 100) {
    return std::tgamma(c) / std::tgamma(c - a) * (std::tgamma(d) / std::tgamma(c - b));
  }
  const double log = gammaln(c) - gammaln(c - a) + (gammaln(d) - gammaln(c - b));
  return sign_of_gamma(c) * sign_of_gamma(d) * sign_of_gamma(c - a) * sign_of_gamma(c - b) *
         std::exp(log);
}

// A series that ends, at any z: with a = -n, or a = -n and b = -m, m >= n.
double polynomial(double a, double b, double c, double z) {
  if (!ends(a) || (ends(b) && b > a)) std::swap(a, b);
  const double n = -a;
  if (std::isinf(z) && n > 0) {  // the sign of the leading term
    double sign = 1;
    for (double k = 0; k < n; ++k) sign *= std::copysign(1.0, (a + k) * (b + k) / (c + k) * z);
    return sign * kInfinity;
  }
  const Value value = power_series(a, b, c, z, n);
  if (value.largest < 30 * std::abs(value.f) || n > 1e6) return value.f;
  // By recurrence in the degree (DLMF 15.5.11):
  //   (c+k) F(-k-1) = (2k + c - (b+k) z) F(-k) - k (1 - z) F(-k+1)
  double before = 1, f = 1 - b / c * z;
  if (n == 0) return before;
  for (double k = 1; k < n; ++k) {
    const double next = ((2 * k + c - (b + k) * z) * f - k * (1 - z) * before) / (c + k);
    before = f;
    f = next;
  }
  return f;
}

// F at z = 1 - s in [0, 1), s given on its own as it may be tiny.
double between_0_and_1(double a, double b, double c, double z, double s) {
  const double d = c - a - b;
  if (ends(a) || ends(b)) return polynomial(a, b, c, z);
  if (ends(c - a) || ends(c - b)) return std::pow(s, d) * polynomial(c - a, c - b, c, z);
  if (d <= -1) return std::pow(s, d) * by_steps(c - a, c - b, c, z, s);
  return by_steps(a, b, c, z, s);
}

}  // namespace

double hyp2f1(double a, double b, double c, double z) {
  if (std::isnan(a) || std::isnan(b) || std::isnan(c) || std::isnan(z)) return kNaN;
  if (z == 0) return 1;
  if ((a == 0 || b == 0) && c != 0) return 1;
  if (std::isinf(a) || std::isinf(b) || std::isinf(c)) return kNaN;
  // The series must end before a term divides by zero.
  if (ends(c) && !(ends(a) && a >= c) && !(ends(b) && b >= c)) return kInfinity;
  if (ends(a) || ends(b)) return polynomial(a, b, c, z);
  const double d = c - a - b;
  if (z > 1) {
    const bool is_real = d <= -1 && d == std::floor(d) && std::isfinite(z);
    return is_real ? std::pow(1 - z, d) * hyp2f1(c - a, c - b, c, z) : kInfinity;
  }
  if (z == 1) return d > 0 ? at_one(a, b, c) : kInfinity;
  if (z > 0) return between_0_and_1(a, b, c, z, 1 - z);
  if (std::isinf(z)) {
    const double value = hyp2f1(a, b, c, -std::numeric_limits<double>::max());
    return std::abs(value) < 1 ? 0 : value * kInfinity;
  }
  // Of the two ways the one whose terms have one sign, or are smaller.
  const bool first_fits = a > 0 && c - b > 0, second_fits = b > 0 && c - a > 0;
  const bool smaller = std::abs(a * (c - b)) > std::abs(b * (c - a));
  if (c > 0 && first_fits != second_fits ? second_fits : smaller) std::swap(a, b);
  const double s = 1 / (1 - z);
  return std::pow(1 - z, -a) * between_0_and_1(a, c - b, c, z / (z - 1), s);
}

}  // namespace special

namespace {

// Half converts to and from float only.
double to_double(double x) { return x; }
double to_double(Half x) { return static_cast<float>(x); }
template <class T>
T from_double(double x) {
  if constexpr (std::is_same_v<T, Half>)
    return Half(static_cast<float>(x));
  else
    return static_cast<T>(x);
}

template <class T>
void evaluate(const LoopNest& nest, const void* const* in, void* out) {
  const std::int64_t n = element_count(nest.shape);
  const auto strides = [&](std::size_t view) {
    return std::span<const std::int64_t>(nest.strides[view]);
  };
  Odometer<5> at(nest.shape, {strides(0), strides(1), strides(2), strides(3), strides(4)});
  const auto operand = [&](std::size_t i) {
    return to_double(static_cast<const T*>(in[i])[at.offset(i + 1)]);
  };
  for (std::int64_t k = 0; k < n; ++k, at.next()) {
    static_cast<T*>(out)[at.offset(0)] =
        from_double<T>(special::hyp2f1(operand(0), operand(1), operand(2), operand(3)));
  }
}

}  // namespace

Hyp2f1Kernel::Hyp2f1Kernel(std::span<const ConstView> in, const View& out) : dtype_(out.dtype) {
  if (in.size() != 4 || kind(dtype_) != DTypeKind::floating) {
    throw std::invalid_argument("[hyp2f1] takes four operands of a float dtype");
  }
  std::vector<const Extents*> strides = {&out.strides};
  for (const ConstView& view : in) {
    if (view.dtype != dtype_ || view.shape != out.shape) {
      throw std::invalid_argument("[hyp2f1] operands have the shape and dtype of the result");
    }
    strides.push_back(&view.strides);
  }
  nest_ = merge_dims(out.shape, strides);
}

void Hyp2f1Kernel::run(const void* const* in, void* out) const {
  switch (dtype_) {
    case DType::f64:
      return evaluate<double>(nest_, in, out);
    case DType::f32:
      return evaluate<float>(nest_, in, out);
    default:
      return evaluate<Half>(nest_, in, out);
  }
}

}  // namespace gemmule::kernels
