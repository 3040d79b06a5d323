// Distributions of scipy.stats: draws of NumPy's, then a formula, then the location and the scale.
#include <algorithm>
#include <limits>
#include <numbers>

#include "kernels/numpy_random.h"
#include "kernels/random_parameters.h"
#include "kernels/special_functions.h"

namespace gemmule::kernels {
namespace {

constexpr std::size_t kAbsent = kMostParameters;

// A condition on the elements of a parameter.
struct Domain {
  std::size_t parameter;
  bool (*holds)(double);
};
constexpr auto is_positive = [](double x) { return x > 0; };
constexpr auto is_not_negative = [](double x) { return x >= 0; };
constexpr auto is_not_zero = [](double x) { return x != 0; };
constexpr auto is_finite = [](double x) { return std::isfinite(x); };
constexpr auto is_probability = [](double x) { return x >= 0 && x <= 1; };
constexpr auto is_positive_probability = [](double x) { return x > 0 && x <= 1; };

struct ScipyRules {
  std::vector<Domain> domains;
  std::size_t loc = kAbsent, scale = kAbsent;  // which parameters these are
  bool (*holds)(const Values&) = nullptr;      // of parameters that have to fit together
};

[[noreturn]] void fail_domain_of(const std::string& distribution) {
  fail_domain(
      "Domain error in arguments. The `scale` parameter must be positive for all distributions, "
      "and many "
      "distributions have restrictions on shape parameters. Please see the `scipy.stats." +
      distribution + "` documentation for details.");
}

// What rv_generic.rvs does around the draws.
class ScipyKernel : public RandomKernel {
 public:
  ScipyKernel(const RandomArguments& arguments, ScipyRules rules)
      : parameters_(arguments), rules_(std::move(rules)), name_(arguments.distribution) {}

  void run(bitgen_t* bits, const void* const* data, void* draws) override {
    check_domains(data);
    if (rules_.scale != kAbsent && all(rules_.scale, data, [](double x) { return x == 0; })) {
      auto* out = static_cast<double*>(draws);
      parameters_.for_each(
          data, [&](std::int64_t i, const Values& values) { out[i] = location(values); });
      return;
    }
    fill(bits, data, draws);
  }

 protected:
  virtual void fill(bitgen_t* bits, const void* const* data, void* draws) = 0;

  double scaled(double x, const Values& values) const {
    return (rules_.scale == kAbsent ? x : x * values.real(rules_.scale)) + location(values);
  }

  Parameters parameters_;

 private:
  double location(const Values& values) const {
    return rules_.loc == kAbsent ? 0.0 : values.real(rules_.loc);
  }

  template <class Condition>
  bool all(std::size_t i, const void* const* data, Condition condition) const {
    if (parameters_.view(i).dtype == DType::i64) {
      return parameters_.all<std::int64_t>(
          i, data, [&](std::int64_t x) { return condition(static_cast<double>(x)); });
    }
    return parameters_.all<double>(i, data, condition);
  }

  void check_domains(const void* const* data) const {
    if (parameters_.any_empty()) return;
    bool holds = true;
    for (const Domain& domain : rules_.domains)
      holds = holds && all(domain.parameter, data, domain.holds);
    if (rules_.scale != kAbsent) holds = holds && all(rules_.scale, data, is_not_negative);
    if (rules_.holds != nullptr) {
      parameters_.for_each(
          data, [&](std::int64_t, const Values& values) { holds = holds && rules_.holds(values); });
    }
    if (!holds) fail_domain_of(name_);
  }

  ScipyRules rules_;
  std::string name_;
};

// draw(bits, values) by itself for every element.
template <class Draw>
class ScipyEach : public ScipyKernel {
 public:
  using Result = std::invoke_result_t<Draw, bitgen_t*, const Values&>;

  ScipyEach(const RandomArguments& arguments, ScipyRules rules, Draw draw)
      : ScipyKernel(arguments, std::move(rules)), draw_(draw) {}

 protected:
  void fill(bitgen_t* bits, const void* const* data, void* draws) override {
    auto* out = static_cast<Result*>(draws);
    parameters_.for_each(data, [&](std::int64_t i, const Values& values) {
      if constexpr (std::is_same_v<Result, double>) {
        out[i] = scaled(draw_(bits, values), values);
      } else {
        out[i] = draw_(bits, values);
      }
    });
  }

 private:
  Draw draw_;
};

template <class Draw>
std::unique_ptr<RandomKernel> each(const RandomArguments& arguments, ScipyRules rules, Draw draw) {
  return std::make_unique<ScipyEach<Draw>>(arguments, std::move(rules), draw);
}

// first(bits, values) for all elements, then second(bits, values, what the first gave).
template <class First, class Second>
class ScipyTwice : public ScipyKernel {
 public:
  using Result = std::invoke_result_t<Second, bitgen_t*, const Values&, double>;

  ScipyTwice(const RandomArguments& arguments, ScipyRules rules, First first, Second second)
      : ScipyKernel(arguments, std::move(rules)),
        first_(first),
        second_(second),
        firsts_(static_cast<std::size_t>(parameters_.count())) {}

 protected:
  void fill(bitgen_t* bits, const void* const* data, void* draws) override {
    parameters_.for_each(data, [&](std::int64_t i, const Values& values) {
      firsts_[static_cast<std::size_t>(i)] = first_(bits, values);
    });
    auto* out = static_cast<Result*>(draws);
    parameters_.for_each(data, [&](std::int64_t i, const Values& values) {
      const Result drawn = second_(bits, values, firsts_[static_cast<std::size_t>(i)]);
      if constexpr (std::is_same_v<Result, double>) {
        out[i] = scaled(drawn, values);
      } else {
        out[i] = drawn;
      }
    });
  }

 private:
  First first_;
  Second second_;
  std::vector<double> firsts_;
};

template <class First, class Second>
std::unique_ptr<RandomKernel> twice(const RandomArguments& arguments, ScipyRules rules, First first,
                                    Second second) {
  return std::make_unique<ScipyTwice<First, Second>>(arguments, std::move(rules), first, second);
}

double uniform(bitgen_t* bits) { return random_uniform(bits, 0, 1); }

// Boost.Math's quantile of the standard Cauchy distribution, which SciPy calls.
double cauchy_quantile(double p) {
  if (p > 0.5) p -= 1;
  if (p == 0.5) return 0;
  if (p == 0) return -std::numeric_limits<double>::infinity();
  return -1 / std::tan(std::numbers::pi * p);
}

// randint: numbers have one fill between them, arrays one each.
class RandintKernel : public RandomKernel {
 public:
  explicit RandintKernel(const RandomArguments& arguments) : parameters_(arguments) {
    for (const std::size_t i : {0, 1}) one_ = one_ && element_count(parameters_.view(i).shape) == 1;
  }

  void run(bitgen_t* bits, const void* const* data, void* draws) override {
    bool holds = true;
    parameters_.for_each(data, [&](std::int64_t, const Values& v) {
      const double low = v.real(0), high = v.real(1);
      holds = holds && low < high && is_bound(low) && is_bound(high);
    });
    if (!holds) fail_domain_of("randint");
    auto* out = static_cast<std::uint64_t*>(draws);
    const auto fill = [&](const Values& values, std::int64_t count, std::uint64_t* to) {
      const std::uint64_t low = bound(values.real(0)), high = bound(values.real(1));
      random_bounded_uint64_fill(bits, low, high - 1 - low, count, false, to);
    };
    if (one_) {
      if (parameters_.count() > 0) fill(Values{{data[0], data[1]}}, parameters_.count(), out);
      return;
    }
    parameters_.for_each(data,
                         [&](std::int64_t i, const Values& values) { fill(values, 1, out + i); });
  }

 private:
  // Whole numbers, as floats too.
  static bool is_bound(double x) { return x == std::rint(x) && std::abs(x) < 0x1p63; }
  static std::uint64_t bound(double x) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(x));
  }

  Parameters parameters_;
  bool one_ = true;
};

double log_cdf(double x) {
  const double t = x * std::numbers::sqrt2 / 2;
  return x < -1 ? std::log(special::erfcx(-t) / 2) - t * t : std::log1p(-std::erfc(t) / 2);
}

// log(exp(a) + exp(b)) and, for a >= b, log(exp(a) - exp(b)).
double log_sum(double a, double b) {
  const double most = std::max(a, b);
  return std::isinf(most) ? most : most + std::log1p(std::exp(std::min(a, b) - most));
}
double log_difference(double a, double b) {
  return std::isinf(a) ? a : a + std::log1p(-std::exp(b - a));
}

// The logarithm of the mass of the standard normal distribution in [a, b].
double log_mass(double a, double b) {
  if (b <= 0) return log_difference(log_cdf(b), log_cdf(a));
  if (a > 0) return log_difference(log_cdf(-a), log_cdf(-b));
  const auto cdf = [](double x) { return std::erfc(-x * std::numbers::sqrt2 / 2) / 2; };
  return std::log1p(-cdf(a) - cdf(-b));
}

// The quantile of the standard normal distribution in [a, b], computed in the nearer tail.
double truncated_quantile(double q, double a, double b) {
  if (a < 0) return special::ndtri_exp(log_sum(log_cdf(a), std::log(q) + log_mass(a, b)));
  return -special::ndtri_exp(log_sum(log_cdf(-b), std::log1p(-q) + log_mass(a, b)));
}

// The constraint that NumPy adds to SciPy's.
std::int64_t negative_binomial(bitgen_t* bits, double n, double p) {
  if ((1 - p) / p * (n + 10 * std::sqrt(n)) > kLargestPoisson) {
    fail_domain("n too large or p too small, see Generator.negative_binomial Notes");
  }
  return random_negative_binomial(bits, n, p);
}

}  // namespace

std::unique_ptr<RandomKernel> make_scipy_kernel(const RandomArguments& arguments) {
  const std::string_view name = arguments.distribution;
  if (name == "halfnorm") {
    return each(arguments, {{}, 0, 1}, [](bitgen_t* bits, const Values&) {
      return std::abs(random_standard_normal(bits));
    });
  }
  if (name == "pareto") {
    return each(arguments, {{{0, is_positive}}, kAbsent, 2}, [](bitgen_t* bits, const Values& v) {
      return std::pow(1 - uniform(bits), v.real(1));
    });
  }
  if (name == "gumbel_r") {
    return each(arguments, {{}, 0, 1},
                [](bitgen_t* bits, const Values&) { return -std::log(-std::log(uniform(bits))); });
  }
  if (name == "cauchy") {
    return each(arguments, {{}, 0, 1},
                [](bitgen_t* bits, const Values&) { return cauchy_quantile(uniform(bits)); });
  }
  if (name == "halfcauchy") {
    return each(arguments, {{}, 0, 1}, [](bitgen_t* bits, const Values&) {
      return std::tan(std::numbers::pi / 2 * uniform(bits));
    });
  }
  if (name == "truncexpon") {
    return each(arguments, {{{0, is_positive}}, 2, 3}, [](bitgen_t* bits, const Values& v) {
      return -std::log1p(uniform(bits) * v.real(1));
    });
  }
  if (name == "t") {
    return each(arguments, {{{0, is_positive}}, 1, 2},
                [](bitgen_t* bits, const Values& v) { return random_standard_t(bits, v.real(0)); });
  }
  if (name == "gengamma") {
    return each(arguments, {{{0, is_positive}, {1, is_not_zero}}, kAbsent, 3},
                [](bitgen_t* bits, const Values& v) {
                  return std::pow(random_standard_gamma(bits, v.real(0)), v.real(2));
                });
  }
  if (name == "moyal") {
    return each(arguments, {{}, 0, 1}, [](bitgen_t* bits, const Values&) {
      return -std::log(random_standard_gamma(bits, 0.5) * 2);
    });
  }
  if (name == "jf_skew_t") {
    return each(arguments, {{{0, is_positive}, {1, is_positive}}, 3, 4},
                [](bitgen_t* bits, const Values& v) {
                  const double x = random_beta(bits, v.real(0), v.real(1));
                  return (2 * x - 1) * v.real(2) / (2 * std::sqrt(x * (1 - x)));
                });
  }
  if (name == "skewnorm") {
    return twice(
        arguments, {{{0, is_finite}}, 3, 4},
        [](bitgen_t* bits, const Values&) { return random_normal(bits, 0, 1); },
        [](bitgen_t* bits, const Values& v, double first) {
          const double x = v.real(1) * first + random_normal(bits, 0, 1) * v.real(2);
          return first >= 0 ? x : -x;
        });
  }
  if (name == "rice") {
    const auto shifted = [](bitgen_t* bits, const Values& v) {
      return v.real(0) / std::numbers::sqrt2 + random_standard_normal(bits);
    };
    return twice(arguments, {{{0, is_not_negative}}, kAbsent, 1}, shifted,
                 [shifted](bitgen_t* bits, const Values& v, double x) {
                   const double y = shifted(bits, v);
                   return std::sqrt(x * x + y * y);
                 });
  }
  if (name == "truncnorm") {
    return each(arguments, {{}, 2, 3, [](const Values& v) { return v.real(0) < v.real(1); }},
                [](bitgen_t* bits, const Values& v) {
                  return truncated_quantile(uniform(bits), v.real(0), v.real(1));
                });
  }
  if (name == "bernoulli") {
    return each(arguments, {{{0, is_probability}}},
                [memory = BinomialMemory()](bitgen_t* bits, const Values& v) mutable {
                  return random_binomial(bits, v.real(0), 1, &memory);
                });
  }
  if (name == "nbinom") {
    return each(arguments, {{{0, is_positive}, {1, is_positive_probability}}},
                [](bitgen_t* bits, const Values& v) {
                  return negative_binomial(bits, v.real(0), v.real(1));
                });
  }
  if (name == "betabinom") {
    return twice(
        arguments, {{{0, is_not_negative}, {1, is_positive}, {2, is_positive}}},
        [](bitgen_t* bits, const Values& v) { return random_beta(bits, v.real(1), v.real(2)); },
        [memory = BinomialMemory()](bitgen_t* bits, const Values& v, double p) mutable {
          return random_binomial(bits, p, v.integer(0), &memory);
        });
  }
  if (name == "randint") return std::make_unique<RandintKernel>(arguments);
  return nullptr;
}

}  // namespace gemmule::kernels
