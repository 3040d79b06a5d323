#include <gtest/gtest.h>

#include <thread>

#include "kernels/blas.h"
#include "kernels/blas_test_support.h"
#include "kernels/blas_threads.h"

namespace gemmule::kernels {
namespace {

using namespace testing;

template <class T>
class Gemm : public ::testing::Test {};
using InexactTypes =
    ::testing::Types<Half, float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(Gemm, InexactTypes);

struct Case {
  std::int64_t m, n, k;
  Layout a, b, c, out;
  double alpha, beta;
  bool in_place;  // C is out

  std::string text() const {
    return "m=" + std::to_string(m) + " n=" + std::to_string(n) + " k=" + std::to_string(k) +
           " layouts " + std::to_string(int(a)) + "," + std::to_string(int(b)) + "," +
           std::to_string(int(c)) + "," + std::to_string(int(out)) +
           " alpha=" + std::to_string(alpha) + " beta=" + std::to_string(beta) +
           (in_place ? " in place" : "");
  }
};

template <class T>
void check(const Case& x, std::mt19937& random) {
  TestMatrix<T> a(x.m, x.k, x.a), b(x.k, x.n, x.b), out(x.m, x.n, x.out);
  TestMatrix<T> c(x.m, x.n, x.in_place ? x.out : x.c);
  a.randomize(random);
  b.randomize(random);
  c.randomize(random);
  out.fill(nan_of<T>());
  // What must not be read is NaN.
  if (x.beta == 0) c.fill(nan_of<T>());
  if (x.alpha == 0) a.fill(nan_of<T>());
  const TestMatrix<T> c_before = c;
  if (x.in_place) out = c;

  const T alpha = narrow<T>(x.alpha, x.alpha == 0.6 ? 0.3 : 0);
  const T beta = narrow<T>(x.beta, x.beta == 0.6 ? -0.2 : 0);
  gemm({.dtype = DTypeOf<T>::value,
        .m = x.m,
        .n = x.n,
        .k = x.k,
        .alpha = &alpha,
        .a = a.ref(),
        .b = b.ref(),
        .beta = &beta,
        .c = x.in_place ? MatrixRef(out.ref()) : c.ref(),
        .out = out.mutable_ref()});
  for (std::int64_t i = 0; i < x.m; ++i) {
    for (std::int64_t j = 0; j < x.n; ++j) {
      const auto expected = expected_gemm(a, b, c_before, alpha, beta, i, j);
      ASSERT_NO_FATAL_FAILURE(expect_close(out(i, j), expected, x.k, x.text()));
    }
  }
  ASSERT_NO_FATAL_FAILURE(out.check_gaps()) << x.text();
}

constexpr double kScales[] = {0, 1, -1, -2, 0.6};

TYPED_TEST(Gemm, EveryLayoutOfEveryOperand) {
  std::mt19937 random(1);
  for (const Layout a : kInputLayouts) {
    for (const Layout b : kInputLayouts) {
      for (const Layout out : kOutputLayouts) {
        const Layout c = kInputLayouts[random() % std::size(kInputLayouts)];
        const bool in_place = random() % 3 == 0;
        ASSERT_NO_FATAL_FAILURE(
            check<TypeParam>({3, 8, 5, a, b, c, out, -2, 0.6, in_place}, random));
      }
    }
  }
}

TYPED_TEST(Gemm, EveryLayoutOfTheAddend) {
  std::mt19937 random(2);
  for (const Layout c : kInputLayouts) {
    for (const Layout out : kOutputLayouts) {
      for (const double beta : kScales) {
        ASSERT_NO_FATAL_FAILURE(check<TypeParam>(
            {8, 3, 3, Layout::rows, Layout::columns, c, out, 0.6, beta, false}, random));
      }
    }
  }
}

TYPED_TEST(Gemm, EveryPairOfScalesInAndOutOfPlace) {
  std::mt19937 random(3);
  for (const double alpha : kScales) {
    for (const double beta : kScales) {
      for (const bool in_place : {false, true}) {
        for (const std::int64_t k : {0, 1, 8}) {
          ASSERT_NO_FATAL_FAILURE(
              check<TypeParam>({8, 3, k, Layout::rows, Layout::rows, Layout::slab, Layout::rows,
                                alpha, beta, in_place},
                               random));
        }
      }
    }
  }
}

TYPED_TEST(Gemm, Sizes) {
  std::mt19937 random(4);
  const auto any = [&random](const auto& list) { return list[random() % std::size(list)]; };
  for (const std::int64_t m : {0, 1, 3, 8, 17, 64}) {
    for (const std::int64_t n : {0, 1, 3, 8, 17, 64}) {
      for (const std::int64_t k : {0, 1, 3, 8, 17, 64}) {
        const int rounds = m * n * k > 10000 ? 1 : 5;
        for (int round = 0; round < rounds; ++round) {
          ASSERT_NO_FATAL_FAILURE(
              check<TypeParam>({m, n, k, any(kInputLayouts), any(kInputLayouts), any(kInputLayouts),
                                any(kOutputLayouts), any(kScales), any(kScales), random() % 2 == 0},
                               random));
        }
      }
    }
  }
}

TYPED_TEST(Gemm, NullScalesMeanAPlainProduct) {
  std::mt19937 random(5);
  TestMatrix<TypeParam> a(3, 4, Layout::rows), b(4, 5, Layout::rows), out(3, 5, Layout::rows);
  a.randomize(random);
  b.randomize(random);
  out.fill(nan_of<TypeParam>());
  gemm({.dtype = DTypeOf<TypeParam>::value,
        .m = 3,
        .n = 5,
        .k = 4,
        .a = a.ref(),
        .b = b.ref(),
        .out = out.mutable_ref()});
  const auto expected = expected_gemm(a, b, out, narrow<TypeParam>(1), narrow<TypeParam>(0), 2, 4);
  expect_close(out(2, 4), expected, 4, "plain");
}

TEST(Gemm64, ScalesKeepTheirPrecision) {
  // In binary64, 0.1*3 + 0.1*1: a scale rounded to float would be off by 1e-9.
  const double alpha = 0.1, beta = 0.1, a[4] = {3, 0, 0, 3}, b[4] = {1, 0, 0, 1};
  const double c[4] = {1, 1, 1, 1};
  double out[4];
  gemm({.dtype = DType::f64,
        .m = 2,
        .n = 2,
        .k = 2,
        .alpha = &alpha,
        .a = {a, 2, 1},
        .b = {b, 2, 1},
        .beta = &beta,
        .c = {c, 2, 1},
        .out = {out, 2, 1}});
  EXPECT_NEAR(out[0], 0.4, 4e-16);
  EXPECT_NEAR(out[1], 0.1, 1e-16);
}

TEST(GemmComplex, NothingIsConjugated) {
  using C = std::complex<double>;
  const C i(0, 1), a[4] = {i, 0, 0, i}, b[4] = {i, 0, 0, i};
  C out[4];
  for (const auto& [row, col] : {std::pair{2, 1}, {1, 2}}) {
    gemm({.dtype = DType::c128,
          .m = 2,
          .n = 2,
          .k = 2,
          .alpha = &i,
          .a = {a, row, col},
          .b = {b, 2, 1},
          .out = {out, 2, 1}});
    EXPECT_EQ(out[0], -i);
  }
}

TEST(GemmHalf, AccumulatesInFloat) {
  // 3072 ones: a half accumulator would stop at 2048.
  const std::vector<Half> ones(3072, Half(1.0f));
  std::vector<Half> out(4);
  gemm({.dtype = DType::f16,
        .m = 2,
        .n = 2,
        .k = 3072,
        .a = {ones.data(), 0, 1},
        .b = {ones.data(), 1, 0},
        .out = {out.data(), 2, 1}});
  EXPECT_EQ(static_cast<float>(out[3]), 3072.0f);
}

TEST(GemmErrors, SizesBeyondTheLibrary) {
  const double x = 1;
  double out = 0;
  const std::int64_t huge = std::int64_t{1} << 31;
  try {
    gemm({.m = 2, .n = 2, .k = huge, .a = {&x, 0, 0}, .b = {&x, 0, 0}, .out = {&out, 0, 0}});
    FAIL();
  } catch (const std::length_error& error) {
    EXPECT_STREQ(
        error.what(),
        "[gemm] a dimension of 2147483648 exceeds the BLAS library's limit of 2147483647.");
  }
}

TEST(GemmThreads, TwoThreadsAtOnce) {
  const auto work = [](unsigned seed) {
    std::mt19937 random(seed);
    for (int round = 0; round < 20; ++round) {
      check<double>({64, 64, 64, Layout::every_second, Layout::backward, Layout::columns,
                     Layout::every_second, 0.6, -2, false},
                    random);
      check<float>(
          {200, 30, 70, Layout::rows, Layout::columns, Layout::columns, Layout::rows, 1, 0, false},
          random);
    }
  };
  std::thread first(work, 1), second(work, 2);
  first.join();
  second.join();
}

TEST(BlasThreads, CanBeSet) {
  const int before = blas_threads();
  EXPECT_GE(before, 1);
  set_blas_threads(1);
  EXPECT_EQ(blas_threads(), 1);
  set_blas_threads(before);
  EXPECT_THROW(set_blas_threads(0), std::invalid_argument);
}

TEST(BlasThreads, StayTheUsersAfterCalls) {
  const int before = blas_threads();
  set_blas_threads(2);
  const auto calls = [] {
    for (int i = 0; i < 1000; ++i) {
      const BlasThreads small(false);
      const BlasThreads large(true);
      EXPECT_EQ(blas_threads(), 2);
    }
  };
  std::thread first(calls), second(calls);
  first.join();
  second.join();
  EXPECT_EQ(blas_threads(), 2);
  {
    const BlasThreads small(false);
    set_blas_threads(before);
    EXPECT_EQ(blas_threads(), before);
  }
  EXPECT_EQ(blas_threads(), before);
}

}  // namespace
}  // namespace gemmule::kernels
