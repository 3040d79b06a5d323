#include <gtest/gtest.h>

#include "kernels/blas.h"
#include "kernels/blas_test_support.h"

namespace gemmule::kernels {
namespace {

using namespace testing;

template <class T>
class IntegerMatmul : public ::testing::Test {};
using IntegerTypes = ::testing::Types<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t,
                                      std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>;
TYPED_TEST_SUITE(IntegerMatmul, IntegerTypes);

// Sums modulo 2^64 and cut to the width of T, which is the ring of T; bool: OR of ANDs.
template <class T>
T expected(const TestMatrix<T>& a, const TestMatrix<T>& b, std::int64_t i, std::int64_t j) {
  std::uint64_t sum = 0;
  for (std::int64_t p = 0; p < a.cols; ++p) {
    sum += static_cast<std::uint64_t>(a(i, p)) * static_cast<std::uint64_t>(b(p, j));
  }
  return static_cast<T>(sum);
}

template <class T>
void randomize_bits(TestMatrix<T>& x, std::mt19937_64& random) {
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t j = 0; j < x.cols; ++j) {
      x(i, j) = std::is_same_v<T, bool> ? random() % 3 == 0 : static_cast<T>(random());
    }
  }
}

TYPED_TEST(IntegerMatmul, SizesAndLayouts) {
  using T = TypeParam;
  std::mt19937_64 random(1);
  for (const std::int64_t m : {0, 1, 3, 17}) {
    for (const std::int64_t n : {0, 1, 3, 600}) {
      for (const std::int64_t k : {0, 1, 8}) {
        for (const Layout layout : kInputLayouts) {
          TestMatrix<T> a(m, k, layout), b(k, n, kInputLayouts[random() % 10]);
          TestMatrix<T> out(m, n, kOutputLayouts[random() % 8]);
          randomize_bits(a, random);
          randomize_bits(b, random);
          gemm({.dtype = DTypeOf<T>::value,
                .m = m,
                .n = n,
                .k = k,
                .a = a.ref(),
                .b = b.ref(),
                .out = out.mutable_ref()});
          for (std::int64_t i = 0; i < m; ++i) {
            for (std::int64_t j = 0; j < n; ++j) ASSERT_EQ(out(i, j), expected(a, b, i, j));
          }
          ASSERT_NO_FATAL_FAILURE(out.check_gaps());
        }
      }
    }
  }
}

TEST(IntegerMatmul64, ExactBeyondDoublePrecision) {
  const std::int64_t big = (std::int64_t{1} << 53) + 1;
  const std::int64_t a[4] = {big, 0, 0, big}, b[4] = {1, 1, 1, 1};
  std::int64_t out[4];
  integer_matmul({DType::i64, 2, 2, 2, {a, 2, 1}, {b, 2, 1}, {out, 2, 1}});
  EXPECT_EQ(out[3], big);
}

TEST(IntegerMatmul8, WrapsAround) {
  const std::int8_t a[1] = {100}, b[1] = {2};
  std::int8_t out[1];
  integer_matmul({DType::i8, 1, 1, 1, {a, 1, 1}, {b, 1, 1}, {out, 1, 1}});
  EXPECT_EQ(out[0], -56);
}

TEST(IntegerMatmulErrors, Messages) {
  const std::int32_t two = 2;
  EXPECT_THROW(gemm({.dtype = DType::i32, .m = 2, .n = 2, .alpha = &two}), std::invalid_argument);
  EXPECT_THROW(gemv({.dtype = DType::i32, .m = 2, .n = 2, .beta = &two}), std::invalid_argument);
  try {
    integer_matmul({.dtype = DType::f32, .m = 1, .n = 1, .k = 1});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "[integer_matmul] operands are float32; they must be integers or bool.");
  }
}

}  // namespace
}  // namespace gemmule::kernels
