#include "mlx/eval_here.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "mlx/blas.h"
#include "mlx/host_primitives.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"

namespace gemmule {
namespace {

using ::testing::ElementsAre;

std::vector<double> values(const mx::array& x) {
  return {x.data<double>(), x.data<double>() + x.size()};
}

mx::array matrix(double value) { return mx::full({2, 2}, value, mx::float64); }

TEST(EvalHere, MixesOurPrimitivesWithViewsAndWithMlxOps) {
  const mx::array a = mx::reshape(mx::arange(0.0, 4.0, mx::float64), {2, 2});
  const mx::array product = matmul({.a = mx::transpose(a), .b = matrix(1)});
  const mx::array out = gemm({.a = mx::add(product, matrix(1)), .b = matrix(1), .c = product});
  eval_here({out, product});
  EXPECT_EQ(out.status(), mx::array::Status::available);
  EXPECT_THAT(values(product), ElementsAre(2, 2, 4, 4));
  EXPECT_THAT(values(out), ElementsAre(8, 8, 14, 14));
  // What it computed, MLX may use on.
  mx::array more = mx::add(out, out);
  more.eval();
  EXPECT_THAT(values(more), ElementsAre(16, 16, 28, 28));
}

TEST(EvalHere, ContiguousAndStridedViews) {
  mx::array big = mx::arange(0.0, 10000.0, mx::float64);
  big.eval();
  const mx::array part = mx::contiguous(mx::slice(big, {4}, {8}));  // copied
  const mx::array diagonal = mx::as_strided(mx::contiguous(mx::reshape(part, {2, 2})), {2}, {3}, 0);
  const mx::array sum =
      matmul({.a = mx::reshape(diagonal, {1, 2}), .b = mx::ones({2, 1}, mx::float64)});
  eval_here({sum, part});
  EXPECT_THAT(values(part), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(values(sum), ElementsAre(11));
}

TEST(EvalHere, WorksInTheMemoryOfIntermediateResults) {
  const mx::array one = matrix(1);
  mx::array first = matmul({.a = one, .b = one});
  first.eval();
  const void* memory = first.data<double>();
  mx::array second = gemm({.a = one, .b = one, .c = std::move(first)});
  const mx::array third = gemm({.a = one, .b = one, .c = std::move(second)});
  eval_here({third});
  EXPECT_EQ(third.data<double>(), memory);
  EXPECT_THAT(values(third), ElementsAre(6, 6, 6, 6));
}

TEST(EvalHere, ThrowsWhatAKernelThrows) {
  const mx::array x = mx::zeros({3}, mx::float64), index = mx::array({5}, mx::int64);
  Signature signature{{DType::f64, DType::i64}, {DType::f64}};
  auto gather = std::make_shared<HostGather>(mx::default_stream(mx::Device::cpu), signature,
                                             std::vector<int>{0});
  const std::vector<mx::array> out = lazy(gather, {x, index});
  EXPECT_THROW(eval_here(out), IndexError);
}

TEST(HostPrimitive, CarriesWhatAKernelThrowsToWhoeverWaits) {
  const mx::array x = mx::zeros({3}, mx::float64), index = mx::array({5}, mx::int64);
  Signature signature{{DType::f64, DType::i64}, {DType::f64}};
  auto gather = std::make_shared<HostGather>(mx::default_stream(mx::Device::cpu), signature,
                                             std::vector<int>{0});
  EXPECT_THROW(mx::eval(lazy(gather, {x, index})), std::runtime_error);
  // The stream works on.
  mx::array fine = mx::add(x, x);
  fine.eval();
  EXPECT_THAT(values(fine), ElementsAre(0, 0, 0));
}

TEST(Elementwise, WorksInTheMemoryOfAnOperandUnderVmapToo) {
  kernels::ElementwiseProgram program;
  program.registers = {DType::f64, DType::f64, DType::f64};
  program.n_inputs = 2;
  program.code = {{Op::add, {0, 1}, 2}};
  program.outputs = {2};
  Signature signature{{DType::f64, DType::f64}, {DType::f64}};
  const auto add = std::make_shared<Elementwise>(mx::default_stream(mx::Device::cpu), signature,
                                                 std::make_shared<const ElementwiseChain>(program));
  mx::array x = mx::contiguous(mx::add(matrix(1), matrix(1)));
  x.eval();
  const void* memory = x.data<double>();
  std::vector<mx::array> operands = {mx::array({1.0f, 2.0f})};
  operands[0] = mx::astype(operands[0], mx::float64);
  operands.push_back(std::move(x));
  const std::vector<mx::array> out = lazy(add, std::move(operands));
  eval_here(out);
  EXPECT_EQ(out[0].data<double>(), memory);
  EXPECT_THAT(values(out[0]), ElementsAre(3, 4, 3, 4));

  const auto f = [&](const std::vector<mx::array>& v) { return lazy(add, {v[0], v[1]}); };
  const mx::array rows = mx::reshape(mx::arange(0.0, 6.0, mx::float64), {3, 2});
  const mx::array batched = mx::vmap(f, {0, -1}, {0})({rows, matrix(10)})[0];
  EXPECT_EQ(batched.shape(), (mx::Shape{3, 2, 2}));
  mx::array dense = mx::contiguous(batched);
  dense.eval();
  EXPECT_THAT(values(dense), ElementsAre(10, 11, 10, 11, 12, 13, 12, 13, 14, 15, 14, 15));
}

}  // namespace
}  // namespace gemmule
