#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include "kernels/special_functions.h"
#include "kernels/special_functions_case.h"

namespace gemmule::kernels {
namespace {

// From mpmath, with 60 digits.
// clang-format off
const Row kTable[] = {
    {"j0", {-7.5}, 0.26633965788037839687},
    {"j0", {0.0}, 1.0},
    {"j0", {1e-05}, 0.999999999975},
    {"j0", {1.0}, 0.76519768655796655145},
    {"j0", {5.5}, -0.006843869417819196824},
    {"j0", {30.25}, -0.054432672289617780126},
    {"j0", {1000.0}, 0.024786686152420174561},
    {"j1", {-7.5}, -0.13524842757970550518},
    {"j1", {1e-10}, 5.0000000000000001822e-11},
    {"j1", {1.0}, 0.44005058574493351596},
    {"j1", {5.5}, -0.34143821542904335018},
    {"j1", {30.25}, -0.13537782272587401144},
    {"j1", {1000.0}, 0.0047283119070895239176},
    {"jv", {0.0, 1.0}, 0.76519768655796655145},
    {"jv", {2.0, -3.5}, 0.4586291841943074835},
    {"jv", {3.0, -3.5}, -0.38677011171688136686},
    {"jv", {-3.0, 2.0}, -0.1289432494744020511},
    {"jv", {0.5, 2.25}, 0.41387506064760028209},
    {"jv", {-2.5, 4.0}, -0.014567947668521800767},
    {"jv", {12.5, 3.0}, 7.8560184193127743674e-8},
    {"jv", {100.0, 90.0}, 0.0026021305819963289288},
    {"jv", {20.0, 0.01}, 3.9198996830746469195e-65},
    {"polygamma", {2.0, 0.125}, -1025.7533381181356826},
    {"polygamma", {2.0, 3.5}, -0.108204051641727403},
    {"polygamma", {3.0, 1.0}, 6.4939394022668291491},
    {"polygamma", {4.0, -2.25}, 24481.47991090256251},
    {"polygamma", {5.0, 20.0}, 8.4842662061582300714e-6},
    {"polygamma", {12.0, 0.75}, -2.0162654429043861692e+10},
    {"polygamma", {30.0, 40.0}, -1.0912335543822422583e-17},
    {"gammaincinv", {0.5, 0.25}, 0.050765522133810772603},
    {"gammaincinv", {1.0, 0.5}, 0.69314718055994530942},
    {"gammaincinv", {2.5, 1e-10}, 1.6167785731248467303e-4},
    {"gammaincinv", {10.0, 0.999}, 22.657373309062929325},
    {"gammaincinv", {0.125, 0.75}, 0.065603981263855818824},
    {"gammaincinv", {100.0, 0.5}, 99.666864919315488744},
    {"gammainccinv", {0.5, 0.25}, 0.66165184846573297485},
    {"gammainccinv", {1.0, 0.5}, 0.69314718055994530942},
    {"gammainccinv", {2.5, 1e-10}, 27.781199259119251391},
    {"gammainccinv", {10.0, 0.999}, 2.9605203727437599262},
    {"gammainccinv", {0.125, 0.75}, 9.4402134136597452344e-6},
    {"gammainccinv", {100.0, 0.001}, 133.77026391137859725},
    {"betaincinv", {0.5, 0.5, 0.25}, 0.1464466094067262378},
    {"betaincinv", {2.0, 3.0, 0.5}, 0.38572756813238954828},
    {"betaincinv", {5.5, 0.75, 0.9}, 0.99213100146783909264},
    {"betaincinv", {20.0, 30.0, 1e-06}, 0.12860994181679573423},
    {"betaincinv", {1.0, 4.0, 0.125}, 0.032831789866165345541},
    {"betaincinv", {4.0, 1.0, 0.125}, 0.59460355750136053336},
    {"betaincinv", {2.0, 3.0, 1e-300}, 4.0824829046386302148e-151},
    {"betaincinv", {3.25, 100.0, 1e-200}, 5.4859237205573810987e-64},
    {"owens_t", {0.5, 0.5}, 0.064488602847503757028},
    {"owens_t", {1.0, 2.0}, 0.078468186993084096345},
    {"owens_t", {-1.5, 0.75}, 0.028029326760931823758},
    {"owens_t", {2.0, -3.0}, -0.011375065971545040613},
    {"owens_t", {5.0, 0.125}, 6.9241998808343073499e-8},
    {"owens_t", {0.0625, 10.0}, 0.23112902299510388744},
    {"ndtri_exp", {-1e-10}, 6.3613409024117348176},
    {"ndtri_exp", {-0.25}, 0.76814939530385093148},
    {"ndtri_exp", {-0.75}, -0.069322262459629651575},
    {"ndtri_exp", {-3.0}, -1.6469217205277147766},
    {"ndtri_exp", {-20.0}, -5.8792093564853362599},
    {"ndtri_exp", {-49.0}, -9.5719995799542859654},
    {"ndtri_exp", {-51.0}, -9.7765913097643985385},
    {"ndtri_exp", {-1000.0}, -44.61574773196940302},
};

// As SciPy has them.
const Row kLimits[] = {
    {"j0", {kInfinity}, kNaN}, {"j0", {-kInfinity}, kNaN}, {"j1", {-0.0}, -0.0}, {"j1", {kInfinity}, kNaN}, {"j1", {1e-300}, 5e-301},
    {"jv", {0, 0}, 1}, {"jv", {2, 0}, 0}, {"jv", {-2, 0}, 0}, {"jv", {-0.5, 0}, kInfinity}, {"jv", {0.5, -1}, kNaN},
    {"jv", {1, kInfinity}, kNaN}, {"jv", {kInfinity, 1}, 0}, {"jv", {kInfinity, -1}, kNaN},
    {"polygamma", {-1, 1}, kNaN}, {"polygamma", {0, 1}, -0.57721566490153286}, {"polygamma", {0, 0}, -kInfinity}, {"polygamma", {1, -2}, kInfinity},
    {"polygamma", {2, 0}, -kInfinity}, {"polygamma", {2, -3}, -kInfinity}, {"polygamma", {3, 0}, kInfinity}, {"polygamma", {2, kInfinity}, 0},
    {"polygamma", {2, -kInfinity}, -kInfinity}, {"polygamma", {3, -kInfinity}, kInfinity}, {"polygamma", {30, 1e-300}, -kInfinity},
    {"polygamma", {30, -1e-300}, kInfinity}, {"polygamma", {31, -1e-300}, kInfinity}, {"polygamma", {200, 1}, -kInfinity}, {"polygamma", {200, 1e10}, kNaN},
    {"gammaincinv", {1, 0}, 0}, {"gammaincinv", {1, 1}, kInfinity}, {"gammaincinv", {0, 0}, 0}, {"gammaincinv", {0, 1}, kInfinity}, {"gammaincinv", {0, 0.5}, kNaN},
    {"gammaincinv", {-1, 0.5}, kNaN}, {"gammaincinv", {1, -0.1}, kNaN}, {"gammaincinv", {1, 1.1}, kNaN}, {"gammaincinv", {kInfinity, 0.5}, kNaN},
    {"gammaincinv", {0.5, 1e-300}, 0}, {"gammaincinv", {1, 1e-300}, 1e-300},
    {"gammainccinv", {1, 0}, kInfinity}, {"gammainccinv", {1, 1}, 0}, {"gammainccinv", {0, 0.5}, kNaN}, {"gammainccinv", {-1, 0.5}, kNaN},
    {"gammainccinv", {1, -0.1}, kNaN}, {"gammainccinv", {1, 1.1}, kNaN}, {"gammainccinv", {kInfinity, 0.5}, kNaN}, {"gammainccinv", {0.001, 0.9}, 0},
    {"betaincinv", {1, 2, 0}, 0}, {"betaincinv", {1, 2, 1}, 1}, {"betaincinv", {0, 1, 0.5}, kNaN}, {"betaincinv", {1, 0, 0.5}, kNaN}, {"betaincinv", {-1, 1, 0.5}, kNaN},
    {"betaincinv", {1, 1, -0.1}, kNaN}, {"betaincinv", {1, 1, 1.1}, kNaN}, {"betaincinv", {1, kInfinity, 0.5}, 0}, {"betaincinv", {kInfinity, 1, 0.5}, 1},
    {"betaincinv", {2, kInfinity, 0.5}, kNaN}, {"betaincinv", {kInfinity, kInfinity, 0.5}, kNaN}, {"betaincinv", {0.5, 0.5, 1e-300}, 0},
    {"owens_t", {0, 1}, 0.125}, {"owens_t", {0, kInfinity}, 0.25}, {"owens_t", {1, 0}, 0}, {"owens_t", {1, kInfinity}, 0.07932762696572854},
    {"owens_t", {-1, -kInfinity}, -0.07932762696572854}, {"owens_t", {kInfinity, 1}, 0}, {"owens_t", {kInfinity, kInfinity}, 0},
    {"ndtri_exp", {0}, kInfinity}, {"ndtri_exp", {0.5}, kNaN}, {"ndtri_exp", {-kInfinity}, -kInfinity}, {"ndtri_exp", {kInfinity}, kNaN},
    {"ndtri_exp", {-1e300}, -1.4142135623730951e150}, {"ndtri_exp", {-1e-300}, 37.047096299361199},
};

// F(a, b; c; z) = value
const std::array<double, 5> kHypergeometric[] = {
    {0.5, 0.7, 1.2, 0.3, 1.1069071964473209729},
    {1.0, 1.0, 2.0, -1.0, 0.69314718055994530942},
    {1.0, 1.0, 2.0, 0.999, 6.9146699489310672373},
    {0.5, 0.5, 1.0, 0.99999, 4.5472301715642513852},
    {2.5, 1.5, 3.0, 0.9, 14.663397526525132981},
    {2.0, 3.0, 4.0, -5.0, 0.053995545477053359961},
    {1.0, 2.0, 3.0, -1000000.0, 1.9999723689768840725e-6},
    {0.5, 1.5, 2.5, -1e-08, 0.99999999700000001607},
    {2.5, -1.5, 0.75, 0.6, -0.86588381223937522631},
    {-3.5, 2.25, -2.5, 0.4, 4.4340380972943814899},
    {3.0, 4.0, 2.0, 0.75, 1792.0},
    {5.0, 3.0, 2.0, 0.5, 112.0},
    {-5.0, 2.5, 1.5, 1.75, -2.0830078125},
    {-17.0, 6.5, 2.0, 0.9, -1.0349990055878771551e-6},
    {-4.0, -6.0, 3.0, -8.0, 897.0},
    {30.0, 20.5, 5.25, -1.5, 3.1401098243352181555e-15},
    {40.0, 45.0, 1.5, -0.9, 1.1605543819181636792e-14},
    {2.0, 3.0, 1.5, -20.0, -3.5417143706778793447e-4},
    {1.5, 2.5, 4.0, 0.9999999990686774, 96.258628667433294112},
    {0.25, 0.75, 3.0, 1.0, 1.0975284616010435896},
    {1.25, -0.5, 2.0, 1.0, 0.55641789444938212419},
};

const std::array<double, 5> kHypergeometricLimits[] = {
    {1, 2, 3, 0, 1}, {0, 2, 3, 0.5, 1}, {1, 0, 3, -5, 1}, {1, 2, 3, 1, kInfinity}, {1, 2, 3, 1.5, kInfinity}, {2, 3, 3, 1.5, 4},
    {1, 2, 0, 0.5, kInfinity}, {1, 2, -3, 0.5, kInfinity}, {-4, 2, -3, 0.5, kInfinity}, {-1, 2, -3, 0.75, 1.5}, {2, -1, -3, 2, 7.0 / 3},
    {-2, 2, 3, kInfinity, kInfinity}, {-1, 2, 3, kInfinity, -kInfinity}, {-2, 2, 3, -kInfinity, kInfinity}, {0.5, 0.75, 1.25, -kInfinity, 0},
    {-0.5, 0.75, 1.25, -kInfinity, kInfinity}, {kNaN, 1, 2, 0.5, kNaN}, {1, kNaN, 2, 0.5, kNaN}, {1, 1, kNaN, 0.5, kNaN}, {1, 1, 2, kNaN, kNaN},
    {kInfinity, 1, 2, 0.5, kNaN}, {1, 1, kInfinity, 0.5, kNaN},
};
// clang-format on

const Functions kFunctions{
    .unary = {{"j0", special::j0}, {"j1", special::j1}, {"ndtri_exp", special::ndtri_exp}},
    .binary = {{"jv", special::jv},
               {"polygamma", special::polygamma},
               {"gammaincinv", special::gammaincinv},
               {"gammainccinv", special::gammainccinv},
               {"owens_t", special::owens_t}},
    .ternary = {{"betaincinv", special::betaincinv}}};

TEST(MoreSpecialFunctions, AgreeWithReferenceNumbers) { expect_table(kFunctions, kTable, 2e-13); }

TEST(MoreSpecialFunctions, PolesInfinitiesAndDomains) { expect_limits(kFunctions, kLimits); }

TEST(MoreSpecialFunctions, NaNStaysNaN) { expect_nan_stays(kFunctions, kTable); }

// Arguments in which Boost's root finders give up raise nothing.
TEST(MoreSpecialFunctions, ExtremeArgumentsEnd) {
  const double extremes[] = {1e-300, 1e-10, 1e-3, 0.5, 1, 3.3, 100, 1e4, 1e8};
  const double levels[] = {1e-300, 1e-100, 1e-10, 0.5, 1 - 1e-10};
  for (const double a : extremes) {
    for (const double p : levels) {
      EXPECT_FALSE(special::gammaincinv(a, p) < 0 || special::gammainccinv(a, p) < 0)
          << a << " " << p;
      for (const double b : extremes) {
        const double x = special::betaincinv(a, b, p);
        EXPECT_TRUE(x >= 0 && x <= 1) << a << " " << b << " " << p << ": " << x;
      }
    }
  }
}

TEST(Hypergeometric, AgreesWithReferenceNumbers) {
  for (const auto& [a, b, c, z, value] : kHypergeometric) {
    EXPECT_NEAR(special::hyp2f1(a, b, c, z), value, 1e-12 * std::abs(value))
        << a << ", " << b << "; " << c << "; " << z;
    EXPECT_NEAR(special::hyp2f1(b, a, c, z), value, 1e-12 * std::abs(value))
        << b << ", " << a << "; " << c << "; " << z;
  }
}

TEST(Hypergeometric, PolesInfinitiesAndDomains) {
  for (const auto& [a, b, c, z, expected] : kHypergeometricLimits) {
    const double value = special::hyp2f1(a, b, c, z);
    EXPECT_TRUE(agrees(value, expected))
        << a << ", " << b << "; " << c << "; " << z << ": " << value;
  }
}

}  // namespace
}  // namespace gemmule::kernels
