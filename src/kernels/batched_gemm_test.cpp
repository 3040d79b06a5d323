#include <gtest/gtest.h>

#include <array>

#include "kernels/blas.h"
#include "kernels/blas_test_support.h"

namespace gemmule::kernels {
namespace {

using namespace testing;

// Batches as slices of one tall TestMatrix: slice (p, q) of an operand starts at row (p*Q +
// q)*rows.
template <class T>
class Stack {
 public:
  Stack(std::int64_t batch, std::int64_t rows, std::int64_t cols, Layout layout)
      : all(batch * rows, cols, layout), rows_(rows) {}
  TestMatrix<T> slice(std::int64_t index) const {
    TestMatrix<T> out(rows_, all.cols, Layout::rows);
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < all.cols; ++j) out(i, j) = all(index * rows_ + i, j);
    }
    return out;
  }
  std::int64_t stride() const { return rows_ * all.row_stride; }
  TestMatrix<T> all;

 private:
  std::int64_t rows_;
};

struct Shape {
  std::int64_t m, n, k;
};

template <class T>
void check(Shape s, Layout layout, bool share_a, bool share_b, double beta_value,
           std::mt19937& random) {
  constexpr std::int64_t kP = 2, kQ = 3;
  Stack<T> a(share_a ? 1 : kP * kQ, s.m, s.k, layout), b(share_b ? 1 : kP * kQ, s.k, s.n, layout);
  Stack<T> c(kP * kQ, s.m, s.n, layout), out(kP * kQ, s.m, s.n, layout);
  a.all.randomize(random);
  b.all.randomize(random);
  c.all.randomize(random);
  out.all.fill(nan_of<T>());
  const T alpha = narrow<T>(0.6), beta = narrow<T>(beta_value);
  const std::array<std::int64_t, 2> shape{kP, kQ};
  const auto strides = [](const Stack<T>& x, bool shared) {
    const std::int64_t stride = shared ? 0 : x.stride();
    return std::array<std::int64_t, 2>{kQ * stride, stride};
  };
  const auto a_strides = strides(a, share_a), b_strides = strides(b, share_b);
  const auto c_strides = strides(c, false), out_strides = strides(out, false);
  BatchedGemmArgs args{.matrix = {.dtype = DTypeOf<T>::value,
                                  .m = s.m,
                                  .n = s.n,
                                  .k = s.k,
                                  .alpha = &alpha,
                                  .a = a.all.ref(),
                                  .b = b.all.ref(),
                                  .beta = &beta,
                                  .c = c.all.ref(),
                                  .out = out.all.mutable_ref()},
                       .batch_shape = shape,
                       .a_batch_strides = a_strides,
                       .b_batch_strides = b_strides,
                       .c_batch_strides = c_strides,
                       .out_batch_strides = out_strides};
  if (beta_value == 0) {
    args.matrix.c = {};
    args.c_batch_strides = {};
  }
  batched_gemm(args);
  for (std::int64_t index = 0; index < kP * kQ; ++index) {
    const auto ai = a.slice(share_a ? 0 : index), bi = b.slice(share_b ? 0 : index);
    const auto ci = c.slice(index), oi = out.slice(index);
    for (std::int64_t i = 0; i < s.m; ++i) {
      for (std::int64_t j = 0; j < s.n; ++j) {
        const auto expected = expected_gemm(ai, bi, ci, alpha, beta, i, j);
        ASSERT_NO_FATAL_FAILURE(
            expect_close(oi(i, j), expected, s.k, "batch index " + std::to_string(index)));
      }
    }
  }
  ASSERT_NO_FATAL_FAILURE(out.all.check_gaps());
}

template <class T>
class BatchedGemm : public ::testing::Test {};
using InexactTypes =
    ::testing::Types<Half, float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(BatchedGemm, InexactTypes);

TYPED_TEST(BatchedGemm, SizesLayoutsAndSharedFactors) {
  std::mt19937 random(1);
  for (const Shape shape : {Shape{3, 4, 5},
                            {1, 4, 5},
                            {3, 1, 5},
                            {1, 1, 5},
                            {3, 4, 0},
                            {0, 4, 5},
                            {1, 1, 1},
                            {17, 8, 3}}) {
    for (const Layout layout : kOutputLayouts) {
      for (const bool share_a : {false, true}) {
        for (const bool share_b : {false, true}) {
          for (const double beta : {0.0, -2.0}) {
            ASSERT_NO_FATAL_FAILURE(
                check<TypeParam>(shape, layout, share_a, share_b, beta, random));
          }
        }
      }
    }
  }
}

// x[batch, 1, k] @ B[k, n] and A[m, k] @ y[batch, k, 1], batches side by side in rows and in
// columns.
TEST(BatchedGemm64, SingleRowsAndColumnsOfASharedFactor) {
  const double shared[6] = {1, 2, 3, 4, 5, 6}, vectors[8] = {1, 0, 0, 1, 1, 1, 2, 3};
  const std::int64_t shape[1] = {4}, none[1] = {0}, two[1] = {2}, three[1] = {3};
  double out[12];
  batched_gemm(
      {.matrix =
           {.m = 1, .n = 3, .k = 2, .a = {vectors, 0, 1}, .b = {shared, 3, 1}, .out = {out, 0, 1}},
       .batch_shape = shape,
       .a_batch_strides = two,
       .b_batch_strides = none,
       .out_batch_strides = three});
  EXPECT_EQ(std::vector<double>(out, out + 12),
            (std::vector<double>{1, 2, 3, 4, 5, 6, 5, 7, 9, 14, 19, 24}));
  batched_gemm(
      {.matrix =
           {.m = 3, .n = 1, .k = 2, .a = {shared, 2, 1}, .b = {vectors, 1, 0}, .out = {out, 1, 0}},
       .batch_shape = shape,
       .a_batch_strides = none,
       .b_batch_strides = two,
       .out_batch_strides = three});
  EXPECT_EQ(std::vector<double>(out, out + 12),
            (std::vector<double>{1, 3, 5, 2, 4, 6, 3, 7, 11, 8, 18, 28}));
}

TEST(BatchedGemmIntegers, EmptyBatchAndErrors) {
  const std::int64_t zero[1] = {0}, one[1] = {1};
  EXPECT_NO_THROW(batched_gemm({.matrix = {.m = 2, .n = 2, .k = 2},
                                .batch_shape = zero,
                                .a_batch_strides = one,
                                .b_batch_strides = one,
                                .out_batch_strides = one}));
  try {
    batched_gemm({.matrix = {.m = 2, .n = 2, .k = 2}, .batch_shape = zero});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "[batched_gemm] every operand needs one batch stride per batch dimension (1).");
  }
}

}  // namespace
}  // namespace gemmule::kernels
