#include "mlx/lower_test_support.h"

namespace gemmule::lower_test {
namespace {

constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kBegin = std::numeric_limits<std::int64_t>::min();

TEST(LowerStack, EveryDType) {
  for (const DType dtype : all_dtypes()) {
    const Tensor one = tensor(dtype, {}, {1}), zero = tensor(dtype, {}, {0});
    expect(Op::stack, {{one}, {zero}, {one}}, {{"dtype", dtype}}, {tensor(dtype, {3}, {1, 0, 1})});
    expect(Op::stack, {{one}}, {{"dtype", dtype}}, {tensor(dtype, {1}, {1})});
    expect(Op::stack, {}, {{"dtype", dtype}}, {tensor(dtype, {0}, {})});
  }
}

TEST(LowerConcatenate, EveryDType) {
  for (const DType dtype : all_dtypes()) {
    const Tensor x = tensor(dtype, {2, 1}, {1, 0}), y = tensor(dtype, {2, 2}, {0, 1, 1, 1});
    const Tensor none = Tensor::zeros(dtype, {2, 0});
    expect(Op::concatenate, {{x}, {y}}, {{"axis", std::int64_t{1}}},
           {tensor(dtype, {2, 3}, {1, 0, 1, 0, 1, 1})});
    expect(Op::concatenate, {{x}, {none}, {y}}, {{"axis", std::int64_t{-1}}},
           {tensor(dtype, {2, 3}, {1, 0, 1, 0, 1, 1})});
    expect(Op::concatenate, {{x}, {x}}, {{"axis", std::int64_t{0}}},
           {tensor(dtype, {4, 1}, {1, 0, 1, 0})});
    expect(Op::concatenate, {{y}}, {{"axis", std::int64_t{0}}}, {y});
    expect(Op::concatenate, {{none}, {none}}, {{"axis", std::int64_t{0}}},
           {Tensor::zeros(dtype, {4, 0})});
  }
}

TEST(LowerSliceUpdate, EveryDType) {
  for (const DType dtype : all_dtypes()) {
    const Tensor x = tensor(dtype, {4}, {1, 0, 0, 1}), y = tensor(dtype, {2}, {1, 0});
    const bool logical = dtype == DType::bool_;
    const auto update = [&](Op op, const Tensor& with, std::int64_t start, std::int64_t stop,
                            std::int64_t step, const std::vector<double>& expected) {
      expect(op, {{x}, {with}, constant(start), constant(stop), constant(step)},
             {{"axes", Integers{0}}}, {tensor(dtype, {4}, expected)});
    };
    update(Op::slice_set, y, 1, 3, 1, {1, 1, 0, 1});
    update(Op::slice_add, y, 0, 2, 1, {logical ? 1. : 2., 0, 0, 1});
    update(Op::slice_set, y, 0, kEnd, 2, {1, 0, 0, 1});
    update(Op::slice_set, y, kEnd, kBegin, -2, {1, 0, 0, 1});
    update(Op::slice_set, y, 2, 0, -1, {1, 0, 1, 1});
    update(Op::slice_add, y, 1, kBegin, -1, {1, 1, 0, 1});
    update(Op::slice_set, tensor(dtype, {}, {1}), 0, kEnd, 1, {1, 1, 1, 1});
    update(Op::slice_set, tensor(dtype, {0}, {}), 2, 2, 1, {1, 0, 0, 1});
    update(Op::slice_add, tensor(dtype, {1}, {1}), -1, kEnd, kEnd, {1, 0, 0, logical ? 1. : 2.});
  }
}

TEST(LowerSliceUpdate, OverSeveralAxes) {
  for (const DType dtype : {DType::f32, DType::f64, DType::c64, DType::c128}) {
    const Tensor x = Tensor::zeros(dtype, {2, 3}), y = tensor(dtype, {3}, {1, 2, 3});
    expect(Op::slice_add,
           {{x},
            {y},
            constant(1),
            constant(2),
            constant(1),
            constant(kEnd),
            constant(kBegin),
            constant(-1)},
           {{"axes", Integers{0, 1}}}, {tensor(dtype, {2, 3}, {0, 0, 0, 3, 2, 1})});
    const Tensor column = tensor(dtype, {2, 1}, {1, 2});
    expect(Op::slice_set, {{x}, {column}, constant(1), constant(kEnd), constant(1)},
           {{"axes", Integers{-1}}}, {tensor(dtype, {2, 3}, {0, 1, 1, 0, 2, 2})});
  }
}

TEST(LowerSliceUpdate, LeavesTheOperandAlone) {
  const Tensor x = counting(DType::f64, {3});
  OneNode test(Op::slice_set,
               {{x}, {tensor(DType::f64, {}, {9})}, constant(0), constant(1), constant(1)},
               {{"axes", Integers{0}}});
  mx::array held = to_mlx_array(x);
  auto results = MlxProgram(test.graph, mx::Device::cpu).run({held, to_mlx_array(test.inputs[1])});
  mx::eval(results);
  expect_same(to_tensor(held, static_type(DType::f64, {3})), x, 0, "operand");
}

TEST(LowerSort, EveryDType) {
  for (const DType dtype : all_dtypes()) {
    if (dtype == DType::bool_) continue;
    const Tensor x = tensor(dtype, {2, 3}, {3, 1, 2, 5, 5, 4});
    expect(Op::sort, {{x}}, {{"axis", std::int64_t{-1}}},
           {tensor(dtype, {2, 3}, {1, 2, 3, 4, 5, 5})});
    expect(Op::argsort, {{x}}, {{"axis", std::int64_t{1}}}, {integers({2, 3}, {1, 2, 0, 2, 0, 1})});
    expect(Op::sort, {{x}}, {{"axis", std::int64_t{0}}},
           {tensor(dtype, {2, 3}, {3, 1, 2, 5, 5, 4})});
    expect(Op::sort, {{Tensor::zeros(dtype, {0})}}, {{"axis", std::int64_t{0}}},
           {Tensor::zeros(dtype, {0})});
  }
}

TEST(LowerSort, NaNLast) {
  for (const DType dtype : {DType::f16, DType::f32, DType::f64}) {
    const Tensor x = tensor(dtype, {4}, {kNaN, 1, -kInf, kInf});
    expect(Op::sort, {{x}}, {{"axis", std::int64_t{0}}},
           {tensor(dtype, {4}, {-kInf, 1, kInf, kNaN})});
    expect(Op::argsort, {{x}}, {{"axis", std::int64_t{0}}}, {integers({4}, {2, 1, 3, 0})});
  }
}

TEST(LowerCumulative, EveryDType) {
  for (const DType dtype : all_dtypes()) {
    if (dtype == DType::bool_) continue;
    const Tensor x = tensor(dtype, {2, 3}, {1, 2, 3, 4, 5, 6});
    expect(Op::cumsum, {{x}}, {{"axis", std::int64_t{1}}},
           {tensor(dtype, {2, 3}, {1, 3, 6, 4, 9, 15})});
    expect(Op::cumsum, {{x}}, {{"axis", std::int64_t{0}}},
           {tensor(dtype, {2, 3}, {1, 2, 3, 5, 7, 9})});
    expect(Op::cumprod, {{x}}, {{"axis", std::int64_t{-1}}},
           {tensor(dtype, {2, 3}, {1, 2, 6, 4, 20, 120})});
    expect(Op::cumsum, {{Tensor::zeros(dtype, {0, 3})}}, {{"axis", std::int64_t{0}}},
           {Tensor::zeros(dtype, {0, 3})});
  }
}

}  // namespace
}  // namespace gemmule::lower_test
