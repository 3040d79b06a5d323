#include "kernels/selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

using enum DType;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Integers = std::vector<std::int64_t>;

View vector_of(Integers& values) {
  return {values.data(), i64, {static_cast<std::int64_t>(values.size())}, {1}};
}
ConstView vector_of(const std::vector<double>& values) {
  return {values.data(), f64, {static_cast<std::int64_t>(values.size())}, {1}};
}

TEST(Nonzero, EveryDtypeAndLayout) {
  std::mt19937 random(0);
  const std::vector<Extents> shapes = {{0},       {1},       {300},        {3, 5},
                                       {4, 0, 2}, {2, 3, 4}, {3, 1, 17, 2}};
  for (int d = 0; d < kDTypeCount; ++d) {
    for (const Extents& shape : shapes) {
      for (int trial = 0; trial < 20; ++trial) {
        TestArray x(static_cast<DType>(d), shape, static_cast<Layout>(random() % kLayoutCount));
        x.fill(random);
        for_each_index(shape, [&](const Extents& index) {
          visit_dtype(x.dtype(), [&]<class T>(T) {
            if (random() % 2 == 0) x.set(index, T{});
          });
        });
        std::vector<Extents> expected;
        for_each_index(shape, [&](const Extents& index) {
          visit_dtype(x.dtype(), [&]<class T>(T) {
            if (is_nonzero(x.dtype(), std::array{x.get<T>(index)}.data()))
              expected.push_back(index);
          });
        });
        const auto rank = static_cast<std::int64_t>(shape.size());
        TestArray positions(i64, {rank, element_count(shape)}, static_cast<Layout>(random() % 2));
        const std::int64_t count = nonzero(x.view(), positions.mutable_view());
        ASSERT_EQ(count, static_cast<std::int64_t>(expected.size()));
        for (std::int64_t axis = 0; axis < rank; ++axis) {
          for (std::int64_t k = 0; k < element_count(shape); ++k) {
            const std::int64_t want =
                k < count ? expected[static_cast<std::size_t>(k)][static_cast<std::size_t>(axis)]
                          : 0;
            ASSERT_EQ(positions.get<std::int64_t>({axis, k}), want);
          }
        }
        ASSERT_TRUE(positions.margins_untouched());
      }
    }
  }
}

TEST(Nonzero, NaNIsNotZeroAndMinusZeroIs) {
  const std::vector<double> x = {0.0, -0.0, kNaN, -kInfinity, 5e-324};
  Integers positions(5, -1);
  EXPECT_EQ(nonzero(vector_of(x), {positions.data(), i64, {1, 5}, {5, 1}}), 3);
  EXPECT_EQ(positions, (Integers{2, 3, 4, 0, 0}));
  const std::complex<double> imaginary{0, 1};
  EXPECT_TRUE(is_nonzero(c128, &imaginary));
  const Half minus_zero(-0.0F);
  EXPECT_FALSE(is_nonzero(f16, &minus_zero));
}

TEST(Unique, OfAVector) {
  const std::vector<double> x = {3, kNaN, 1, 3, -kInfinity, kNaN, 1};
  std::vector<double> values(7, 9);
  Integers first(7, -1), inverse(7, -1), counts(7, -1);
  const View to{values.data(), f64, {7}, {1}};
  EXPECT_EQ(unique(vector_of(x), {to, vector_of(first), vector_of(inverse), vector_of(counts)}), 4);
  EXPECT_EQ(std::vector<double>(values.begin(), values.begin() + 3),
            (std::vector<double>{-kInfinity, 1, 3}));
  EXPECT_TRUE(std::isnan(values[3]));
  EXPECT_EQ(values[4], 0);
  EXPECT_EQ(first, (Integers{4, 2, 0, 1, 0, 0, 0}));
  EXPECT_EQ(inverse, (Integers{2, 3, 1, 2, 0, 3, 1}));
  EXPECT_EQ(counts, (Integers{1, 2, 2, 2, 0, 0, 0}));
}

TEST(Unique, OfRows) {
  // A row with a NaN equals no row.
  const std::vector<double> x = {2, 1, 1, kNaN, 2, 1, 1, kNaN, 2, 0};
  std::vector<double> values(10, 9);
  Integers first(5, -1), inverse(5, -1), counts(5, -1);
  const UniqueResults results{{values.data(), f64, {5, 2}, {2, 1}},
                              vector_of(first),
                              vector_of(inverse),
                              vector_of(counts)};
  EXPECT_EQ(unique({x.data(), f64, {5, 2}, {2, 1}}, results), 4);
  EXPECT_EQ(first, (Integers{1, 3, 4, 0, 0}));
  EXPECT_EQ(inverse, (Integers{3, 0, 3, 1, 2}));
  EXPECT_EQ(counts, (Integers{1, 1, 1, 2, 0}));
  EXPECT_EQ(values[6], 2);
  EXPECT_EQ(values[7], 1);
  // Rows without elements are all the same.
  EXPECT_EQ(unique({x.data(), f64, {5, 0}, {0, 1}}, {{values.data(), f64, {5, 0}, {0, 1}},
                                                     vector_of(first),
                                                     vector_of(inverse),
                                                     vector_of(counts)}),
            1);
}

TEST(Unique, LargeAgainstSort) {
  std::mt19937 random(1);
  for (const std::int64_t n : {0, 1, 15, 16, 17, 100, 1000}) {
    std::vector<double> x(static_cast<std::size_t>(n));
    for (double& value : x) value = static_cast<double>(random() % 30);
    std::vector<double> sorted = x, values(x.size());
    std::ranges::sort(sorted);
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    Integers first(x.size()), inverse(x.size()), counts(x.size());
    const std::int64_t count = unique(
        vector_of(x),
        {{values.data(), f64, {n}, {1}}, vector_of(first), vector_of(inverse), vector_of(counts)});
    ASSERT_EQ(count, static_cast<std::int64_t>(sorted.size()));
    for (std::size_t j = 0; j < x.size(); ++j)
      ASSERT_EQ(values[static_cast<std::size_t>(inverse[j])], x[j]);
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      ASSERT_EQ(values[i], sorted[i]);
      ASSERT_EQ(first[i], std::ranges::find(x, sorted[i]) - x.begin());
      ASSERT_EQ(counts[i], std::ranges::count(x, sorted[i]));
    }
  }
}

TEST(Searchsorted, BothSidesAndNaN) {
  const std::vector<double> x = {-1, 0, 0, 2, kInfinity, kNaN, kNaN},
                            v = {-2, 0, 1, kInfinity, kNaN};
  Integers left(5), right(5);
  EXPECT_TRUE(searchsorted(vector_of(x), vector_of(v), {}, false, vector_of(left)));
  EXPECT_TRUE(searchsorted(vector_of(x), vector_of(v), {}, true, vector_of(right)));
  EXPECT_EQ(left, (Integers{0, 1, 3, 4, 5}));
  EXPECT_EQ(right, (Integers{0, 3, 3, 5, 7}));
}

TEST(Searchsorted, WithASorterAndStrides) {
  const std::vector<double> x = {2, -1, 0}, v = {0, 9, 5};
  const std::int32_t order[] = {1, 2, 0}, wrong[] = {1, 2, 3};
  Integers positions(2);
  // v backwards, every second element: 5, 0.
  const ConstView every_second{v.data() + 2, f64, {2}, {-2}};
  EXPECT_TRUE(searchsorted(vector_of(x), every_second, {order, i32, {3}, {1}}, false,
                           vector_of(positions)));
  EXPECT_EQ(positions, (Integers{3, 1}));
  EXPECT_FALSE(searchsorted(vector_of(x), every_second, {wrong, i32, {3}, {1}}, false,
                            vector_of(positions)));
}

TEST(RepeatIndices, CountsAndWrongOnes) {
  const std::int32_t counts[] = {2, 0, 3};
  Integers to(5, -1);
  EXPECT_TRUE(repeat_indices({counts, i32, {3}, {1}}, vector_of(to)));
  EXPECT_EQ(to, (Integers{0, 0, 2, 2, 2}));
  EXPECT_TRUE(repeat_indices({counts + 2, i32, {3}, {-1}}, vector_of(to)));
  EXPECT_EQ(to, (Integers{0, 0, 0, 2, 2}));
  Integers other(4, -1), none;
  EXPECT_FALSE(repeat_indices({counts, i32, {3}, {1}}, vector_of(other)));
  EXPECT_EQ(other, Integers(4, -1));
  const std::int8_t negative[] = {3, -1, 2};
  EXPECT_FALSE(repeat_indices({negative, i8, {3}, {1}}, vector_of(other)));
  EXPECT_TRUE(repeat_indices({counts, i32, {0}, {1}}, vector_of(none)));
  const std::uint64_t huge[] = {1, std::numeric_limits<std::uint64_t>::max()};
  EXPECT_FALSE(repeat_indices({huge, u64, {2}, {1}}, vector_of(other)));
}

TEST(Selection, ViewsThatDoNotFit) {
  const std::vector<double> x = {1, 2};
  Integers two(2), three(3);
  EXPECT_THROW(nonzero(vector_of(x), vector_of(two)), std::invalid_argument);
  EXPECT_THROW(searchsorted(vector_of(x), vector_of(x), {}, false, vector_of(three)),
               std::invalid_argument);
  EXPECT_THROW(repeat_indices(vector_of(x), vector_of(two)), std::invalid_argument);
}

}  // namespace
}  // namespace gemmule::kernels
