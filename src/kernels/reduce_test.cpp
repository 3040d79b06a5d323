#include "kernels/reduce.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

using enum DType;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Extents without(const Extents& shape, const std::vector<int>& axes) {
  Extents kept;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (std::find(axes.begin(), axes.end(), static_cast<int>(d)) == axes.end()) {
      kept.push_back(shape[d]);
    }
  }
  return kept;
}

// Every subset of the axes of every shape, in random layouts.
template <class F>
void for_cases(F&& f, std::int64_t largest = 1 << 20) {
  std::mt19937 random(0);
  const std::vector<Extents> shapes = {{},       {1},       {7},        {1023},      {1025},
                                       {9000},   {3, 4},    {1000, 3},  {3, 1000},   {70, 1030},
                                       {300, 9}, {2, 3, 4}, {5, 70, 6}, {2, 1, 3, 2}};
  for (const Extents& shape : shapes) {
    if (element_count(shape) > largest) continue;
    for (unsigned subset = 0; subset < 1u << shape.size(); ++subset) {
      std::vector<int> axes;
      for (std::size_t d = 0; d < shape.size(); ++d) {
        if (subset >> d & 1) axes.push_back(static_cast<int>(d));
      }
      for (int trial = 0; trial < 8; ++trial) {
        f(random, shape, axes,
          trial ? static_cast<Layout>(random() % kLayoutCount) : Layout::row_major);
      }
    }
  }
}

Extents kept_index(const Extents& index, const std::vector<int>& axes) {
  return without(index, axes);
}

TEST(Reduce, SumsOfEveryLayout) {
  for_cases([](std::mt19937& random, const Extents& shape, const std::vector<int>& axes,
               Layout layout) {
    TestArray x(f64, shape, layout);
    x.fill(random);
    TestArray out(f64, without(shape, axes), static_cast<Layout>(random() % kWritableLayoutCount));
    TestArray expected(f64, out.shape(), Layout::row_major), size = expected, rest = expected;
    for_each_index(shape, [&](const Extents& i) {
      const Extents k = kept_index(i, axes);
      // Two doubles hold the sum: its error joins `rest` (Knuth's two-sum).
      const double a = expected.get<double>(k), b = x.get<double>(i), sum = a + b;
      rest.set(k, rest.get<double>(k) + ((a - (sum - (sum - a))) + (b - (sum - a))));
      expected.set(k, sum);
      size.set(k, size.get<double>(k) + std::abs(x.get<double>(i)));
    });
    reduce(Op::reduce_sum, f64, x.view(), axes, out.mutable_view());
    for_each_index(out.shape(), [&](const Extents& k) {
      ASSERT_NEAR(out.get<double>(k), expected.get<double>(k) + rest.get<double>(k),
                  2e-15 * size.get<double>(k));
    });
  });
}

TEST(Reduce, MaximaIntegersAndMixedDtypes) {
  for_cases(
      [](std::mt19937& random, const Extents& shape, const std::vector<int>& axes, Layout layout) {
        TestArray x(i16, shape, layout);
        x.fill(random);
        const Extents kept = without(shape, axes);
        TestArray high(i16, kept, Layout::gaps), low(i16, kept, Layout::row_major),
            sum(i64, kept, Layout::gaps), wrapped(i8, kept, Layout::row_major),
            any(bool_, kept, Layout::row_major), all(bool_, kept, Layout::gaps),
            largest(i64, kept, Layout::gaps), average(f16, kept, Layout::row_major);
        reduce(Op::reduce_max, i16, x.view(), axes, high.mutable_view());
        reduce(Op::reduce_min, i16, x.view(), axes, low.mutable_view());
        reduce(Op::reduce_sum, i64, x.view(), axes, sum.mutable_view());
        reduce(Op::reduce_prod, i8, x.view(), axes, wrapped.mutable_view());
        reduce(Op::reduce_any, f64, x.view(), axes, any.mutable_view());
        reduce(Op::reduce_all, f64, x.view(), axes, all.mutable_view());
        reduce(Op::argmax, f64, x.view(), axes, largest.mutable_view());
        reduce(Op::reduce_sum, f16, x.view(), axes, average.mutable_view());
        for_each_index(kept, [&](const Extents& k) {
          std::int16_t h = -32768, l = 32767;
          std::int64_t s = 0, at = -1, position = 0;
          std::uint8_t p = 1;
          bool some = false, every = true;
          for_each_index(shape, [&](const Extents& i) {
            if (kept_index(i, axes) != k) return;
            const auto v = x.get<std::int16_t>(i);
            if (v > h) at = position;
            ++position;
            h = std::max(h, v), l = std::min(l, v), s += v, p = static_cast<std::uint8_t>(p * v);
            some = some || v != 0, every = every && v != 0;
          });
          ASSERT_EQ(high.get<std::int16_t>(k), h);
          ASSERT_EQ(low.get<std::int16_t>(k), l);
          ASSERT_EQ(sum.get<std::int64_t>(k), s);
          ASSERT_EQ(wrapped.get<std::int8_t>(k), static_cast<std::int8_t>(p));
          ASSERT_EQ(any.get<bool>(k), some);
          ASSERT_EQ(all.get<bool>(k), every);
          ASSERT_EQ(largest.get<std::int64_t>(k), at);
          ASSERT_EQ(average.get<Half>(k).bits, Half(static_cast<float>(s)).bits);
        });
        ASSERT_TRUE(sum.margins_untouched() && all.margins_untouched());
      },
      1200);  // comparing is quadratic
}

double sum_f64(const std::vector<double>& x) {
  double out = kNaN;
  const int axis = 0;
  const std::int64_t n = static_cast<std::int64_t>(x.size());
  reduce(Op::reduce_sum, f64, {x.data(), f64, {n}, {1}}, {&axis, 1}, {&out, f64, {}, {}});
  return out;
}

TEST(Reduce, SumIsPairwise) {
  EXPECT_NEAR(sum_f64(std::vector<double>(1 << 20, 0.1)), (1 << 20) * 0.1,
              1e-9);  // one by one: 1e-6
  const std::vector<float> x(2'000'000, 0.1f);
  const int axis = 0;
  const ConstView in{x.data(), f32, {2'000'000}, {1}};
  float narrow = 0;
  double wide = 0;
  reduce(Op::reduce_sum, f32, in, {&axis, 1}, {&narrow, f32, {}, {}});
  reduce(Op::reduce_sum, f64, in, {&axis, 1}, {&wide, f64, {}, {}});
  EXPECT_FLOAT_EQ(narrow, 2e5f);
  EXPECT_NEAR(wide, 2e6 * double(0.1f), 1e-8);
}

TEST(Reduce, NaNWinsAndZerosKeepTheirSign) {
  for (const std::size_t n : {3u, 40u, 3000u}) {
    for (const std::size_t at : {std::size_t{0}, n / 2, n - 1}) {
      std::vector<double> x(n, 1.0);
      x[at] = kNaN;
      const ConstView in{x.data(), f64, {static_cast<std::int64_t>(n)}, {1}};
      const int axis = 0;
      double high = 0, low = 0;
      std::int64_t position = -1;
      reduce(Op::reduce_max, f64, in, {&axis, 1}, {&high, f64, {}, {}});
      reduce(Op::reduce_min, f64, in, {&axis, 1}, {&low, f64, {}, {}});
      reduce(Op::argmin, f64, in, {&axis, 1}, {&position, i64, {}, {}});
      EXPECT_TRUE(std::isnan(high) && std::isnan(low));
      EXPECT_EQ(position, static_cast<std::int64_t>(at));
    }
  }
  EXPECT_TRUE(std::signbit(sum_f64({-0.0, -0.0})));
}

std::string error_of(Op op, DType in, const Extents& shape, std::vector<int> axes, DType out,
                     const Extents& result) {
  double memory[64] = {};
  try {
    reduce(op, out, {memory, in, shape, row_major_strides(shape)}, axes,
           {memory, out, result, row_major_strides(result)});
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST(Reduce, Empty) {
  double sum = kNaN, product = kNaN;
  bool any = true, all = false;
  const int axis = 0;
  const ConstView in{nullptr, f64, {0}, {1}};
  reduce(Op::reduce_sum, f64, in, {&axis, 1}, {&sum, f64, {}, {}});
  reduce(Op::reduce_prod, f64, in, {&axis, 1}, {&product, f64, {}, {}});
  reduce(Op::reduce_any, f64, in, {&axis, 1}, {&any, bool_, {}, {}});
  reduce(Op::reduce_all, f64, in, {&axis, 1}, {&all, bool_, {}, {}});
  EXPECT_EQ(sum, 0);
  EXPECT_EQ(product, 1);
  EXPECT_FALSE(any);
  EXPECT_TRUE(all);
  EXPECT_EQ(error_of(Op::reduce_max, f64, {0}, {0}, f64, {}),
            "[reduce_max] zero-size array to reduction operation maximum which has no identity");
  EXPECT_EQ(error_of(Op::argmax, f64, {2, 0}, {1}, i64, {2}),
            "[argmax] zero-size array to reduction operation argmax which has no identity");
  EXPECT_EQ(error_of(Op::reduce_max, f64, {0, 2}, {1}, f64, {0}), "");  // no results, no error
}

TEST(Reduce, Messages) {
  EXPECT_EQ(error_of(Op::reduce_sum, f64, {2}, {1}, f64, {}),
            "[reduce_sum] axis 1 of an array of rank 1 is out of range or given twice");
  EXPECT_EQ(
      error_of(Op::reduce_sum, f64, {2}, {0}, f64, {2}),
      "[reduce_sum] the result does not have the shape of the operand without the reduced axes");
  EXPECT_EQ(error_of(Op::reduce_any, f64, {2}, {0}, f64, {}),
            "[reduce_any] the result is bool, not float64");
  EXPECT_EQ(error_of(Op::reduce_max, c128, {2}, {0}, c128, {}),
            "[reduce_max] not defined for complex128");
  EXPECT_EQ(error_of(Op::argmin, c128, {2}, {0}, i64, {}), "[argmin] not defined for complex128");
  EXPECT_EQ(error_of(Op::exp, f64, {2}, {0}, f64, {}), "[exp] not a reduction");
}

TEST(Cumulate, EveryAxisAndLayout) {
  std::mt19937 random(2);
  for (const Extents& shape :
       {Extents{1}, {7}, {3000}, {40, 50}, {2000, 3}, {3, 1100}, {3, 4, 5}, {3, 0}}) {
    for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) {
      for (int trial = 0; trial < 20; ++trial) {
        TestArray x(i32, shape, static_cast<Layout>(random() % kLayoutCount));
        TestArray sum(i64, shape, static_cast<Layout>(random() % kWritableLayoutCount));
        TestArray product(i32, shape, static_cast<Layout>(random() % kWritableLayoutCount));
        x.fill(random);
        cumulate(Op::cumsum, x.view(), axis, sum.mutable_view());
        cumulate(Op::cumprod, x.view(), axis, product.mutable_view());
        for_each_index(shape, [&](Extents i) {
          const std::int64_t total = sum.get<std::int64_t>(i);
          const auto last = x.get<std::int32_t>(i), all = product.get<std::int32_t>(i);
          std::int64_t before = 0;
          std::uint32_t factor = 1;
          if (i[axis]-- > 0)
            before = sum.get<std::int64_t>(i), factor = product.get<std::int32_t>(i);
          ASSERT_EQ(total, before + last);
          ASSERT_EQ(all, static_cast<std::int32_t>(factor * static_cast<std::uint32_t>(last)));
        });
      }
    }
  }
  std::vector<double> x = {1, 2, 3};
  const View v{x.data(), f64, {3}, {1}};
  cumulate(Op::cumsum, v, 0, v);
  EXPECT_EQ(x, (std::vector<double>{1, 3, 6}));
}

}  // namespace
}  // namespace gemmule::kernels
