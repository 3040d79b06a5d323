#include <gtest/gtest.h>

#include <iterator>

#include "kernels/blas.h"
#include "kernels/blas_test_support.h"

namespace gemmule::kernels {
namespace {

using namespace testing;

template <class T>
class Gemv : public ::testing::Test {};
using InexactTypes =
    ::testing::Types<Half, float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(Gemv, InexactTypes);

// Vectors are matrices of one column, whose row stride depends on the layout: 1, 2, -1, -2 or 0.
template <class T>
void check(std::int64_t m, std::int64_t n, Layout layout, Layout x_layout, Layout y_layout,
           Layout out_layout, double alpha_value, double beta_value, bool in_place,
           std::mt19937& random) {
  TestMatrix<T> a(m, n, layout), x(n, 1, x_layout), out(m, 1, out_layout);
  TestMatrix<T> y(m, 1, in_place ? out_layout : y_layout);
  a.randomize(random);
  x.randomize(random);
  y.randomize(random);
  out.fill(nan_of<T>());
  if (beta_value == 0) y.fill(nan_of<T>());
  if (alpha_value == 0) x.fill(nan_of<T>());
  const TestMatrix<T> y_before = y;
  if (in_place) out = y;
  const T alpha = narrow<T>(alpha_value, alpha_value == 0.6 ? 0.3 : 0);
  const T beta = narrow<T>(beta_value, beta_value == 0.6 ? -0.2 : 0);
  gemv({.dtype = DTypeOf<T>::value,
        .m = m,
        .n = n,
        .alpha = &alpha,
        .a = a.ref(),
        .x = {x.data(), x.row_stride},
        .beta = &beta,
        .y = in_place ? VectorRef{out.data(), out.row_stride} : VectorRef{y.data(), y.row_stride},
        .out = {out.data(), out.row_stride}});
  const std::string where = "m=" + std::to_string(m) + " n=" + std::to_string(n) + " layouts " +
                            std::to_string(int(layout)) + "," + std::to_string(int(x_layout)) +
                            "," + std::to_string(int(out_layout)) +
                            " alpha=" + std::to_string(alpha_value) +
                            " beta=" + std::to_string(beta_value) + (in_place ? " in place" : "");
  for (std::int64_t i = 0; i < m; ++i) {
    const auto expected = expected_gemm(a, x, y_before, alpha, beta, i, 0);
    ASSERT_NO_FATAL_FAILURE(expect_close(out(i, 0), expected, n, where));
  }
  ASSERT_NO_FATAL_FAILURE(out.check_gaps()) << where;
}

constexpr double kScales[] = {0, 1, -1, -2, 0.6};
constexpr Layout kVectors[] = {Layout::rows, Layout::every_second, Layout::backward_rows,
                               Layout::backward, Layout::broadcast_all};

TYPED_TEST(Gemv, EveryLayout) {
  std::mt19937 random(1);
  for (const Layout a : kInputLayouts) {
    for (const Layout x : kVectors) {
      for (const Layout out : kVectors) {
        if (out == Layout::broadcast_all) continue;
        for (const bool in_place : {false, true}) {
          const Layout y = kVectors[random() % std::size(kVectors)];
          ASSERT_NO_FATAL_FAILURE(check<TypeParam>(7, 5, a, x, y, out, -2, 0.6, in_place, random));
        }
      }
    }
  }
}

TYPED_TEST(Gemv, EveryPairOfScales) {
  std::mt19937 random(2);
  for (const double alpha : kScales) {
    for (const double beta : kScales) {
      for (const bool in_place : {false, true}) {
        for (const Layout a : {Layout::rows, Layout::columns, Layout::backward}) {
          for (const std::int64_t n : {0, 3}) {
            ASSERT_NO_FATAL_FAILURE(check<TypeParam>(4, n, a, Layout::rows, Layout::rows,
                                                     Layout::rows, alpha, beta, in_place, random));
          }
        }
      }
    }
  }
}

TYPED_TEST(Gemv, Sizes) {
  std::mt19937 random(3);
  for (const std::int64_t m : {0, 1, 3, 8, 17, 64, 130}) {
    for (const std::int64_t n : {0, 1, 3, 8, 17, 64}) {
      for (int round = 0; round < 5; ++round) {
        const Layout out = kVectors[random() % 4];
        ASSERT_NO_FATAL_FAILURE(
            check<TypeParam>(m, n, kInputLayouts[random() % std::size(kInputLayouts)],
                             kVectors[random() % 5], kVectors[random() % 5], out,
                             kScales[random() % 5], kScales[random() % 5], random() % 2, random));
      }
    }
  }
}

TEST(Gemv64, AVectorOfStrideZeroAndHugeStrides) {
  const double a[2] = {2, 3}, x = 5;
  double out[1];
  gemv({.m = 1, .n = 2, .a = {a, std::int64_t{1} << 40, 1}, .x = {&x, 0}, .out = {out, 0}});
  EXPECT_EQ(out[0], 25);
}

TEST(GemvNaN, OfTheMatrixIsNotHiddenByZeros) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double x[2] = {0, 1};
  for (const bool by_columns : {false, true}) {
    const double a[4] = {nan, 1, 1, 1};
    double out[2];
    gemv({.m = 2,
          .n = 2,
          .a = by_columns ? MatrixRef{a, 1, 2} : MatrixRef{a, 2, 1},
          .x = {x, 1},
          .out = {out, 1}});
    EXPECT_TRUE(std::isnan(out[0]));
    EXPECT_EQ(out[1], 1);
  }
}

}  // namespace
}  // namespace gemmule::kernels
