#include "ir/error.h"
#include "mlx/lower_test_support.h"

namespace gemmule::lower_test {
namespace {

Attributes over(Integers axes) { return {{"axes", std::move(axes)}}; }
Attributes over(Integers axes, DType dtype) {
  return {{"axes", std::move(axes)}, {"dtype", dtype}};
}

TEST(LowerReduce, SumAndProductOfEveryDType) {
  for (const DType dtype : all_dtypes()) {
    if (dtype == DType::bool_) continue;
    const Tensor x = tensor(dtype, {2, 3}, {1, 2, 3, 4, 5, 1});
    expect(Op::reduce_sum, {{x}}, over({0, 1}, dtype), {tensor(dtype, {}, {16})});
    expect(Op::reduce_sum, {{x}}, over({-1}, dtype), {tensor(dtype, {2}, {6, 10})});
    expect(Op::reduce_prod, {{x}}, over({0}, dtype), {tensor(dtype, {3}, {4, 10, 3})});
    expect(Op::reduce_sum, {{x}}, over({}, dtype), {x});
    expect(Op::reduce_sum, {{Tensor::zeros(dtype, {0, 2})}}, over({0}, dtype),
           {Tensor::zeros(dtype, {2})});
    expect(Op::reduce_prod, {{Tensor::zeros(dtype, {2, 0})}}, over({1}, dtype),
           {tensor(dtype, {2}, {1, 1})});
  }
}

TEST(LowerReduce, AccumulatesInTheDTypeAsked) {
  const Tensor bools = tensor(DType::bool_, {3}, {1, 1, 0});
  expect(Op::reduce_sum, {{bools}}, over({0}, DType::i64), {integers({}, {2})});
  expect(Op::reduce_sum, {{bools}}, over({0}, DType::bool_), {tensor(DType::bool_, {}, {1})});
  expect(Op::reduce_prod, {{bools}}, over({0}, DType::bool_), {tensor(DType::bool_, {}, {0})});
  const Tensor bytes = tensor(DType::i8, {3}, {100, 100, 100});
  expect(Op::reduce_sum, {{bytes}}, over({0}, DType::i64), {integers({}, {300})});
  expect(Op::reduce_sum, {{bytes}}, over({0}, DType::i8), {tensor(DType::i8, {}, {44})});
  const Tensor halves = tensor(DType::f16, {4096}, std::vector<double>(4096, 1));
  expect(Op::reduce_sum, {{halves}}, over({0}, DType::f16), {tensor(DType::f16, {}, {4096})});
  expect(Op::reduce_sum, {{halves}}, over({0}, DType::f32), {tensor(DType::f32, {}, {4096})});
}

TEST(LowerReduce, ExtremaOfEveryDType) {
  for (const DType dtype : all_dtypes()) {
    if (is_complex(dtype)) continue;
    const Tensor x = tensor(dtype, {2, 3}, {0, 1, 0, 1, 1, 0});
    expect(Op::reduce_max, {{x}}, over({0}), {tensor(dtype, {3}, {1, 1, 0})});
    expect(Op::reduce_min, {{x}}, over({1}), {tensor(dtype, {2}, {0, 0})});
    expect(Op::argmax, {{x}}, over({1}), {integers({2}, {1, 0})});
    expect(Op::argmin, {{x}}, over({0}), {integers({3}, {0, 0, 0})});
    expect(Op::argmax, {{x}}, over({0, 1}), {integers({}, {1})});
    expect(Op::reduce_max, {{Tensor::zeros(dtype, {0, 2})}}, over({1}),
           {Tensor::zeros(dtype, {0})});
  }
}

TEST(LowerReduce, NaNWins) {
  for (const DType dtype : {DType::f16, DType::f32, DType::f64}) {
    const Tensor x = tensor(dtype, {4}, {kInf, kNaN, -kInf, kNaN});
    expect(Op::reduce_max, {{x}}, over({0}), {tensor(dtype, {}, {kNaN})});
    expect(Op::reduce_min, {{x}}, over({0}), {tensor(dtype, {}, {kNaN})});
    expect(Op::argmax, {{x}}, over({0}), {integers({}, {1})});
    expect(Op::argmin, {{x}}, over({0}), {integers({}, {1})});
  }
}

TEST(LowerReduce, ArgmaxCountsOverTheReducedAxesInOrder) {
  const Tensor x = tensor(DType::f32, {2, 2, 2}, {0, 1, 2, 9, 8, 5, 6, 7});
  expect(Op::argmax, {{x}}, over({2, 0}), {integers({2}, {2, 1})});
}

TEST(LowerReduce, AnyAndAll) {
  const Tensor x = tensor(DType::bool_, {2, 2}, {0, 1, 1, 1});
  expect(Op::reduce_any, {{x}}, over({0}), {tensor(DType::bool_, {2}, {1, 1})});
  expect(Op::reduce_all, {{x}}, over({1}), {tensor(DType::bool_, {2}, {0, 1})});
  expect(Op::reduce_all, {{Tensor::zeros(DType::bool_, {0})}}, over({0}),
         {tensor(DType::bool_, {}, {1})});
  expect(Op::reduce_any, {{Tensor::zeros(DType::bool_, {0})}}, over({0}),
         {tensor(DType::bool_, {}, {0})});
}

TEST(LowerReduce, ExtremaOfNothingAreTheUsersError) {
  const Tensor none = Tensor::zeros(DType::f32, {0});
  EXPECT_THROW(OneNode(Op::reduce_max, {{none}}, over({0})), ShapeError);
  EXPECT_THROW(OneNode(Op::argmin, {{none}}, over({0})), ShapeError);
}

}  // namespace
}  // namespace gemmule::lower_test
