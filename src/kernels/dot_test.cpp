#include <gtest/gtest.h>

#include "kernels/blas.h"
#include "kernels/blas_test_support.h"

namespace gemmule::kernels {
namespace {

using namespace testing;

template <class T>
class Dot : public ::testing::Test {};
using InexactTypes =
    ::testing::Types<Half, float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(Dot, InexactTypes);

TYPED_TEST(Dot, SizesAndStrides) {
  using T = TypeParam;
  std::mt19937 random(1);
  for (const std::int64_t n : {0, 1, 3, 8, 17, 64, 1000}) {
    for (const Layout x_layout : {Layout::rows, Layout::every_second, Layout::backward,
                                  Layout::backward_columns, Layout::broadcast_all}) {
      for (const Layout y_layout :
           {Layout::rows, Layout::every_second, Layout::backward_rows, Layout::broadcast_all}) {
        TestMatrix<T> x(1, n, x_layout), y(n, 1, y_layout), unused(1, 1, Layout::rows);
        x.randomize(random);
        y.randomize(random);
        T out = nan_of<T>();
        dot({.dtype = DTypeOf<T>::value,
             .n = n,
             .x = {x.data(), x.col_stride},
             .y = {y.data(), y.row_stride},
             .out = &out});
        const auto expected = expected_gemm(x, y, unused, narrow<T>(1), narrow<T>(0), 0, 0);
        ASSERT_NO_FATAL_FAILURE(expect_close(out, expected, n, "n=" + std::to_string(n)));
      }
    }
  }
}

TEST(DotInteger, ExactBeyondDoublePrecision) {
  const std::int64_t x[2] = {(std::int64_t{1} << 53) + 1, 1}, y[2] = {1, -1};
  std::int64_t out = 0;
  dot({.dtype = DType::i64, .n = 2, .x = {x, 1}, .y = {y, 1}, .out = &out});
  EXPECT_EQ(out, std::int64_t{1} << 53);
}

}  // namespace
}  // namespace gemmule::kernels
