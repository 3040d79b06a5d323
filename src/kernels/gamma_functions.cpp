#include "kernels/gamma_functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

#include "kernels/function_clones.h"
#include "kernels/special_functions.h"
#include "kernels/vector_math.h"

namespace gemmule::kernels {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// c[0] + c[1] x + c[2] x^2 + ...
template <std::size_t First = 0, std::size_t N>
GEMMULE_INLINE double polynomial(const double (&c)[N], double x) {
  if constexpr (First + 1 == N)
    return c[First];
  else
    return c[First] + x * polynomial<First + 1>(c, x);
}

// The coefficients are Chebyshev approximations of the functions named, computed with 50 digits.

// log gamma(2 + t) / t on |t| <= 1/2; error 6e-19.
constexpr double kLogGammaAtTwo[] = {
    0x1.b0ee6072093cep-2,   0x1.4a34cc4a60fa7p-2,  -0x1.13e001a557607p-4,  0x1.51322ac7d7fd2p-6,
    -0x1.e404fc218ecffp-8,  0x1.7add6eae5b8fdp-9,  -0x1.38ac5c2c96006p-10, 0x1.0b36af3424c50p-11,
    -0x1.d3fd4bda4f97bp-13, 0x1.a127dd231f4b2p-14, -0x1.78de85fa0bf74p-15, 0x1.5806d7786fbc2p-16,
    -0x1.3cb5f201754a6p-17, 0x1.2640a5e8ab73ep-18, -0x1.125408d7ee6ebp-19, 0x1.edf317afe0c72p-21,
    -0x1.d06b46182e294p-22, 0x1.2b4bb069ee6a9p-22, -0x1.1be56b7e101c6p-23};

// x (log gamma(x) - (x - 1/2) log x + x - log(2 pi) / 2) in z = 1 / x^2 for x >= 5.5; error 4e-18.
constexpr double kStirling[] = {
    0x1.5555555555555p-4,  -0x1.6c16c16c0f73cp-9,  0x1.a01a0156fe308p-11, -0x1.38133af45802ap-11,
    0x1.b93057273d3acp-11, -0x1.f23c6b9e5669cp-10, 0x1.78fc9d941e5b9p-8,  -0x1.e9a832d188a9dp-7};

// digamma(y) / (y - root) in t = y - 3/2 on |t| <= 1/2; error 2e-16.
constexpr double kDigammaRootHigh = 0x1.762d86356be3fp+0, kDigammaRootLow = 0x1.b86a722197829p-54;
constexpr double kDigammaAtRoot[] = {
    0x1.e6f0cbb873616p-1,  -0x1.b1cb63005ee5dp-2,  0x1.eca189b8e6f1ep-3,  -0x1.2feeeb98b0270p-3,
    0x1.8512e5904479bp-4,  -0x1.fb44201e7cc15p-5,  0x1.4de9aa0fb5a4fp-5,  -0x1.b9f8b4ba2e5f5p-6,
    0x1.256473e20cb08p-6,  -0x1.8634c5eab0574p-7,  0x1.03c04453f4083p-7,  -0x1.5a16d9f65315cp-8,
    0x1.cd35ac17ad344p-9,  -0x1.326340580e90ap-9,  0x1.9870a33254ba1p-10, -0x1.1a824f512c76fp-10,
    0x1.78a77705bb558p-11, -0x1.73ff1b7f004e4p-12, 0x1.effae48161573p-13, -0x1.8cc58112556c6p-12,
    0x1.088345f73d8a7p-12};

// x^2 (log x - 1 / (2 x) - digamma(x)) in z = 1 / x^2 for x >= 6; error 2e-17.
constexpr double kDigammaTail[] = {
    0x1.5555555555554p-4, -0x1.1111111107826p-7, 0x1.041040cb27e95p-8, -0x1.1110d0066019ap-8,
    0x1.f05736e14aa62p-8, -0x1.56b06b7e04f96p-6, 0x1.33f3b4a3cae63p-4, -0x1.d699bd9c4f226p-3};

// x^3 (trigamma(x) - 1 / x - 1 / (2 x^2)) in z = 1 / x^2 for x >= 6; error 3e-16, times 1 / x^3.
constexpr double kTrigammaTail[] = {
    0x1.555555555554dp-3, -0x1.11111110e95ecp-5, 0x1.8618609986ec0p-6, -0x1.111089a6957eap-5,
    0x1.36270c139ae65p-4, -0x1.0026b9f48afb8p-2, 0x1.075847be21eaap+0, -0x1.b4dbe9c0f8859p+1};

// What is known of the arguments of a loop: with all of them on one side of a function's threshold,
// the other side is not computed. The values are the same.
enum class Range { any, below, above };

template <Range range>
GEMMULE_INLINE bool is_above(double x, double threshold) {
  return range == Range::any ? x >= threshold : range == Range::above;
}

// For 0 < x < inf, without branches. Below 5.5 gamma(x) = gamma(2 + t) times or divided by a
// product p that takes x - 2 to t in [-1/2, 1/2]; above, Stirling's series. One logarithm serves
// both.
template <Range range = Range::any>
GEMMULE_INLINE double gammaln_positive(double x) {
  constexpr double constant = 0.41893853320467274178;  // log(2 pi) / 2 - 1/2
  const bool large = is_above<range>(x, 5.5);
  double t = x - 2, p = 1;
  p = x >= 2.5 ? x - 1 : p;
  t = x >= 2.5 ? x - 3 : t;
  p = x >= 3.5 ? p * (x - 2) : p;
  t = x >= 3.5 ? x - 4 : t;
  p = x >= 4.5 ? p * (x - 3) : p;
  t = x >= 4.5 ? x - 5 : t;
  p = x < 1.5 ? x : p;
  t = x < 1.5 ? x - 1 : t;
  p = x < 0.5 ? x * (x + 1) : p;
  t = x < 0.5 ? x : t;
  const double logarithm = std::log(large ? x : p);
  const double shift = x < 1.5 ? -logarithm : logarithm;
  const double near = t * polynomial(kLogGammaAtTwo, t) + shift;
  const double inverse = 1 / (large ? x : 5.5);
  const double tail = inverse * polynomial(kStirling, inverse * inverse);
  const double far = (x - 0.5) * (logarithm - 1) + (constant + tail);
  return large ? far : near;
}

// For 0 < x < inf. Below 6 the recurrence takes x to y in [1, 2], summing 1 / (x - i) as one
// fraction.
template <Range range = Range::any>
GEMMULE_INLINE double digamma_positive(double x) {
  const bool large = is_above<range>(x, 6);
  double t = x - 1.5, sum = 0, product = 1;  // y = t + 3/2
  sum = x < 1 ? -1 : sum;
  product = x < 1 ? x : product;
  t = x < 1 ? x - 0.5 : t;
  const auto step = [&](double i) GEMMULE_INLINE_LAMBDA {
    const bool needed = x >= i + 1;
    const double factor = x - i;
    sum = needed ? sum * factor + product : sum;
    product = needed ? product * factor : product;
    t = needed ? factor - 1.5 : t;
  };
  step(1), step(2), step(3), step(4);
  const double fraction = (large ? 1 : sum) / (large ? x : product);
  const double root = ((t + 1.5) - kDigammaRootHigh) - kDigammaRootLow;
  const double near = root * polynomial(kDigammaAtRoot, t) + fraction;
  const double z = large ? fraction * fraction : 0;
  const double far = std::log(x) - (0.5 * fraction + z * polynomial(kDigammaTail, z));
  return large ? far : near;
}

// For 0 < x < inf.
template <Range range = Range::any>
GEMMULE_INLINE double trigamma_positive(double x) {
  double sum = 0, y = x;
  const auto step = [&]() GEMMULE_INLINE_LAMBDA {
    const bool needed = range != Range::above && y < 6;
    const double term = 1 / (y * y);
    sum = needed ? sum + term : sum;
    y = needed ? y + 1 : y;
  };
  step(), step(), step(), step(), step(), step();
  const double inverse = 1 / y, z = inverse * inverse;
  return sum + (inverse + z * (0.5 + inverse * polynomial(kTrigammaTail, z)));
}

struct Gammaln {
  static constexpr double threshold = 5.5;
  template <Range range = Range::any>
  static GEMMULE_INLINE double positive(double x) {
    return gammaln_positive<range>(x);
  }
  static double other(double x) {
    if (std::isnan(x) || std::isinf(x)) return x;
    int sign = 0;
    return ::lgamma_r(x, &sign);  // std::lgamma writes a global variable
  }
};

// x - n for the nearest integer n: exact, and pi times it is what periodic functions need of pi x.
double fractional_part(double x) { return x - std::round(x); }

struct Digamma {
  static constexpr double threshold = 6;
  template <Range range = Range::any>
  static GEMMULE_INLINE double positive(double x) {
    return digamma_positive<range>(x);
  }
  static double other(double x) {
    if (x == 0) return std::copysign(kInfinity, -x);
    if (std::isnan(x) || x == kInfinity) return x;
    if (x == std::floor(x)) return kNaN;  // poles without a sign, and -inf
    return digamma_positive(1 - x) -
           std::numbers::pi / std::tan(std::numbers::pi * fractional_part(x));
  }
};

struct Trigamma {
  static constexpr double threshold = 6;
  template <Range range = Range::any>
  static GEMMULE_INLINE double positive(double x) {
    return trigamma_positive<range>(x);
  }
  static double other(double x) {
    if (std::isnan(x)) return x;
    if (x == kInfinity) return 0;
    if (x == std::floor(x)) return kInfinity;
    const double cosecant = std::numbers::pi / std::sin(std::numbers::pi * fractional_part(x));
    return cosecant * cosecant - trigamma_positive(1 - x);
  }
};

GEMMULE_INLINE bool is_positive(double x) { return x > 0 && x < kInfinity; }

template <class F>
GEMMULE_INLINE double scalar(double x) {
  return is_positive(x) ? F::positive(x) : F::other(x);
}

template <class F, Range range>
GEMMULE_INLINE void positive_loop(const double* in, double* out, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) out[i] = F::template positive<range>(in[i]);
}

// All elements as if positive, then the others one by one.
template <class F>
GEMMULE_CLONES void block(const double* in, double* out, std::int64_t n) {
  constexpr std::int64_t chunk = 256;
  std::array<double, chunk> saved;
  for (; n > 0; in += chunk, out += chunk, n -= chunk) {
    const std::int64_t size = std::min(n, chunk);
    std::int64_t others = 0, above = 0;
#pragma omp simd reduction(+ : others, above)
    for (std::int64_t i = 0; i < size; ++i) {
      others += !((in[i] > 0) & (in[i] < kInfinity));
      above += in[i] >= F::threshold;
    }
    if (others != 0) std::copy(in, in + size, saved.begin());
    if (above == size)
      positive_loop<F, Range::above>(in, out, size);
    else if (above == 0)
      positive_loop<F, Range::below>(in, out, size);
    else
      positive_loop<F, Range::any>(in, out, size);
    for (std::int64_t i = 0; others != 0; ++i) {
      if (is_positive(saved[i])) continue;
      out[i] = F::other(saved[i]);
      --others;
    }
  }
}

}  // namespace

void gammaln_block(const double* in, double* out, std::int64_t n) { block<Gammaln>(in, out, n); }
void digamma_block(const double* in, double* out, std::int64_t n) { block<Digamma>(in, out, n); }
void trigamma_block(const double* in, double* out, std::int64_t n) { block<Trigamma>(in, out, n); }

namespace special {
double gammaln(double x) { return scalar<Gammaln>(x); }
double digamma(double x) { return scalar<Digamma>(x); }
double trigamma(double x) { return scalar<Trigamma>(x); }
}  // namespace special

}  // namespace gemmule::kernels
