// The methods of numpy.random.Generator that draw numbers.
#include "kernels/numpy_random.h"
#include "kernels/random_parameters.h"

namespace gemmule::kernels {
namespace {

struct Checked {
  const char* name;
  Constraint constraint = Constraint::none;
};

// `draw(bits, values)` for every element, after the constraints of all parameters.
template <class Draw>
class EachKernel : public RandomKernel {
 public:
  using Result = std::invoke_result_t<Draw, bitgen_t*, const Values&>;

  EachKernel(const RandomArguments& arguments, std::vector<Checked> checks, Draw draw)
      : parameters_(arguments), checks_(std::move(checks)), draw_(draw) {}

  void run(bitgen_t* bits, const void* const* data, void* draws) override {
    for (std::size_t i = 0; i < checks_.size(); ++i) {
      check(parameters_, data, i, checks_[i].name, checks_[i].constraint);
    }
    auto* out = static_cast<Result*>(draws);
    parameters_.for_each(
        data, [&](std::int64_t i, const Values& values) { out[i] = draw_(bits, values); });
  }

 private:
  Parameters parameters_;
  std::vector<Checked> checks_;
  Draw draw_;
};

// A kernel whose checks are more than a constraint for each parameter: check(parameters, data).
template <class Check, class Draw>
class CheckedKernel : public RandomKernel {
 public:
  using Result = std::invoke_result_t<Draw, bitgen_t*, const Values&>;

  CheckedKernel(const RandomArguments& arguments, Check check, Draw draw)
      : parameters_(arguments), check_(check), draw_(draw) {}

  void run(bitgen_t* bits, const void* const* data, void* draws) override {
    check_(parameters_, data);
    auto* out = static_cast<Result*>(draws);
    parameters_.for_each(
        data, [&](std::int64_t i, const Values& values) { out[i] = draw_(bits, values); });
  }

 private:
  Parameters parameters_;
  Check check_;
  Draw draw_;
};

template <class Draw>
std::unique_ptr<RandomKernel> each(const RandomArguments& arguments, std::vector<Checked> checks,
                                   Draw draw) {
  return std::make_unique<EachKernel<Draw>>(arguments, std::move(checks), draw);
}

template <class Check, class Draw>
std::unique_ptr<RandomKernel> checked(const RandomArguments& arguments, Check check, Draw draw) {
  return std::make_unique<CheckedKernel<Check, Draw>>(arguments, check, draw);
}

// all(holds(values)) over the draws' parameters, as they broadcast.
template <class Holds>
bool all_values(const Parameters& parameters, const void* const* data, Holds holds) {
  bool all = true;
  parameters.for_each(data,
                      [&](std::int64_t, const Values& values) { all = all && holds(values); });
  return all;
}

void check_uniform(const Parameters& parameters, const void* const* data) {
  const auto range = [](const Values& v) { return v.real(1) - v.real(0); };
  if (!all_values(parameters, data, [&](const Values& v) { return std::isfinite(range(v)); })) {
    throw std::overflow_error(parameters.are_numbers() ? "high - low range exceeds valid bounds"
                                                       : "Range exceeds valid bounds");
  }
  if (!all_values(parameters, data, [&](const Values& v) { return !std::signbit(range(v)); })) {
    fail_domain("high - low < 0");
  }
}

void check_triangular(const Parameters& parameters, const void* const* data) {
  const auto none = [&](auto is_wrong, const char* message) {
    if (!all_values(parameters, data, [&](const Values& v) { return !is_wrong(v); }))
      fail_domain(message);
  };
  none([](const Values& v) { return v.real(0) > v.real(1); }, "left > mode");
  none([](const Values& v) { return v.real(1) > v.real(2); }, "mode > right");
  none([](const Values& v) { return v.real(0) == v.real(2); }, "left == right");
}

void check_hypergeometric(const Parameters& parameters, const void* const* data) {
  constexpr std::int64_t most = 1000000000;
  for (const std::size_t i : {0, 1}) {
    if (!parameters.all<std::int64_t>(i, data, [](std::int64_t x) { return x < most; })) {
      fail_domain("both ngood and nbad must be less than 1000000000");
    }
  }
  if (!all_values(parameters, data,
                  [](const Values& v) { return v.integer(0) + v.integer(1) >= v.integer(2); })) {
    fail_domain("ngood + nbad < nsample");
  }
  check(parameters, data, 0, "ngood", Constraint::non_negative);
  check(parameters, data, 1, "nbad", Constraint::non_negative);
  check(parameters, data, 2, "nsample", Constraint::non_negative);
}

// Numbers share one fill, which for some ranges takes other bits than drawing one by one.
class IntegersKernel : public RandomKernel {
 public:
  explicit IntegersKernel(const RandomArguments& arguments) : parameters_(arguments) {}

  void run(bitgen_t* bits, const void* const* data, void* draws) override {
    if (parameters_.count() == 0) return;
    const bool fits =
        all_values(parameters_, data, [](const Values& v) { return v.integer(0) < v.integer(1); });
    if (!fits) {
      const bool from_zero =
          parameters_.all<std::int64_t>(0, data, [](std::int64_t low) { return low == 0; });
      fail_domain(from_zero ? "high <= 0" : "low >= high");
    }
    auto* out = static_cast<std::uint64_t*>(draws);
    if (parameters_.are_numbers()) {
      Values values{{data[0], data[1]}};
      const auto low = static_cast<std::uint64_t>(values.integer(0));
      const std::uint64_t range = static_cast<std::uint64_t>(values.integer(1)) - 1 - low;
      random_bounded_uint64_fill(bits, low, range, parameters_.count(), false, out);
      return;
    }
    parameters_.for_each(data, [&](std::int64_t i, const Values& values) {
      const auto low = static_cast<std::uint64_t>(values.integer(0));
      const std::uint64_t range = static_cast<std::uint64_t>(values.integer(1)) - 1 - low;
      out[i] = random_bounded_uint64(bits, low, range, 0, false);
    });
  }

 private:
  Parameters parameters_;
};

}  // namespace

std::unique_ptr<RandomKernel> make_number_kernel(const RandomArguments& arguments) {
  using enum Constraint;
  const std::string_view name = arguments.distribution;
  if (name == "uniform") {
    return checked(arguments, check_uniform, [](bitgen_t* bits, const Values& v) {
      return random_uniform(bits, v.real(0), v.real(1) - v.real(0));
    });
  }
  if (name == "normal") {
    return each(arguments, {{"loc"}, {"scale", non_negative}}, [](bitgen_t* bits, const Values& v) {
      return random_normal(bits, v.real(0), v.real(1));
    });
  }
  if (name == "lognormal") {
    return each(arguments, {{"mean"}, {"sigma", non_negative}},
                [](bitgen_t* bits, const Values& v) {
                  return random_lognormal(bits, v.real(0), v.real(1));
                });
  }
  if (name == "gamma") {
    return each(
        arguments, {{"shape", non_negative}, {"scale", non_negative}},
        [](bitgen_t* bits, const Values& v) { return random_gamma(bits, v.real(0), v.real(1)); });
  }
  if (name == "beta") {
    return each(arguments, {{"a", positive}, {"b", positive}}, [](bitgen_t* bits, const Values& v) {
      return random_beta(bits, v.real(0), v.real(1));
    });
  }
  if (name == "exponential") {
    return each(arguments, {{"scale", non_negative}}, [](bitgen_t* bits, const Values& v) {
      return random_exponential(bits, v.real(0));
    });
  }
  if (name == "weibull") {
    return each(arguments, {{"a", non_negative}},
                [](bitgen_t* bits, const Values& v) { return random_weibull(bits, v.real(0)); });
  }
  if (name == "logistic") {
    return each(arguments, {{"loc"}, {"scale", non_negative}}, [](bitgen_t* bits, const Values& v) {
      return random_logistic(bits, v.real(0), v.real(1));
    });
  }
  if (name == "laplace") {
    return each(arguments, {{"loc"}, {"scale", non_negative}}, [](bitgen_t* bits, const Values& v) {
      return random_laplace(bits, v.real(0), v.real(1));
    });
  }
  if (name == "vonmises") {
    return each(arguments, {{"mu"}, {"kappa", non_negative}}, [](bitgen_t* bits, const Values& v) {
      return random_vonmises(bits, v.real(0), v.real(1));
    });
  }
  if (name == "wald") {
    return each(
        arguments, {{"mean", positive}, {"scale", positive}},
        [](bitgen_t* bits, const Values& v) { return random_wald(bits, v.real(0), v.real(1)); });
  }
  if (name == "triangular") {
    return checked(arguments, check_triangular, [](bitgen_t* bits, const Values& v) {
      return random_triangular(bits, v.real(0), v.real(1), v.real(2));
    });
  }
  if (name == "poisson") {
    return each(arguments, {{"lam", poisson}},
                [](bitgen_t* bits, const Values& v) { return random_poisson(bits, v.real(0)); });
  }
  if (name == "geometric") {
    return each(arguments, {{"p", bounded_gt_0_1}},
                [](bitgen_t* bits, const Values& v) { return random_geometric(bits, v.real(0)); });
  }
  if (name == "hypergeometric") {
    return checked(arguments, check_hypergeometric, [](bitgen_t* bits, const Values& v) {
      return random_hypergeometric(bits, v.integer(0), v.integer(1), v.integer(2));
    });
  }
  if (name == "binomial") {
    const auto check_binomial = [](const Parameters& parameters, const void* const* data) {
      check(parameters, data, 1, "p", bounded_0_1);
      check(parameters, data, 0, "n", non_negative);
    };
    return checked(arguments, check_binomial,
                   [memory = BinomialMemory()](bitgen_t* bits, const Values& v) mutable {
                     return random_binomial(bits, v.real(1), v.integer(0), &memory);
                   });
  }
  if (name == "integers") return std::make_unique<IntegersKernel>(arguments);
  return nullptr;
}

}  // namespace gemmule::kernels
