#include "kernels/movement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
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

// Whole numbers, whose sums are the same in every order.
void round_floats(TestArray& x) {
  for_each_index(x.shape(), [&](const Extents& index) {
    visit_dtype(x.dtype(), [&]<class T>(T) {
      if constexpr (Floating<T>) x.set(index, std::nearbyint(x.get<T>(index)));
    });
  });
}

// Against loops: random axes of x, index dtypes and layouts.
TEST(Indexing, RandomShapes) {
  std::mt19937 random(2);
  const std::vector<Extents> shapes = {{5}, {300}, {4, 3}, {3, 1, 4}, {2, 3, 2, 2}, {7, 0}};
  const std::vector<Extents> index_shapes = {{}, {1}, {0}, {6}, {700}, {3, 2}, {2, 1, 2}};
  const DType index_dtypes[] = {i64, i32, i8, u8, i16, u64};
  for (int trial = 0; trial < 3000; ++trial) {
    const DType dtype = std::array{f64, f32, i64, i8, bool_, c128, f16, c64}[random() % 8];
    const Extents& shape = shapes[random() % shapes.size()];
    const Extents& index_shape = index_shapes[random() % index_shapes.size()];
    std::vector<int> axes(shape.size());
    std::iota(axes.begin(), axes.end(), 0);
    std::shuffle(axes.begin(), axes.end(), random);
    axes.resize(1 + random() % axes.size());
    if (std::any_of(axes.begin(), axes.end(), [&](int a) { return shape[a] == 0; })) continue;

    TestArray x(dtype, shape, static_cast<Layout>(random() % kWritableLayoutCount));
    x.fill(random);
    round_floats(x);
    std::vector<TestArray> indices;
    std::vector<ConstView> views;
    std::vector<const void*> addresses;
    for (const int axis : axes) {
      const DType type = index_dtypes[random() % 6];
      indices.emplace_back(type, index_shape, static_cast<Layout>(random() % kLayoutCount));
      const auto size = static_cast<int>(std::min<std::int64_t>(shape[axis], 100));
      const bool wraps = type != u8 && type != u64;
      for_each_index(index_shape, [&](const Extents& i) {
        const int at = static_cast<int>(random() % size) - (wraps && random() % 2 ? size : 0);
        visit_dtype(type, [&]<class T>(T) { indices.back().set(i, detail::cast<T>(at)); });
      });
    }
    for (const TestArray& i : indices) {
      views.push_back(i.view());
      addresses.push_back(i.view().data);
    }
    Extents y_shape = index_shape;
    for (int d = 0; d < static_cast<int>(shape.size()); ++d) {
      if (std::find(axes.begin(), axes.end(), d) == axes.end()) y_shape.push_back(shape[d]);
    }
    const auto position = [&](const Extents& of_y) {
      const Extents i(of_y.begin(), of_y.begin() + static_cast<std::ptrdiff_t>(index_shape.size()));
      Extents at(shape.size());
      std::size_t rest = index_shape.size();
      for (int d = 0; d < static_cast<int>(shape.size()); ++d) {
        const auto k = std::find(axes.begin(), axes.end(), d) - axes.begin();
        if (k == static_cast<std::ptrdiff_t>(axes.size())) {
          at[d] = of_y[rest++];
          continue;
        }
        at[d] = visit_dtype(indices[k].dtype(), [&]<class T>(T) {
          return detail::cast<std::int64_t>(indices[k].get<T>(i));
        });
        if (at[d] < 0) at[d] += shape[d];
      }
      return at;
    };

    TestArray y(dtype, y_shape, static_cast<Layout>(random() % kWritableLayoutCount));
    const GatherKernel gathers(x.view(), views, axes, y.mutable_view());
    ASSERT_FALSE(gathers.run(x.view().data, addresses.data(), y.mutable_view().data));
    ASSERT_TRUE(y.margins_untouched());
    for_each_index(y_shape, [&](const Extents& i) {
      visit_dtype(dtype, [&]<class T>(T) {
        const T got = y.get<T>(i), want = x.get<T>(position(i));
        ASSERT_EQ(std::memcmp(&got, &want, sizeof got), 0);
      });
    });

    TestArray source(dtype, y_shape, static_cast<Layout>(random() % kLayoutCount));
    source.fill(random);
    round_floats(source);
    for (const ScatterMode mode : {ScatterMode::set, ScatterMode::add}) {
      TestArray expected = x, result = x;
      for_each_index(y_shape, [&](const Extents& i) {
        visit_dtype(dtype, [&]<class T>(T) {
          const T value = source.get<T>(i), held = expected.get<T>(position(i));
          expected.set(position(i), mode == ScatterMode::add ? call<fn_add>(held, value) : value);
        });
      });
      const ScatterKernel scatters(mode, result.mutable_view(), source.view(), views, axes);
      ASSERT_FALSE(scatters.run(result.mutable_view().data, source.view().data, addresses.data()));
      ASSERT_TRUE(same_bits(result, expected) && result.margins_untouched());
    }
  }
}

// So many that they are added in several sums at once.
TEST(Scatter, AddsManyInFewPlaces) {
  for (const std::int64_t n : {31, 32, 33, 1000}) {
    for (const std::int64_t stride : {1, -2}) {
      std::vector<std::int32_t> at(n);
      std::vector<float> x(5, 0.5f), y(2 * n);
      x[4] = -0.0f;
      std::vector<float> expected = x;
      const std::int64_t first = stride < 0 ? 2 * n - 2 : 0;
      for (std::int64_t i = 0; i < n; ++i) {
        at[i] = static_cast<std::int32_t>(i * i % 8) - 4;  // from the end, too
        y[first + i * stride] = static_cast<float>(i % 5);
        expected[at[i] < 0 ? at[i] + 5 : at[i]] += static_cast<float>(i % 5);
      }
      const int axis = 0;
      const ConstView index{at.data(), i32, {n}, {1}};
      EXPECT_FALSE(scatter(ScatterMode::add, {x.data(), f32, {5}, {1}},
                           {y.data() + first, f32, {n}, {stride}}, {&index, 1}, {&axis, 1}));
      EXPECT_EQ(x, expected);
    }
  }
}

TEST(Indexing, FindsTheFirstErrorAnywhere) {
  std::vector<std::int32_t> rows(1000, 1), columns(1000, 2);
  std::vector<double> x(12), y(1000, 7);
  const View matrix{x.data(), f64, {3, 4}, {4, 1}};
  const View out{y.data(), f64, {1000}, {1}};
  const std::vector<ConstView> at = {{nullptr, i32, {1000}, {1}}, {nullptr, i32, {1000}, {-1}}};
  const int axes[] = {0, 1};
  const GatherKernel gathers(matrix, at, axes, out);
  const ScatterKernel scatters(ScatterMode::add, matrix, out, at, axes);
  const void* indices[] = {rows.data(), columns.data() + 999};
  EXPECT_FALSE(gathers.run(x.data(), indices, y.data()));
  std::fill(y.begin(), y.end(), 7);
  columns[300] = 4, columns[200] = -5;
  for (const auto& error :
       {gathers.run(x.data(), indices, y.data()), scatters.run(x.data(), y.data(), indices)}) {
    ASSERT_TRUE(error);
    EXPECT_EQ(error->axis, 1);
    EXPECT_EQ(error->index, 4);  // read from the end
    EXPECT_EQ(error->size, 4);
  }
  EXPECT_EQ(y, std::vector<double>(1000, 7));
  EXPECT_EQ(x, std::vector<double>(12, 0));
}

TEST(Sort, LongLinesAreStable) {
  std::mt19937 random(3);
  for (const std::int64_t n : {2, 15, 16, 17, 33, 1000, 4097}) {
    std::vector<double> x(n), sorted(n);
    for (double& v : x) {
      v = static_cast<double>(random() % 10);
      if (v == 9) v = kNaN;
      if (v == 0 && random() % 2) v = -0.0;
    }
    std::vector<std::int64_t> expected(n), order(n);
    std::iota(expected.begin(), expected.end(), 0);
    std::stable_sort(expected.begin(), expected.end(), [&](std::int64_t a, std::int64_t b) {
      return x[a] < x[b] || (std::isnan(x[b]) && !std::isnan(x[a]));
    });
    const ConstView in{x.data(), f64, {n}, {1}};
    argsort(in, 0, {order.data(), i64, {n}, {1}});
    EXPECT_EQ(order, expected);
    sort(in, 0, {sorted.data(), f64, {n}, {1}});
    for (std::int64_t i = 0; i < n; ++i) {
      ASSERT_EQ(std::memcmp(&sorted[i], &x[expected[i]], sizeof(double)), 0);
    }
  }
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
