#include "mlx/blas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "ir/error.h"
#include "mlx/compile.h"
#include "mlx/inspect.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"

namespace gemmule {
namespace {

using Numbers = std::vector<double>;
using ::testing::ElementsAre;

// Small integers, exact in every dtype: 1, 2, ..., 7, 1, 2, ...
mx::array numbers(mx::Shape shape, mx::Dtype dtype = mx::float64, int first = 1) {
  std::size_t count = 1;
  for (int size : shape) count *= size;
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<float>((first + i) % 7));
  return mx::astype(mx::array(values.data(), shape, mx::float32), dtype);
}

Numbers values(const mx::array& x) {
  mx::array dense = mx::contiguous(mx::astype(x, mx::float64));
  dense.eval();
  return {dense.data<double>(), dense.data<double>() + dense.size()};
}

// alpha * A @ B + beta * C by loops.
Numbers product(double alpha, const mx::array& a, const mx::array& b, double beta,
                const mx::array& c) {
  const int m = a.shape(0), k = a.shape(1), n = b.shape(1);
  const Numbers av = values(a), bv = values(b), cv = values(c);
  Numbers out(m * n);
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      double sum = 0;
      for (int p = 0; p < k; ++p) sum += av[i * k + p] * bv[p * n + j];
      out[i * n + j] = alpha * sum + (beta == 0 ? 0 : beta * cv[i * n + j]);
    }
  }
  return out;
}

std::string message(const std::function<void()>& call) {
  try {
    call();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

// -- values -------------------------------------------------------------------------------------

TEST(Gemm, AgreesWithLoopsInEveryDtype) {
  for (const mx::Dtype dtype : {mx::float16, mx::float32, mx::float64, mx::complex64}) {
    const mx::array a = numbers({3, 4}, dtype), b = numbers({4, 5}, dtype, 3),
                    c = numbers({3, 5}, dtype, 5);
    const mx::array out = gemm({.alpha = 2.0, .a = a, .b = b, .beta = -1.0, .c = c});
    EXPECT_EQ(out.dtype(), dtype);
    EXPECT_EQ(values(mx::real(out)), product(2, mx::real(a), mx::real(b), -1, mx::real(c)));
  }
}

TEST(Gemm, KeepsScalesInDoublePrecision) {
  const mx::array one = mx::ones({1, 1}, mx::float64);
  const mx::array out = gemm({.alpha = 0.1, .a = one, .b = one, .beta = 0.2, .c = one});
  EXPECT_EQ(values(out), Numbers{0.1 + 0.2});
}

TEST(Gemm, TakesTransposesSlicesAndReversedViews) {
  const mx::array a = numbers({8, 6}), b = numbers({5, 8});
  const mx::array c = numbers({3, 5});
  const mx::array rows =
      mx::slice(a, {7, 0}, {-9, 6}, {-1, 2});  // 8 x 3, negative and wide strides
  const mx::array out = gemm({.a = rows, .b = b, .c = c, .trans_a = true, .trans_b = true});
  EXPECT_EQ(values(out), product(1, mx::transpose(rows), mx::transpose(b), 1, c));
}

TEST(Gemm, BetaZeroDoesNotReadC) {
  const mx::array a = numbers({2, 3}), b = numbers({3, 2});
  const mx::array nan = mx::full({2, 2}, std::nan(""), mx::float64);
  for (const Scale& beta : {Scale(0.0), Scale(mx::array(0.0, mx::float64))}) {
    const mx::array out = gemm({.a = a, .b = b, .beta = beta, .c = nan});
    EXPECT_EQ(values(out), product(1, a, b, 0, nan));
  }
}

TEST(Gemm, WithoutInnerDimensionIsBetaC) {
  const mx::array a = mx::zeros({2, 0}, mx::float64), b = mx::zeros({0, 3}, mx::float64);
  const mx::array c = numbers({2, 3});
  EXPECT_EQ(values(gemm({.a = a, .b = b, .beta = 3.0, .c = c})),
            values(mx::multiply(c, mx::array(3.0, mx::float64))));
  EXPECT_EQ(values(matmul({.a = a, .b = b})), Numbers(6, 0.0));
  EXPECT_EQ(gemm({.a = mx::zeros({0, 2}, mx::float64),
                  .b = mx::zeros({2, 3}, mx::float64),
                  .c = mx::zeros({0, 3}, mx::float64)})
                .size(),
            0u);
}

TEST(Gemm, BroadcastsCAndTheProductToEachOther) {
  const mx::array a = numbers({1, 2}), b = numbers({2, 3}), c = numbers({4, 1});
  const mx::array wide = mx::broadcast_to(a, {4, 2}), c_wide = mx::broadcast_to(c, {4, 3});
  EXPECT_EQ(values(gemm({.alpha = 2.0, .a = a, .b = b, .beta = 3.0, .c = c})),
            product(2, wide, b, 3, c_wide));
}

TEST(Gemm, TakesLeadingDims) {
  const mx::array a = numbers({2, 3, 4}), b = numbers({2, 4, 5}), c = numbers({2, 3, 5});
  const mx::array out = gemm({.alpha = 2.0, .a = a, .b = b, .c = c});
  for (int i = 0; i < 2; ++i) {
    const auto part = [i](const mx::array& x) { return mx::take(x, i, 0); };
    EXPECT_EQ(values(part(out)), product(2, part(a), part(b), 1, part(c)));
  }
}

TEST(Matmul, IsExactForIntegersAndOrOfAndsForBool) {
  const std::int64_t big = (std::int64_t{1} << 53) + 1;
  const mx::array a(&big, {1, 1}, mx::int64), one = mx::ones({1, 1}, mx::int64);
  mx::array out = matmul({.a = a, .b = one});
  out.eval();
  EXPECT_EQ(out.item<std::int64_t>(), big);

  const mx::array yes = mx::full({1, 3}, true), column = mx::full({3, 1}, true);
  out = matmul({.a = yes, .b = column});
  out.eval();
  EXPECT_EQ(out.dtype(), mx::bool_);
  EXPECT_TRUE(out.item<bool>());
}

TEST(Gemv, AgreesWithGemm) {
  const mx::array a = numbers({3, 4}), x = numbers({4}), y = numbers({3});
  const auto column = [](const mx::array& v) { return mx::expand_dims(v, 1); };
  EXPECT_EQ(values(gemv({.alpha = 2.0, .a = a, .x = x, .beta = 3.0, .y = y})),
            product(2, a, column(x), 3, column(y)));
  EXPECT_EQ(values(gemv({.a = a, .x = y, .y = x, .trans_a = true})),
            product(1, mx::transpose(a), column(y), 1, column(x)));
  EXPECT_EQ(values(matvec({.a = a, .x = x, .alpha = 2.0})), product(2, a, column(x), 0, column(y)));
}

TEST(Ger, AddsTheOuterProduct) {
  const mx::array x = numbers({3}), y = numbers({4}), a = numbers({3, 4});
  const mx::array expected =
      mx::add(a, mx::multiply(mx::array(2.0, mx::float64), mx::multiply(mx::expand_dims(x, 1), y)));
  EXPECT_EQ(values(ger({.alpha = 2.0, .x = x, .y = y, .a = a})), values(expected));
  EXPECT_EQ(values(outer({.x = x, .y = y})), values(mx::multiply(mx::expand_dims(x, 1), y)));
}

TEST(Dot, SumsProducts) {
  EXPECT_EQ(values(dot(numbers({5}), numbers({5}))), Numbers{1 + 4 + 9 + 16 + 25});
  EXPECT_EQ(values(dot(mx::zeros({0}, mx::float64), mx::zeros({0}, mx::float64))), Numbers{0});
}

// -- one kernel, in place, transforms -----------------------------------------------------------

TEST(Gemm, IsOnePrimitive) {
  const mx::array a = mx::zeros({3, 4}), b = mx::zeros({3, 5}), c = mx::zeros({4, 5});
  const std::vector<mx::array> out = {
      gemm({.alpha = 2.0, .a = a, .b = b, .c = c, .trans_a = true})};
  mx::eval({a, b, c});
  EXPECT_THAT(primitives(out), ElementsAre("Transpose", "Gemm"));
  EXPECT_THAT(computing_primitives(out), ElementsAre("Gemm"));
}

TEST(Gemm, WorksInTheMemoryOfAnAddendThatNobodyElseHolds) {
  const mx::array a = numbers({3, 4}), b = numbers({4, 5});
  const mx::array untouched = numbers({3, 5});
  mx::eval({a, b, untouched});
  const Numbers expected = product(1, a, b, 1, untouched);
  for (const bool transposed : {false, true}) {
    mx::array c = transposed ? mx::copy(mx::contiguous(mx::transpose(untouched)))
                             : mx::add(untouched, mx::array(0.0, mx::float64));
    if (transposed) c = mx::transpose(mx::contiguous(mx::transpose(untouched)));
    c.eval();
    const void* memory = c.data<double>();
    GemmOperands operands{.a = a, .b = b, .c = std::move(c)};
    mx::array out = gemm(std::move(operands));
    out.eval();
    EXPECT_EQ(values(out), expected);
    if (!transposed) {
      EXPECT_EQ(out.data<double>(), memory);
    }
  }
  // An addend that is held elsewhere stays as it was.
  mx::array out = gemm({.a = a, .b = b, .c = untouched});
  out.eval();
  EXPECT_NE(out.data<double>(), untouched.data<double>());
  EXPECT_EQ(values(untouched), values(numbers({3, 5})));
}

TEST(Gemm, RunsUnderVmapOverAnyOperand) {
  const mx::array a = numbers({2, 3, 4}), b = numbers({4, 5}), c = numbers({3, 2, 5});
  const mx::array beta = mx::array({2.0f, 0.0f});
  const auto f = [&](const std::vector<mx::array>& x) {
    return std::vector<mx::array>{gemm({.alpha = 2.0, .a = x[0], .b = b, .beta = x[2], .c = x[1]})};
  };
  const mx::array out = mx::vmap(f, {0, 1, 0}, {0})({a, c, beta})[0];
  ASSERT_EQ(out.shape(), (mx::Shape{2, 3, 5}));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(values(mx::take(out, i, 0)),
              product(2, mx::take(a, i, 0), b, i == 0 ? 2 : 0, mx::take(c, i, 1)));
  }
}

TEST(Gemv, RunsUnderVmapTwice) {
  const mx::array a = numbers({3, 4}), x = numbers({2, 2, 4}), y = numbers({3});
  const std::function<mx::array(const mx::array&)> f = [&](const mx::array& v) {
    return gemv({.a = a, .x = v, .y = y});
  };
  const mx::array out = mx::vmap(mx::vmap(f))(x);
  ASSERT_EQ(out.shape(), (mx::Shape{2, 2, 3}));
  const mx::array first = mx::reshape(mx::slice(x, {0, 0, 0}, {1, 1, 4}), {4});
  EXPECT_EQ(values(mx::slice(out, {0, 0, 0}, {1, 1, 3})), values(f(first)));
}

TEST(Gemm, RunsUnderCompile) {
  const auto f = [](const std::vector<mx::array>& x) {
    return std::vector<mx::array>{gemm({.alpha = 2.0, .a = x[0], .b = x[1], .c = x[2]})};
  };
  const auto compiled = mx::compile(f);
  for (int m : {2, 3, 2}) {
    const mx::array a = numbers({m, 4}), b = numbers({4, 5}), c = numbers({m, 5});
    EXPECT_EQ(values(compiled({a, b, c})[0]), product(2, a, b, 1, c));
  }
  const auto shapeless = mx::compile(f, /*shapeless=*/true);
  for (int m : {2, 3}) {
    const mx::array a = numbers({m, 4}), b = numbers({4, 5}), c = numbers({m, 5});
    EXPECT_EQ(values(shapeless({a, b, c})[0]), product(2, a, b, 1, c));
  }
}

TEST(Gemm, HasTheGradientsOfTheExpression) {
  const std::vector<mx::array> x = {mx::array(2.0, mx::float64), numbers({3, 4}), numbers({4, 5}),
                                    mx::array(3.0, mx::float64), numbers({1, 5})};
  const auto kernel = [](const std::vector<mx::array>& x) {
    return std::vector<mx::array>{
        gemm({.alpha = x[0], .a = x[1], .b = x[2], .beta = x[3], .c = x[4]})};
  };
  const auto expression = [](const std::vector<mx::array>& x) {
    return std::vector<mx::array>{
        mx::add(mx::multiply(x[0], mx::matmul(x[1], x[2])), mx::multiply(x[3], x[4]))};
  };
  const std::vector<mx::array> cotangents = {numbers({3, 5}, mx::float64, 2)};
  const auto actual = mx::vjp(kernel, x, cotangents).second;
  const auto expected = mx::vjp(expression, x, cotangents).second;
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(actual[i].shape(), x[i].shape());
    EXPECT_EQ(values(actual[i]), values(expected[i])) << "argument " << i;
  }
}

// -- errors -------------------------------------------------------------------------------------

TEST(ConfigureCuda, AsksForFullPrecisionAndSingleLaunchesUnlessTheEnvironmentSaysOtherwise) {
  for (const char* name : {"MLX_ENABLE_TF32", "GEMMULE_TF32", "MLX_USE_CUDA_GRAPHS"}) {
    if (std::getenv(name) != nullptr) GTEST_SKIP() << "the environment has a wish of its own";
  }
  configure_cuda();
  EXPECT_STREQ(std::getenv("MLX_ENABLE_TF32"), "0");
  EXPECT_STREQ(std::getenv("MLX_USE_CUDA_GRAPHS"), "0");
}

TEST(BlasErrors, NameTheOperandsAndTheRule) {
  const mx::array f34 = mx::zeros({3, 4}, mx::float64), f56 = mx::zeros({5, 6}, mx::float64);
  const mx::array f32 = mx::zeros({4, 6}), i34 = mx::zeros({3, 4}, mx::int32);
  EXPECT_EQ(message([&] { gemm({.a = f34, .b = f56, .c = f34}); }),
            "[gemm] A is f64[3,4], B is f64[5,6]: inner dimensions 4 and 5 differ");
  EXPECT_EQ(message([&] { matmul({.a = f34, .b = f32}); }),
            "[matmul] A is f64[3,4], B is f32[4,6]: all must have one dtype");
  EXPECT_EQ(message([&] { gemm({.a = i34, .b = i34, .c = i34, .trans_b = true}); }),
            "[gemm] A is i32[3,4]: the dtype must be floating or complex");
  EXPECT_EQ(message([&] { matmul({.a = mx::zeros({2, 3, 4}), .b = mx::zeros({1, 4, 3})}); }),
            "[matmul] A is f32[2,3,4], B is f32[1,4,3]: the leading dimensions of A and B differ");
  EXPECT_EQ(message([&] { gemm({.a = f34, .b = f34, .c = f56, .trans_b = true}); }),
            "[gemm] A is f64[3,4], B is f64[4,3], C is f64[5,6]: C and the product do not "
            "broadcast to each other");
  EXPECT_EQ(message([&] {
              gemv({.a = f34, .x = mx::zeros({3}, mx::float64), .y = mx::zeros({3}, mx::float64)});
            }),
            "[gemv] A is f64[3,4], x is f64[3]: inner dimensions 4 and 3 differ");
  EXPECT_EQ(message([&] { gemv({.a = f34, .x = f34, .y = f34}); }),
            "[gemv] x is f64[3,4]: it must have 1 dimension");
  EXPECT_EQ(message([&] {
              gemm({.alpha = mx::zeros({2}), .a = f34, .b = f34, .c = f34, .trans_b = true});
            }),
            "[gemm] alpha is f32[2]: it must have one element");
  EXPECT_EQ(message([&] {
              matmul({.a = mx::zeros({1, 1}, mx::bfloat16), .b = mx::zeros({1, 1}, mx::bfloat16)});
            }),
            "bfloat16 is not supported: cast the array to float32 or float16 first");
  EXPECT_THROW(gemm({.a = f34, .b = f56, .c = f34}), ShapeError);
  EXPECT_THROW(matmul({.a = f34, .b = f32}), DTypeError);
}

}  // namespace
}  // namespace gemmule
