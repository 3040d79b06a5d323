#include "kernels/movement.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

using enum DType;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Copy, EveryDtypeAndLayout) {
  std::mt19937 random(0);
  const std::vector<Extents> shapes = {{},     {0},      {1},       {1000},
                                       {3, 5}, {40, 50}, {2, 3, 4}, {3, 1, 17, 2}};
  for (int d = 0; d < kDTypeCount; ++d) {
    for (const Extents& shape : shapes) {
      for (int trial = 0; trial < 30; ++trial) {
        TestArray x(static_cast<DType>(d), shape, static_cast<Layout>(random() % kLayoutCount));
        TestArray y(static_cast<DType>(d), shape,
                    static_cast<Layout>(random() % kWritableLayoutCount));
        x.fill(random);
        copy(x.view(), y.mutable_view());
        ASSERT_TRUE(same_bits(x, y) && y.margins_untouched());
      }
    }
  }
}

TEST(Gather, RowsAndPoints) {
  std::vector<double> x(12), rows(9), points(2);
  std::iota(x.begin(), x.end(), 0);
  const ConstView matrix{x.data(), f64, {4, 3}, {3, 1}};
  const std::int64_t i[] = {-1, 0, 2};
  const std::int32_t r[] = {1, 3}, c[] = {2, -3};
  const int axes[] = {0, 1};
  const ConstView at{i, i64, {3}, {1}};
  EXPECT_FALSE(gather(matrix, {&at, 1}, {axes, 1}, {rows.data(), f64, {3, 3}, {3, 1}}));
  EXPECT_EQ(rows, (std::vector<double>{9, 10, 11, 0, 1, 2, 6, 7, 8}));
  const ConstView pairs[] = {{r, i32, {2}, {1}}, {c, i32, {2}, {1}}};
  EXPECT_FALSE(gather(matrix, pairs, axes, {points.data(), f64, {2}, {1}}));
  EXPECT_EQ(points, (std::vector<double>{5, 9}));
  // A column index, its axis moved to the front.
  std::vector<double> columns(8);
  EXPECT_FALSE(
      gather(matrix, {&pairs[1], 1}, {axes + 1, 1}, {columns.data(), f64, {2, 4}, {4, 1}}));
  EXPECT_EQ(columns, (std::vector<double>{2, 5, 8, 11, 0, 3, 6, 9}));
}

TEST(Gather, ReportsTheIndexAndWritesNothing) {
  std::vector<double> x = {1, 2, 3}, y = {7, 7};
  const std::int64_t i[] = {1, -4};
  const std::uint64_t huge[] = {0, ~0ull};
  const int axis = 0;
  const ConstView vector{x.data(), f64, {3}, {1}};
  const View out{y.data(), f64, {2}, {1}};
  const ConstView at{i, i64, {2}, {1}}, at_huge{huge, u64, {2}, {1}};
  const auto error = gather(vector, {&at, 1}, {&axis, 1}, out);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->axis, 0);
  EXPECT_EQ(error->index, -4);
  EXPECT_EQ(error->size, 3);
  EXPECT_TRUE(gather(vector, {&at_huge, 1}, {&axis, 1}, out));
  EXPECT_EQ(y, (std::vector<double>{7, 7}));
}

TEST(Scatter, SetAndAdd) {
  std::vector<double> x(6, 1);
  const std::int64_t i[] = {1, -1, 1};
  const int axis = 0;
  const ConstView at{i, i64, {3}, {1}};
  const View matrix{x.data(), f64, {3, 2}, {2, 1}};
  const double y[] = {1, 2, 3, 4, 5, 6};
  EXPECT_FALSE(scatter(ScatterMode::add, matrix, {y, f64, {3, 2}, {2, 1}}, {&at, 1}, {&axis, 1}));
  EXPECT_EQ(x, (std::vector<double>{1, 1, 7, 9, 4, 5}));
  EXPECT_FALSE(scatter(ScatterMode::set, matrix, {y, f64, {3, 2}, {2, 1}}, {&at, 1}, {&axis, 1}));
  EXPECT_EQ(x, (std::vector<double>{1, 1, 5, 6, 3, 4}));
  EXPECT_FALSE(scatter(ScatterMode::add, matrix, {y, f64, {3, 2}, {0, 0}}, {&at, 1}, {&axis, 1}));
  EXPECT_EQ(x, (std::vector<double>{1, 1, 7, 8, 4, 5}));
}

TEST(Sort, NaNLastAndStable) {
  const std::vector<double> x = {3, kNaN, 1, 2, 1, -kInfinity};
  std::vector<double> sorted(6);
  std::vector<std::int64_t> order(6);
  const ConstView in{x.data(), f64, {6}, {1}};
  sort(in, 0, {sorted.data(), f64, {6}, {1}});
  argsort(in, 0, {order.data(), i64, {6}, {1}});
  EXPECT_TRUE(std::isnan(sorted.back()));
  sorted.pop_back();
  EXPECT_EQ(sorted, (std::vector<double>{-kInfinity, 1, 1, 2, 3}));
  EXPECT_EQ(order, (std::vector<std::int64_t>{5, 2, 4, 3, 0, 1}));
}

TEST(Sort, EveryAxisDtypeAndLayout) {
  std::mt19937 random(1);
  for (int d = 0; d < kDTypeCount; ++d) {
    for (int trial = 0; trial < 30; ++trial) {
      const Extents shape = {4, 5, 6};
      const int axis = static_cast<int>(random() % 3);
      TestArray x(static_cast<DType>(d), shape, static_cast<Layout>(random() % kLayoutCount));
      TestArray sorted(x.dtype(), shape, static_cast<Layout>(random() % kWritableLayoutCount));
      TestArray order(i64, shape, static_cast<Layout>(random() % kWritableLayoutCount));
      x.fill(random);
      sort(x.view(), axis, sorted.mutable_view());
      argsort(x.view(), axis, order.mutable_view());
      for_each_index(shape, [&](Extents i) {
        visit_dtype(x.dtype(), [&]<class T>(T) {
          const T value = sorted.get<T>(i);
          Extents from = i;
          from[axis] = order.get<std::int64_t>(i);
          const T same = x.get<T>(from);
          ASSERT_EQ(std::memcmp(&value, &same, sizeof value), 0);
        });
      });
    }
  }
}

}  // namespace
}  // namespace gemmule::kernels
