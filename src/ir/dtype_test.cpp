#include "ir/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gemmule {
namespace {

TEST(DType, NamesParseInBothSpellings) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(parse_dtype(name(dtype)), dtype);
    EXPECT_EQ(parse_dtype(numpy_name(dtype)), dtype);
    visit_dtype(dtype, [&]<class T>(T) { EXPECT_EQ(sizeof(T), size_of(dtype)); });
  }
  EXPECT_FALSE(parse_dtype("f99"));
}

TEST(Half, EveryBitPatternSurvivesFloat) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    Half half;
    half.bits = static_cast<std::uint16_t>(bits);
    const auto value = static_cast<float>(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(Half(value))));
    } else {
      ASSERT_EQ(Half(value).bits, half.bits) << bits;
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(Half(2049.0f).bits, Half(2048.0f).bits);  // halfway between 2048 and 2050
  EXPECT_EQ(Half(2051.0f).bits, Half(2052.0f).bits);
  EXPECT_EQ(Half(65519.0f).bits, Half(65504.0f).bits);
  EXPECT_TRUE(std::isinf(static_cast<float>(Half(65520.0f))));
  EXPECT_EQ(Half(std::ldexp(1.0f, -25)).bits, 0);  // half of the smallest subnormal: to even
  EXPECT_EQ(Half(std::ldexp(1.5f, -25)).bits, 1);
  EXPECT_TRUE(std::signbit(static_cast<float>(Half(-0.0f))));
}

}  // namespace
}  // namespace gemmule
