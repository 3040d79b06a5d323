#include "kernels/small_gemv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace gemmule::kernels {
namespace {

template <class T>
class SmallGemv : public testing::Test {
 protected:
  std::vector<T> values(std::int64_t n) {
    std::normal_distribution<double> normal;
    std::vector<T> result(static_cast<std::size_t>(n));
    for (T& value : result) value = static_cast<T>(normal(random_));
    return result;
  }

  static void expect_near(const std::vector<T>& expected, const std::vector<T>& found) {
    const double tolerance = 100 * static_cast<double>(std::numeric_limits<T>::epsilon());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(static_cast<double>(expected[i]), static_cast<double>(found[i]),
                  tolerance * (10 + std::abs(static_cast<double>(expected[i]))))
          << i;
    }
  }

  std::mt19937 random_{1};
};

using Reals = testing::Types<double, float>;
TYPED_TEST_SUITE(SmallGemv, Reals);

constexpr std::int64_t kSizes[] = {0, 1, 2, 3, 4, 5, 7, 15, 16, 17, 18, 33, 64, 100};

TYPED_TEST(SmallGemv, IsTheSumOfProducts) {
  using T = TypeParam;
  for (const std::int64_t m : kSizes) {
    for (const std::int64_t n : kSizes) {
      for (const std::int64_t gap : {0, 3}) {
        SCOPED_TRACE(testing::Message() << "m=" << m << " n=" << n << " ld=" << n + gap);
        const std::int64_t ld = n + gap;
        const T alpha = T(-1.5);
        // The rows end with the matrix: nothing behind them is memory of ours.
        const std::vector<T> a = this->values(m == 0 ? 0 : (m - 1) * ld + n);
        const std::vector<T> x = this->values(n), y = this->values(m);
        std::vector<T> out = this->values(m), expected = out;
        for (std::int64_t i = 0; i < m; ++i) {
          double sum = 0;
          for (std::int64_t j = 0; j < n; ++j) sum += double(a[i * ld + j]) * double(x[j]);
          expected[i] += static_cast<T>(alpha * sum);
        }
        small_gemv<T>(m, n, alpha, a.data(), ld, x.data(), out.data());
        this->expect_near(expected, out);

        std::vector<T> columns = this->values(n), expected_columns = columns;
        for (std::int64_t j = 0; j < n; ++j) {
          double sum = 0;
          for (std::int64_t i = 0; i < m; ++i) sum += double(a[i * ld + j]) * double(y[i]);
          expected_columns[j] += static_cast<T>(alpha * sum);
        }
        std::vector<T> found_columns = columns;
        small_gemv_transposed<T>(m, n, alpha, a.data(), ld, y.data(), found_columns.data());
        this->expect_near(expected_columns, found_columns);
        if (this->HasFatalFailure()) return;
      }
    }
  }
}

TYPED_TEST(SmallGemv, NaNStaysInItsRowOrColumn) {
  using T = TypeParam;
  for (const std::int64_t n : {3, 16, 17, 40}) {
    const std::int64_t m = 9;
    std::vector<T> a(static_cast<std::size_t>(m * n), T(1)), x(static_cast<std::size_t>(n), T(1));
    const std::vector<T> y(static_cast<std::size_t>(m), T(1));
    a[static_cast<std::size_t>(4 * n + 2)] = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> rows(static_cast<std::size_t>(m)), columns(static_cast<std::size_t>(n));
    small_gemv<T>(m, n, 1, a.data(), n, x.data(), rows.data());
    small_gemv_transposed<T>(m, n, 1, a.data(), n, y.data(), columns.data());
    for (std::int64_t i = 0; i < m; ++i) EXPECT_EQ(std::isnan(rows[i]), i == 4);
    for (std::int64_t j = 0; j < n; ++j) EXPECT_EQ(std::isnan(columns[j]), j == 2);
  }
}

TYPED_TEST(SmallGemv, RankOneUpdatesOfRows) {
  using T = TypeParam;
  for (const std::int64_t m : kSizes) {
    for (const std::int64_t n : kSizes) {
      for (const std::int64_t x_stride : {1, 2, -1}) {
        const std::int64_t ld = n + 1, out_ld = n + 2;
        const std::vector<T> a = this->values(m * ld), y = this->values(n), memory = this->values(2 * m + 1);
        const T* const x = memory.data() + (x_stride < 0 ? m : 0);
        std::vector<T> none(static_cast<std::size_t>(m * out_ld), T(7)), with = none, expected_none = none,
            expected_with = none, in_place = a, expected_in_place = a;
        for (std::int64_t i = 0; i < m; ++i) {
          for (std::int64_t j = 0; j < n; ++j) {
            const T product = T(0.5) * x[i * x_stride] * y[j];
            expected_none[i * out_ld + j] = product;
            expected_with[i * out_ld + j] = a[i * ld + j] + product;
            expected_in_place[i * ld + j] += product;
          }
        }
        rows_ger<T>(m, n, T(0.5), x, x_stride, y.data(), nullptr, 0, none.data(), out_ld);
        rows_ger<T>(m, n, T(0.5), x, x_stride, y.data(), a.data(), ld, with.data(), out_ld);
        rows_ger<T>(m, n, T(0.5), x, x_stride, y.data(), in_place.data(), ld, in_place.data(), ld);
        this->expect_near(expected_none, none);
        this->expect_near(expected_with, with);
        this->expect_near(expected_in_place, in_place);
        if (this->HasFatalFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace gemmule::kernels
