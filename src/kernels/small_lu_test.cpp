#include "kernels/small_lu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/blas_test_support.h"
#include "kernels/decompositions.h"
#include "kernels/lapack.h"

namespace gemmule::kernels {
namespace {

using namespace testing;

template <class T>
class SmallLuOf : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(SmallLuOf, Types);

template <class T>
Strided<const T> in(const TestMatrix<T>& x) {
  return {x.data(), x.row_stride, x.col_stride};
}
template <class T>
Strided<T> out(TestMatrix<T>& x) {
  return {x.data(), x.row_stride, x.col_stride};
}

enum class Kind { random, dominant, scaled_rows, scaled_columns, near_singular };
constexpr Kind kKinds[] = {Kind::random, Kind::dominant, Kind::scaled_rows, Kind::scaled_columns,
                           Kind::near_singular};

template <class T>
TestMatrix<T> random_matrix(std::int64_t m, Kind kind, Layout layout, std::mt19937& random) {
  TestMatrix<T> a(m, m, layout);
  a.randomize(random);
  std::uniform_real_distribution<double> exponent(-8, 8);
  for (std::int64_t k = 0; k < m; ++k) {
    const T scale = static_cast<T>(std::exp2(exponent(random)));
    for (std::int64_t i = 0; i < m; ++i) {
      if (kind == Kind::scaled_rows) a(k, i) *= scale;
      if (kind == Kind::scaled_columns) a(i, k) *= scale;
    }
    if (kind == Kind::dominant) a((k + 1) % m, k) += T(10);  // every step exchanges rows
    if (kind == Kind::near_singular && k > 0) {
      for (std::int64_t j = 0; j < m; ++j) a(k, j) = a(0, j) + a(k, j) * T(0.01);
    }
  }
  return a;
}

// A, B column-major as LAPACK takes them; its factors, solution and inverse.
template <class T>
struct Lapack {
  std::int64_t m;
  std::vector<T> lu, x, inverse, work = std::vector<T>(64);
  std::vector<int> pivots = std::vector<int>(kSmallLu);
  int info;

  Lapack(const TestMatrix<T>& a, const TestMatrix<T>& b) : m(a.rows) {
    for (std::int64_t j = 0; j < m; ++j) {
      for (std::int64_t i = 0; i < m; ++i) lu.push_back(a(i, j));
    }
    for (std::int64_t j = 0; j < b.cols; ++j) {
      for (std::int64_t i = 0; i < m; ++i) x.push_back(b(i, j));
    }
    const int order = static_cast<int>(m);
    info = blas::getrf(order, lu.data(), order, pivots.data());
    if (info != 0) return;
    blas::getrs('N', order, static_cast<int>(b.cols), lu.data(), order, pivots.data(), x.data(),
                order);
    inverse = lu;
    blas::getri(order, inverse.data(), order, pivots.data(), work.data(), 64);
  }

  // |L| |U| in the places of P A, which bounds what rounding does to its elements.
  double magnitude(std::int64_t i, std::int64_t j) const {
    double sum = 0;
    for (std::int64_t k = 0; k <= std::min(i, j); ++k) {
      sum += std::abs(k == i ? 1.0 : lu[i + k * m]) * std::abs(static_cast<double>(lu[k + j * m]));
    }
    return sum;
  }
  // || |A^-1| |A| |x| + |A^-1| |b| ||, relative to ||x||: what an error of one ulp in A and B does
  // to column j of X.
  double condition(const TestMatrix<T>& a, const TestMatrix<T>& b, std::int64_t j) const {
    double most = 0, size = 0;
    for (std::int64_t i = 0; i < m; ++i) {
      double sum = 0;
      for (std::int64_t k = 0; k < m; ++k) {
        double right = std::abs(static_cast<double>(b(k, j)));
        for (std::int64_t l = 0; l < m; ++l)
          right += std::abs(static_cast<double>(a(k, l)) * x[l + j * m]);
        sum += std::abs(static_cast<double>(inverse[i + k * m])) * right;
      }
      most = std::max(most, sum);
      size = std::max(size, std::abs(static_cast<double>(x[i + j * m])));
    }
    return size == 0 ? 0 : most / size;
  }
};

// Found is wanted, column-major, within `ulps` for each row times the condition of A X = B.
template <class T>
void check_columns(const TestMatrix<T>& found, const std::vector<T>& wanted, double ulps,
                   const TestMatrix<T>& a, const TestMatrix<T>& b, const Lapack<T>& lapack) {
  const std::int64_t m = found.rows, n = found.cols;
  for (std::int64_t j = 0; j < n; ++j) {
    double size = 0;
    for (std::int64_t i = 0; i < m; ++i) {
      size = std::max(size, std::abs(static_cast<double>(wanted[i + j * m])));
    }
    const double tolerance =
        ulps * m * std::numeric_limits<T>::epsilon() * size * lapack.condition(a, b, j);
    for (std::int64_t i = 0; i < m; ++i) {
      ASSERT_NEAR(found(i, j), wanted[i + j * m], tolerance) << "m=" << m << " n=" << n;
    }
  }
}

TYPED_TEST(SmallLuOf, FactorsAndSolvesAsLapackDoes) {
  using T = TypeParam;
  constexpr double kEps = std::numeric_limits<T>::epsilon();
  std::mt19937 random(21);
  for (std::int64_t m = 1; m <= kSmallLu; ++m) {
    for (const Kind kind : kKinds) {
      for (int round = 0; round < 40; ++round) {
        const std::int64_t n = 1 + round % 10;
        const auto a = random_matrix<T>(m, kind, kOutputLayouts[random() % 8], random);
        TestMatrix<T> b(m, n, kInputLayouts[random() % 10]), x(m, n, kOutputLayouts[round % 8]);
        b.randomize(random);
        const Lapack<T> expected(a, b);
        ASSERT_EQ(expected.info, 0);
        SmallLu<T> lu;
        ASSERT_EQ(small_getrf(m, in(a), lu), 0);
        std::vector<T> factors(m * m);
        copy_factors(m, lu, Strided<T>{factors.data(), 1, m});
        for (std::int64_t i = 0; i < m; ++i) {
          ASSERT_EQ(lu.pivots[i], expected.pivots[i]) << "m=" << m;
          for (std::int64_t j = 0; j < m; ++j) {
            double product = 0;
            for (std::int64_t k = 0; k <= std::min(i, j); ++k) {
              product +=
                  (k == i ? 1.0 : factors[i + k * m]) * static_cast<double>(factors[k + j * m]);
            }
            ASSERT_NEAR(product, a(lu.rows[i], j), 2 * m * kEps * expected.magnitude(i, j))
                << "m=" << m;
          }
        }
        ASSERT_TRUE(small_solve(m, n, in(a), in(b), out(x)));
        ASSERT_NO_FATAL_FAILURE(x.check_gaps());
        ASSERT_NO_FATAL_FAILURE(check_columns(x, expected.x, 4, a, b, expected));
      }
    }
  }
}

TYPED_TEST(SmallLuOf, InvertsAsLapackDoes) {
  using T = TypeParam;
  std::mt19937 random(22);
  for (std::int64_t m = 1; m <= kSmallLu; ++m) {
    TestMatrix<T> identity(m, m, Layout::rows);
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < m; ++j) identity(i, j) = T(i == j);
    }
    for (const Kind kind : kKinds) {
      for (const Layout layout : kOutputLayouts) {
        const auto a = random_matrix<T>(m, kind, kOutputLayouts[random() % 8], random);
        const Lapack<T> expected(a, identity);
        TestMatrix<T> result(m, m, layout);
        ASSERT_TRUE(small_inv(m, in(a), out(result)));
        ASSERT_NO_FATAL_FAILURE(result.check_gaps());
        // Either of the two is as far from A^-1.
        ASSERT_NO_FATAL_FAILURE(check_columns(result, expected.inverse, 8, a, identity, expected));
      }
    }
  }
}

template <class T>
void expect_singular(const TestMatrix<T>& a) {
  const std::int64_t m = a.rows;
  TestMatrix<T> b(m, 1, Layout::rows), x(m, 1, Layout::rows), inverse(m, m, Layout::columns);
  EXPECT_FALSE(small_solve(m, 1, in(a), in(b), out(x)));
  EXPECT_FALSE(small_inv(m, in(a), out(inverse)));
  for (std::int64_t i = 0; i < m; ++i) {
    EXPECT_TRUE(std::isnan(x(i, 0)));
    for (std::int64_t j = 0; j < m; ++j) EXPECT_TRUE(std::isnan(inverse(i, j)));
  }
}

// Nothing is rounded: triangles with exchanged rows, and small integers with inverses that are
// powers of two.
TYPED_TEST(SmallLuOf, FindsTheSameMatricesSingular) {
  using T = TypeParam;
  std::mt19937 random(23);
  const T values[] = {-2, -1, 0, 0, 1, 2};
  int singular = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::int64_t m = 1 + round % kSmallLu, turn = random() % m;
    TestMatrix<T> a(m, m, kOutputLayouts[random() % 8]);
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < m; ++j) {
        a((i + turn) % m, j) = m <= 2 || j >= i ? values[random() % 6] : T(0);
      }
    }
    const Lapack<T> expected(a, a);
    SmallLu<T> lu;
    ASSERT_EQ(small_getrf(m, in(a), lu), expected.info) << "m=" << m;
    for (std::int64_t i = 0; i < m; ++i) ASSERT_EQ(lu.pivots[i], expected.pivots[i]);
    if (expected.info == 0) continue;
    ++singular;
    ASSERT_NO_FATAL_FAILURE(expect_singular(a));
  }
  EXPECT_GT(singular, 1000);
}

// One row is a combination of the others: whether a pivot is 0 depends on the roundings, which are
// OpenBLAS's with its kernels for most processors, up to five rows.
TYPED_TEST(SmallLuOf, RoundsAsLapackDoesInMostSingularMatrices) {
  using T = TypeParam;
  std::mt19937 random(24);
  const auto integer = [&] { return static_cast<T>(static_cast<int>(random() % 7) - 3); };
  int singular = 0, different = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::int64_t m = 2 + round % 4, last = random() % m;
    TestMatrix<T> a(m, m, Layout::rows);
    a.fill(T(0));
    for (std::int64_t i = 0; i < m; ++i) {
      if (i == last) continue;
      const T factor = integer();
      for (std::int64_t j = 0; j < m; ++j) {
        a(i, j) = integer();
        a(last, j) += factor * a(i, j);
      }
    }
    const Lapack<T> expected(a, a);
    SmallLu<T> lu;
    const int info = small_getrf(m, in(a), lu);
    different += info != expected.info;
    singular += info != 0;
    if (info != 0) {
      ASSERT_NO_FATAL_FAILURE(expect_singular(a));
    }
  }
  EXPECT_GT(singular, 1000);
  EXPECT_LT(different, 200);
}

// 1/3 is rounded, and 3 - 1/3 * 9 is 0 when the product is rounded before the difference.
TYPED_TEST(SmallLuOf, ProductsAreRounded) {
  using T = TypeParam;
  TestMatrix<T> a(2, 2, Layout::rows);
  a(0, 0) = 1, a(0, 1) = a(1, 0) = 3, a(1, 1) = 9;
  SmallLu<T> lu;
  EXPECT_EQ(small_getrf(2, in(a), lu), 2);
}

TYPED_TEST(SmallLuOf, PivotsThatHaveNoInverse) {
  using T = TypeParam;
  const T tiny = std::numeric_limits<T>::denorm_min();
  TestMatrix<T> a(2, 2, Layout::rows), b(2, 1, Layout::rows), x(2, 1, Layout::rows);
  a(0, 0) = 4 * tiny, a(0, 1) = 0, a(1, 0) = 2 * tiny, a(1, 1) = 1;
  b(0, 0) = 8 * tiny, b(1, 0) = 1;
  ASSERT_TRUE(small_solve(2, 1, in(a), in(b), out(x)));
  EXPECT_EQ(x(0, 0), T(2));
  EXPECT_EQ(x(1, 0), T(1));
}

TYPED_TEST(SmallLuOf, InfinitePivots) {
  using T = TypeParam;
  const T infinity = std::numeric_limits<T>::infinity();
  TestMatrix<T> a(2, 2, Layout::rows), b(2, 1, Layout::rows), x(2, 1, Layout::rows);
  a(0, 0) = a(1, 0) = infinity, a(0, 1) = 1, a(1, 1) = 2;
  b.fill(T(4));
  ASSERT_TRUE(small_solve(2, 1, in(a), in(b), out(x)));
  EXPECT_EQ(x(0, 0), T(0));
  EXPECT_EQ(x(1, 0), T(2));
}

// The first of equal ones; NaN is no largest element but where it comes first, and reaches what
// follows.
TYPED_TEST(SmallLuOf, PivotRule) {
  using T = TypeParam;
  TestMatrix<T> a(3, 3, Layout::rows);
  const T values[] = {1, 2, 3, -1, 5, 1, 1, 1, 1};
  for (int i = 0; i < 9; ++i) a(i / 3, i % 3) = values[i];
  SmallLu<T> lu;
  EXPECT_EQ(small_getrf(3, in(a), lu), 0);
  EXPECT_EQ(lu.pivots[0], 1);
  EXPECT_EQ(lu.pivots[1], 2);
  a(0, 0) = nan_of<T>();
  TestMatrix<T> inverse(3, 3, Layout::rows);
  EXPECT_EQ(small_getrf(3, in(a), lu), 0);
  EXPECT_EQ(lu.pivots[0], 1);
  EXPECT_TRUE(small_inv(3, in(a), out(inverse)));
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(std::isnan(inverse(i / 3, i % 3)));
}

}  // namespace
}  // namespace gemmule::kernels
