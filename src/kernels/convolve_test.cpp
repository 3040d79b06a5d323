#include "kernels/convolve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <limits>
#include <random>
#include <vector>

#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

// The definition, [begin, begin + size) of the full convolution of rows x columns.
template <class T>
T element(const TestArray& x, const TestArray& y, std::int64_t row, std::int64_t column) {
  const Extents &a = x.shape(), &b = y.shape();
  T sum = T(0);
  for (std::int64_t p = 0; p < b[0]; ++p) {
    for (std::int64_t q = 0; q < b[1]; ++q) {
      if (row < p || row - p >= a[0] || column < q || column - q >= a[1]) continue;
      sum = static_cast<T>(sum + x.get<T>({row - p, column - q}) * y.get<T>({p, q}));
    }
  }
  return sum;
}

template <class T>
void fill(TestArray& x, std::mt19937& generator) {
  std::uniform_int_distribution<int> integers(-9, 9);  // sums are exact in every dtype
  for_each_index(x.shape(), [&](const Extents& index) { x.set(index, T(integers(generator))); });
}

struct Sizes {
  std::int64_t m, n, j, k;
};

template <class T>
void expect_definition(Sizes s, bool full, Layout layout) {
  std::mt19937 generator(static_cast<unsigned>(s.m + 10 * s.n + 100 * s.j + 1000 * s.k));
  constexpr DType dtype = std::is_same_v<T, float>                  ? DType::f32
                          : std::is_same_v<T, double>               ? DType::f64
                          : std::is_same_v<T, std::complex<double>> ? DType::c128
                          : std::is_same_v<T, std::int64_t>         ? DType::i64
                                                                    : DType::u8;
  TestArray x(dtype, {s.m, s.n}, layout), y(dtype, {s.j, s.k}, layout);
  fill<T>(x, generator);
  fill<T>(y, generator);
  const auto first = [&](std::int64_t n, std::int64_t k) { return full ? 0 : std::min(n, k) - 1; };
  const auto size = [&](std::int64_t n, std::int64_t k) {
    return full ? n + k - 1 : std::abs(n - k) + 1;
  };
  TestArray out(dtype, {size(s.m, s.j), size(s.n, s.k)}, layout);
  convolve2d(x.view(), y.view(), out.mutable_view());
  for_each_index(out.shape(), [&](const Extents& index) {
    EXPECT_EQ(out.get<T>(index),
              element<T>(x, y, first(s.m, s.j) + index[0], first(s.n, s.k) + index[1]));
  });
}

template <class T>
class Convolve : public testing::Test {};
using Types = testing::Types<float, double, std::complex<double>, std::int64_t, std::uint8_t>;
TYPED_TEST_SUITE(Convolve, Types);

TYPED_TEST(Convolve, EqualsItsDefinition) {
  for (const Sizes s : {Sizes{1, 1, 1, 1},
                        {1, 9, 1, 4},
                        {1, 4, 1, 9},
                        {1, 30, 1, 13},
                        {1, 2600, 1, 6},
                        {1, 5, 1, 2100},
                        {4, 6, 2, 3},
                        {2, 3, 4, 6},
                        {5, 5, 5, 5},
                        {6, 1, 2, 1}}) {
    for (const bool full : {true, false}) {
      for (int layout = 0; layout < kWritableLayoutCount; ++layout) {
        expect_definition<TypeParam>(s, full, static_cast<Layout>(layout));
      }
    }
  }
  expect_definition<TypeParam>({4, 2, 2, 5}, true, Layout::row_major);  // neither is the larger one
}

TEST(Convolve, InOneDimensionTakesBatches) {
  std::vector<double> x{1, 2, 3, 4, 5, 6}, y{1, 10}, out(8);
  const ConstView a{x.data(), DType::f64, {2, 3}, {3, 1}}, b{y.data(), DType::f64, {2, 2}, {0, 1}};
  convolve1d(a, b, {out.data(), DType::f64, {2, 4}, {4, 1}});
  EXPECT_EQ(out, (std::vector<double>{1, 12, 23, 30, 4, 45, 56, 60}));
  std::vector<double> valid(4);
  convolve1d(a, b, {valid.data() + 3, DType::f64, {2, 2}, {-2, -1}});
  EXPECT_EQ(valid, (std::vector<double>{56, 45, 23, 12}));
}

TEST(Convolve, MultipliesNothingBehindTheEnds) {
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> x{0, 0, 0, 0, 0, 0}, y{infinity, 1}, out(7);
  x[5] = 1;
  convolve1d({x.data(), DType::f64, {6}, {1}}, {y.data(), DType::f64, {2}, {1}},
             {out.data(), DType::f64, {7}, {1}});
  EXPECT_EQ(out[6], 1);  // x[5] y[1] only
  EXPECT_EQ(out[5], infinity);
  EXPECT_TRUE(std::isnan(out[4]));
}

}  // namespace
}  // namespace gemmule::kernels
