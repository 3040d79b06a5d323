#include "ir/distributions.h"

#include <algorithm>

namespace gemmule {
namespace {

DistributionParameter real(std::string_view name, int rank = 0) { return {name, DType::f64, rank}; }
DistributionParameter integer(std::string_view name) { return {name, DType::i64, 0}; }
DistributionParameter items(std::string_view name) { return {name, DType::f64, kFreeRank}; }

}  // namespace

const std::vector<DistributionInfo>& distributions() {
  constexpr DType f64 = DType::f64, i64 = DType::i64;
  static const std::vector<DistributionInfo> all{
      // Methods of numpy.random.Generator.
      {"uniform", f64, {real("low"), real("high")}},
      {"normal", f64, {real("loc"), real("scale")}},
      {"lognormal", f64, {real("mean"), real("sigma")}},
      {"gamma", f64, {real("shape"), real("scale")}},
      {"beta", f64, {real("a"), real("b")}},
      {"exponential", f64, {real("scale")}},
      {"weibull", f64, {real("a")}},
      {"logistic", f64, {real("loc"), real("scale")}},
      {"laplace", f64, {real("loc"), real("scale")}},
      {"vonmises", f64, {real("mu"), real("kappa")}},
      {"wald", f64, {real("mean"), real("scale")}},
      {"triangular", f64, {real("left"), real("mode"), real("right")}},
      {"poisson", i64, {real("lam")}},
      {"geometric", i64, {real("p")}},
      {"binomial", i64, {integer("n"), real("p")}},
      {"hypergeometric", i64, {integer("ngood"), integer("nbad"), integer("nsample")}},
      {"integers", i64, {integer("low"), integer("high")}},
      {"dirichlet", f64, {real("alpha", 1)}, 0},
      {"multinomial", i64, {integer("n"), real("pvals", 1)}, 1},
      {"permutation", f64, {items("x")}, 0},
      // Without replacement. Of `a` = n: of the numbers below n.
      {"choice", f64, {items("a")}, 0, true},
      {"weighted_choice", f64, {items("a"), real("p", 1)}, 0, true},

      // Distributions of scipy.stats. Where SciPy computes with a parameter in its own dtype, the
      // result
      // of that is a parameter here.
      {"halfnorm", f64, {real("loc"), real("scale")}},
      {"pareto", f64, {real("b"), real("-1/b"), real("scale")}},
      {"gumbel_r", f64, {real("loc"), real("scale")}},
      {"cauchy", f64, {real("loc"), real("scale")}},
      {"halfcauchy", f64, {real("loc"), real("scale")}},
      {"truncexpon", f64, {real("b"), real("expm1(-b)"), real("loc"), real("scale")}},
      {"t", f64, {real("df"), real("loc"), real("scale")}},
      {"gengamma", f64, {real("a"), real("c"), real("1/c"), real("scale")}},
      {"moyal", f64, {real("loc"), real("scale")}},
      // d = a / sqrt(1 + a^2)
      {"skewnorm", f64, {real("a"), real("d"), real("sqrt(1-d^2)"), real("loc"), real("scale")}},
      {"jf_skew_t", f64, {real("a"), real("b"), real("sqrt(a+b)"), real("loc"), real("scale")}},
      {"rice", f64, {real("b"), real("scale")}},
      {"truncnorm", f64, {real("a"), real("b"), real("loc"), real("scale")}},
      {"bernoulli", i64, {real("p")}},
      {"nbinom", i64, {real("n"), real("p")}},
      {"betabinom", i64, {integer("n"), real("a"), real("b")}},
      {"randint", i64, {real("low"), real("high")}},

      // The index of the first running sum of probabilities that a uniform draw does not exceed.
      {"categorical", i64, {real("cumulative", 1)}},
      // Not a distribution: another generator in the same state, which it is to be drawn from.
      {"copy", DType::u64, {}},
  };
  return all;
}

const DistributionInfo* find_distribution(std::string_view name) {
  const auto& all = distributions();
  const auto found = std::ranges::find(all, name, &DistributionInfo::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace gemmule
