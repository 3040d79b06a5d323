#include "kernels/special_functions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "kernels/gamma_functions.h"
#include "kernels/special_functions_case.h"

namespace gemmule::kernels {
namespace {

// From mpmath, with 60 digits.
// clang-format off
const Row kTable[] = {
    {"erfcx", {-26.0}, 7.6577249314905683515e+293},
    {"erfcx", {-5.5}, 2.7443409954929709659e+13},
    {"erfcx", {-0.25}, 1.3586423701047221152},
    {"erfcx", {0.0}, 1.0},
    {"erfcx", {0.5}, 0.61569034419292587487},
    {"erfcx", {3.0}, 0.17900115118138995042},
    {"erfcx", {9.75}, 0.05756592336481546652},
    {"erfcx", {10.25}, 0.054784586952954527788},
    {"erfcx", {26.0}, 0.021683584850562906616},
    {"erfcx", {100000.0}, 5.6418958351954680777e-6},
    {"erfinv", {-0.9999}, -2.7510639057120796917},
    {"erfinv", {-0.5}, -0.47693627620446987338},
    {"erfinv", {1e-12}, 8.8622692545275799582e-13},
    {"erfinv", {0.25}, 0.22531205501217810473},
    {"erfinv", {0.875}, 1.0847870400692831413},
    {"erfinv", {0.9990234375}, 2.3314677736219476723},
    {"erfcinv", {1e-10}, 4.5728249673894852748},
    {"erfcinv", {0.125}, 1.0847870400692831413},
    {"erfcinv", {0.75}, 0.22531205501217810473},
    {"erfcinv", {1.5}, -0.47693627620446987338},
    {"gamma", {-20.5}, -2.8346565743913348714e-19},
    {"gamma", {-1.5}, 2.3632718012073547031},
    {"gamma", {0.125}, 7.5339415987976119047},
    {"gamma", {1.0}, 1.0},
    {"gamma", {4.5}, 11.631728396567448929},
    {"gamma", {30.25}, 2.062805313775346887e+31},
    {"gamma", {170.5}, 5.5620924145599996107e+305},
    {"gammaln", {-20.5}, -42.70719597482576043},
    {"gammaln", {-1.5}, 0.86004701537648101451},
    {"gammaln", {1e-300}, 690.77552789821370518},
    {"gammaln", {1e-05}, 11.512919692895825626},
    {"gammaln", {0.25}, 1.2880225246980774574},
    {"gammaln", {0.5}, 0.57236494292470008707},
    {"gammaln", {0.9990234375}, 5.6447191185512338426e-4},
    {"gammaln", {1.0009765625}, -5.629031799912046317e-4},
    {"gammaln", {1.25}, -0.098271836421813161464},
    {"gammaln", {1.75}, -0.084401121020485555958},
    {"gammaln", {1.9990234375}, -4.1256773597148940171e-4},
    {"gammaln", {2.0009765625}, 4.1318279306425426426e-4},
    {"gammaln", {2.5}, 0.28468287047291915963},
    {"gammaln", {3.25}, 0.93580193110872535826},
    {"gammaln", {4.75}, 2.8085714185757365027},
    {"gammaln", {5.5}, 3.9578139676187162939},
    {"gammaln", {8.0}, 8.5251613610654143002},
    {"gammaln", {100.0}, 359.13420536957539878},
    {"gammaln", {10000000000.0}, 2.2025850928881058147e+11},
    {"gammaln", {1e+300}, 6.8977552789821374147e+302},
    {"digamma", {-20.25}, 6.1742356336144837692},
    {"digamma", {-0.75}, -2.8941202000429320748},
    {"digamma", {1e-300}, -9.9999999999999997494e+299},
    {"digamma", {1e-05}, -100000.57719921567289},
    {"digamma", {0.5}, -1.9635100260214234794},
    {"digamma", {1.0}, -0.57721566490153286061},
    {"digamma", {1.4609375}, -6.7240239024288040438e-4},
    {"digamma", {1.461669921875}, 3.6555032221103287788e-5},
    {"digamma", {2.0}, 0.42278433509846713939},
    {"digamma", {3.5}, 1.1031566406452431872},
    {"digamma", {5.99609375}, 1.7054091253525876178},
    {"digamma", {6.0}, 1.7061176684318004727},
    {"digamma", {50.0}, 3.901989673427892197},
    {"digamma", {10000000000.0}, 23.02585092989045684},
    {"digamma", {1e+300}, 690.77552789821370526},
    {"trigamma", {-20.25}, 19.691025351008711426},
    {"trigamma", {-0.75}, 18.975106932284888517},
    {"trigamma", {1e-05}, 1.000000000164490839e+10},
    {"trigamma", {0.5}, 4.9348022005446793094},
    {"trigamma", {1.0}, 1.6449340668482264365},
    {"trigamma", {2.5}, 0.49035775610023486497},
    {"trigamma", {5.75}, 0.1899074119392527677},
    {"trigamma", {6.0}, 0.18132295573711532536},
    {"trigamma", {50.0}, 0.020201333226697125806},
    {"trigamma", {10000000000.0}, 1.00000000005e-10},
    {"i0", {-20.5}, 7.0922869834317006649e+7},
    {"i0", {0.0}, 1.0},
    {"i0", {0.5}, 1.0634833707413235193},
    {"i0", {7.5}, 268.16131151518936488},
    {"i0", {700.0}, 1.5295933476718737363e+302},
    {"i1", {-20.5}, -6.9170831679184372867e+7},
    {"i1", {1e-10}, 5.0000000000000001822e-11},
    {"i1", {0.5}, 0.25789430539089631636},
    {"i1", {7.5}, 249.5843654226881361},
    {"i1", {700.0}, 1.5285003902339006881e+302},
    {"gammainc", {0.5, 0.125}, 0.38292492254802620728},
    {"gammainc", {1.0, 1.0}, 0.6321205588285576784},
    {"gammainc", {2.5, 10.0}, 0.99875026943696862459},
    {"gammainc", {10.0, 2.0}, 4.6498075017263808251e-5},
    {"gammainc", {100.0, 100.0}, 0.51329879827914866486},
    {"gammainc", {0.001, 0.5}, 0.99943993334352925011},
    {"gammaincc", {0.5, 0.125}, 0.61707507745197379272},
    {"gammaincc", {1.0, 1.0}, 0.3678794411714423216},
    {"gammaincc", {2.5, 10.0}, 1.2497305630313754119e-3},
    {"gammaincc", {10.0, 2.0}, 0.99995350192498273619},
    {"gammaincc", {10.0, 60.0}, 2.8515077555520201596e-16},
    {"gammaincc", {100.0, 100.0}, 0.48670120172085133514},
    {"ive", {0.0, 1.0}, 0.4657596075936404365},
    {"ive", {1.0, -2.5}, -0.20658464953126655421},
    {"ive", {0.5, 30.0}, 0.072836562039471938036},
    {"ive", {-0.5, 1.0}, 0.45293324691462072989},
    {"ive", {-2.25, 3.0}, 0.094203626553584648903},
    {"ive", {2.5, 500.0}, 0.017734407809452483211},
    {"ive", {2.5, 700.0}, 0.015014070620078800994},
    {"ive", {39.0, 650.0}, 4.8548284250397274859e-3},
    {"ive", {45.0, 40.0}, 3.8713337790165928698e-12},
    {"ive", {100.0, 2000.0}, 7.3221866792276069072e-4},
    {"kve", {0.0, 1.0}, 1.1444630798068950147},
    {"kve", {1.0, 0.0625}, 16.919123452299979322},
    {"kve", {-1.5, 2.0}, 1.3293403881791370205},
    {"kve", {2.5, 500.0}, 0.056386884235909130467},
    {"kve", {2.5, 700.0}, 0.047574129575454027646},
    {"kve", {39.0, 650.0}, 0.15816215021531500635},
    {"kve", {45.0, 40.0}, 2.1450801885177860007e+9},
    {"kve", {100.0, 2000.0}, 0.34100208493029187977},
    {"betainc", {0.5, 0.5, 0.25}, 0.33333333333333333333},
    {"betainc", {1.0, 3.0, 0.125}, 0.330078125},
    {"betainc", {20.0, 30.0, 0.375}, 0.36599630383627559263},
    {"betainc", {0.01, 5.0, 0.5}, 0.99988978428855418938},
    {"betainc", {300.0, 200.0, 0.625}, 0.87352274080594844846},
};

// SciPy's values.
const Row kLimits[] = {
    {"erfcx", {-kInfinity}, kInfinity}, {"erfcx", {kInfinity}, 0}, {"erfcx", {-27}, kInfinity}, {"erfcx", {1e300}, 5.641895835477563e-301},
    {"erfinv", {1}, kInfinity}, {"erfinv", {-1}, -kInfinity}, {"erfinv", {1.5}, kNaN}, {"erfinv", {0}, 0},
    {"erfcinv", {0}, kInfinity}, {"erfcinv", {2}, -kInfinity}, {"erfcinv", {-0.5}, kNaN}, {"erfcinv", {1}, 0},
    {"gamma", {0}, kInfinity}, {"gamma", {-0.0}, -kInfinity}, {"gamma", {-1}, kNaN}, {"gamma", {172}, kInfinity},
    {"gamma", {-kInfinity}, kNaN}, {"gamma", {kInfinity}, kInfinity},
    {"gammaln", {0}, kInfinity}, {"gammaln", {-1}, kInfinity}, {"gammaln", {1}, 0}, {"gammaln", {2}, 0},
    {"gammaln", {kInfinity}, kInfinity}, {"gammaln", {-kInfinity}, -kInfinity}, {"gammaln", {1e308}, kInfinity},
    {"digamma", {0}, -kInfinity}, {"digamma", {-0.0}, kInfinity}, {"digamma", {-2}, kNaN},
    {"digamma", {kInfinity}, kInfinity}, {"digamma", {-kInfinity}, kNaN},
    {"trigamma", {0}, kInfinity}, {"trigamma", {-1}, kInfinity}, {"trigamma", {kInfinity}, 0}, {"trigamma", {1e-200}, kInfinity},
    {"gammainc", {0, 1}, 1}, {"gammainc", {0, 0}, kNaN}, {"gammainc", {1, 0}, 0}, {"gammainc", {-1, 1}, kNaN},
    {"gammainc", {1, -1}, kNaN}, {"gammainc", {1, kInfinity}, 1}, {"gammainc", {kInfinity, 1}, 0}, {"gammainc", {kInfinity, kInfinity}, kNaN},
    {"gammaincc", {0, 1}, 0}, {"gammaincc", {0, 0}, kNaN}, {"gammaincc", {1, 0}, 1}, {"gammaincc", {1, kInfinity}, 0}, {"gammaincc", {kInfinity, 1}, 1},
    {"betainc", {0, 1, 0.5}, 1}, {"betainc", {1, 0, 0.5}, 0}, {"betainc", {0, 0, 0.5}, kNaN}, {"betainc", {-1, 1, 0.5}, kNaN},
    {"betainc", {1, 1, -0.1}, kNaN}, {"betainc", {1, 1, 1.1}, kNaN}, {"betainc", {2, 3, 0}, 0}, {"betainc", {2, 3, 1}, 1},
    {"betainc", {kInfinity, 1, 0.5}, 0}, {"betainc", {1, kInfinity, 0.5}, 1},
    {"i0", {0}, 1}, {"i0", {kInfinity}, kNaN}, {"i0", {800}, kInfinity}, {"i1", {0}, 0}, {"i1", {-800}, -kInfinity},
    {"ive", {0, 0}, 1}, {"ive", {2, 0}, 0}, {"ive", {-0.5, 0}, kNaN}, {"ive", {0.5, -1}, kNaN}, {"ive", {-1, 1}, 0.20791041534970842},
    {"kve", {0, 0}, kInfinity}, {"kve", {1, -1}, kNaN}, {"kve", {1, -kInfinity}, kNaN},
};
// clang-format on

const Functions kFunctions{.unary = {{"erfcx", special::erfcx},
                                     {"erfinv", special::erfinv},
                                     {"erfcinv", special::erfcinv},
                                     {"gamma", special::gamma},
                                     {"gammaln", special::gammaln},
                                     {"digamma", special::digamma},
                                     {"trigamma", special::trigamma},
                                     {"i0", special::i0},
                                     {"i1", special::i1}},
                           .binary = {{"gammainc", special::gammainc},
                                      {"gammaincc", special::gammaincc},
                                      {"ive", special::ive},
                                      {"kve", special::kve}},
                           .ternary = {{"betainc", special::betainc}}};

TEST(SpecialFunctions, AgreeWithReferenceNumbers) { expect_table(kFunctions, kTable, 1e-13); }

TEST(SpecialFunctions, PolesInfinitiesAndDomains) { expect_limits(kFunctions, kLimits); }

TEST(SpecialFunctions, NaNStaysNaN) { expect_nan_stays(kFunctions, kTable); }

// Blocks are the scalar functions, element by element, also in place and where signs mix.
// Of both sides of the functions' thresholds; of one side only; with arguments of all kinds.
TEST(GammaFunctions, BlocksAgreeWithScalars) {
  using Block = void (*)(const double*, double*, std::int64_t);
  const std::pair<Block, double (*)(double)> functions[] = {{gammaln_block, special::gammaln},
                                                            {digamma_block, special::digamma},
                                                            {trigamma_block, special::trigamma}};
  const auto mixed = [](std::int64_t i) {
    return i % 7 == 3 ? -0.37 * i : i % 11 == 5 ? 0.0 : i % 13 == 6 ? kNaN : 0.021 * (i + 1);
  };
  const std::function<double(std::int64_t)> arguments[] = {
      mixed, [](std::int64_t i) { return 0.021 * (i + 1); },
      [](std::int64_t i) { return 5.4 / (i + 1); }, [](std::int64_t i) { return 6 + 0.3 * i; }};
  for (const auto& argument : arguments) {
    for (const std::int64_t n : {0, 1, 3, 255, 256, 257, 1000}) {
      std::vector<double> x(n);
      for (std::int64_t i = 0; i < n; ++i) x[i] = argument(i);
      for (const auto& [block, scalar] : functions) {
        std::vector<double> y = x;
        block(y.data(), y.data(), n);
        for (std::int64_t i = 0; i < n; ++i) {
          const double expected = scalar(x[i]);
          if (std::isnan(expected) || std::isinf(expected)) {
            ASSERT_EQ(std::isnan(expected), std::isnan(y[i])) << x[i];
            ASSERT_TRUE(std::isnan(expected) || y[i] == expected) << x[i];
          } else {
            ASSERT_NEAR(y[i], expected, 2e-15 * std::abs(expected) + 1e-300) << x[i];
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace gemmule::kernels
