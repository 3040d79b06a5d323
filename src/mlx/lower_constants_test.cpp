#include "mlx/lower_test_support.h"

namespace gemmule::lower_test {
namespace {

Operand number(DType dtype, double value) { return constant(tensor(dtype, {}, {value})); }

TEST(LowerConstants, EveryDType) {
  for (const DType dtype : all_dtypes()) {
    expect(Op::constant, {}, {{"value", counting(dtype, {2, 3})}}, {counting(dtype, {2, 3})});
    expect(Op::constant, {}, {{"value", counting(dtype, {})}}, {counting(dtype, {})});
    expect(Op::constant, {}, {{"value", counting(dtype, {0, 3})}}, {counting(dtype, {0, 3})});
  }
}

TEST(LowerConstants, NotFinite) {
  for (const DType dtype : {DType::f16, DType::f32, DType::f64}) {
    for (const double value : {kNaN, kInf, -kInf}) {
      expect(Op::constant, {}, {{"value", tensor(dtype, {}, {value})}},
             {tensor(dtype, {}, {value})});
      expect(Op::constant, {}, {{"value", tensor(dtype, {1, 1}, {value})}},
             {tensor(dtype, {1, 1}, {value})});
    }
  }
}

TEST(LowerDim, SizeOfAnAxis) {
  const Tensor x = counting(DType::c128, {2, 0, 5});
  expect(Op::dim, {{x}}, {{"axis", std::int64_t{0}}}, {integers({}, {2})});
  expect(Op::dim, {{x}}, {{"axis", std::int64_t{1}}}, {integers({}, {0})});
  expect(Op::dim, {{x}}, {{"axis", std::int64_t{-1}}}, {integers({}, {5})});
}

TEST(LowerArange, EveryDType) {
  for (const DType dtype : all_dtypes()) {
    if (is_complex(dtype) || dtype == DType::bool_) continue;
    expect(Op::arange, {constant(1), constant(8), constant(3)}, {{"dtype", dtype}},
           {tensor(dtype, {3}, {1, 4, 7})});
    expect(Op::arange, {constant(3), constant(0), constant(-1)}, {{"dtype", dtype}},
           {tensor(dtype, {3}, {3, 2, 1})});
    expect(Op::arange, {constant(0), constant(0), constant(1)}, {{"dtype", dtype}},
           {tensor(dtype, {0}, {})});
  }
}

TEST(LowerArange, FloatsGrowByMultiplesNotBySums) {
  std::vector<double> expected;
  for (int i = 0; i < 1000; ++i) expected.push_back(i * 0.1);
  expect(Op::arange, {number(DType::f64, 0), number(DType::f64, 99.95), number(DType::f64, 0.1)},
         {{"dtype", DType::f64}}, {tensor(DType::f64, {1000}, expected)});
}

TEST(LowerArange, IntegersKeepTheirLastDigit) {
  const std::int64_t start = (std::int64_t{1} << 60) + 1;
  expect(Op::arange, {constant(start), constant(start + 3), constant(1)}, {{"dtype", DType::i64}},
         {tensor<std::int64_t>(DType::i64, {3}, {start, start + 1, start + 2})});
}

TEST(LowerEye, EveryDType) {
  for (const DType dtype : all_dtypes()) {
    expect(Op::eye, {constant(2), constant(3), constant(0)}, {{"dtype", dtype}},
           {tensor(dtype, {2, 3}, {1, 0, 0, 0, 1, 0})});
    expect(Op::eye, {constant(2), constant(3), constant(2)}, {{"dtype", dtype}},
           {tensor(dtype, {2, 3}, {0, 0, 1, 0, 0, 0})});
    expect(Op::eye, {constant(3), constant(2), constant(-1)}, {{"dtype", dtype}},
           {tensor(dtype, {3, 2}, {0, 0, 1, 0, 0, 1})});
    expect(Op::eye, {constant(2), constant(2), constant(-5)}, {{"dtype", dtype}},
           {Tensor::zeros(dtype, {2, 2})});
    expect(Op::eye, {constant(0), constant(2), constant(0)}, {{"dtype", dtype}},
           {Tensor::zeros(dtype, {0, 2})});
  }
}

}  // namespace
}  // namespace gemmule::lower_test
