#include <gmock/gmock.h>

#include "ir/error.h"
#include "mlx/lower_test_support.h"

namespace gemmule::lower_test {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(LowerGather, EveryDTypeAndIndex) {
  for (const DType dtype : all_dtypes()) {
    const Tensor x = tensor(dtype, {2, 2}, {1, 0, 0, 1});
    for (const DType index_dtype : {DType::i8, DType::i32, DType::i64, DType::u8, DType::u64}) {
      const Tensor rows = tensor(index_dtype, {3}, {1, 0, 1});
      const Tensor expected = tensor(dtype, {3, 2}, {0, 1, 1, 0, 0, 1});
      expect(Op::gather, {{x}, {rows}}, {{"axes", Integers{0}}}, {expected});
      expect(Op::gather, {{x}, constant(rows)}, {{"axes", Integers{0}}}, {expected});
    }
    expect(Op::gather, {{x}, {integers({}, {-1})}}, {{"axes", Integers{0}}},
           {tensor(dtype, {2}, {0, 1})});
    expect(Op::gather, {{x}, {integers({0}, {})}}, {{"axes", Integers{0}}},
           {Tensor::zeros(dtype, {0, 2})});
    expect(Op::gather, {{x}, {integers({2}, {0, -1})}, {integers({}, {0})}},
           {{"axes", Integers{0, 1}}}, {tensor(dtype, {2}, {1, 0})});
  }
}

TEST(LowerGather, AxesOfTheIndicesTakeThePlaceOfThoseIndexed) {
  for (const DType dtype : {DType::f32, DType::c128}) {
    const Tensor x = counting(dtype, {2, 3, 2});
    const auto at = [&](std::int64_t i, std::int64_t j, std::int64_t k) {
      return element(x, (i * 3 + j) * 2 + k);
    };
    const Tensor index = integers({2, 2}, {2, 1, 0, 1});
    std::vector<Complex> expected;
    for (int i = 0; i < 2; ++i) {
      for (const int j : {2, 1, 0, 1}) {
        for (int k = 0; k < 2; ++k) expected.push_back(at(i, j, k));
      }
    }
    std::vector<double> real;
    for (const Complex& value : expected) real.push_back(value.real());
    const Tensor result = is_complex(dtype) ? tensor<Complex>(dtype, {2, 2, 2, 2}, expected)
                                            : tensor(dtype, {2, 2, 2, 2}, real);
    expect(Op::gather, {{x}, {index}}, {{"axes", Integers{1}}}, {result});
  }
}

TEST(LowerGather, IndicesBroadcast) {
  const Tensor x = counting(DType::f32, {2, 3});
  expect(Op::gather, {{x}, {integers({2, 1}, {0, 1})}, {integers({2}, {2, 0})}},
         {{"axes", Integers{0, 1}}}, {tensor(DType::f32, {2, 2}, {3, 1, 6, 4})});
}

TEST(LowerGather, OutOfBounds) {
  for (const DType dtype : {DType::i32, DType::f32, DType::f64, DType::c128}) {
    const Tensor x = counting(dtype, {5, 2});
    for (const double index : {7., 5., -6.}) {
      const OneNode test(Op::gather, {{x}, {integers({2}, {0, index})}}, {{"axes", Integers{0}}});
      const std::string text = "index " + std::to_string(static_cast<int>(index)) +
                               " is out of bounds for axis 0 with size 5";
      EXPECT_THAT([&] { test.run(); }, ThrowsMessage<IndexError>(HasSubstr(text)));
      const OneNode known(Op::gather, {{x}, constant(integers({2}, {0, index}))},
                          {{"axes", Integers{0}}});
      EXPECT_THAT([&] { known.run(); }, ThrowsMessage<IndexError>(HasSubstr(text)));
      if (runs_on_gpu(known.graph, known.node())) {
        EXPECT_THAT([&] { known.run_as_on_gpu(); },
                    ThrowsMessage<IndexError>(HasSubstr("[gather] " + text)));
      }
    }
  }
}

TEST(LowerGather, OutOfBoundsOnAGpuIsNaN) {
  const OneNode test(Op::gather, {{counting(DType::f32, {2, 2})}, {integers({3}, {0, 2, -3})}},
                     {{"axes", Integers{1}}});
  expect_same(test.run_as_on_gpu()[0], tensor(DType::f32, {2, 3}, {1, kNaN, kNaN, 3, kNaN, kNaN}),
              0, "gather");
  const OneNode whole(Op::gather, {{counting(DType::i32, {2})}, {integers({1}, {0})}},
                      {{"axes", Integers{0}}});
  EXPECT_FALSE(runs_on_gpu(whole.graph, whole.node()));
}

TEST(LowerGather, FromNothing) {
  const Tensor none = Tensor::zeros(DType::f32, {0, 2});
  expect(Op::gather, {{none}, {integers({0}, {})}}, {{"axes", Integers{0}}}, {none});
  expect(Op::gather, {{Tensor::zeros(DType::f32, {3, 0})}, {integers({2}, {0, 1})}},
         {{"axes", Integers{0}}}, {Tensor::zeros(DType::f32, {2, 0})});
  const OneNode test(Op::gather, {{none}, {integers({1}, {0})}}, {{"axes", Integers{0}}});
  EXPECT_THROW(test.run(), IndexError);
  EXPECT_THROW(test.run_as_on_gpu(), IndexError);
}

TEST(LowerScatter, EveryDType) {
  for (const DType dtype : all_dtypes()) {
    const Tensor x = tensor(dtype, {3}, {0, 1, 0}), y = tensor(dtype, {2}, {1, 0});
    const Tensor index = integers({2}, {0, -2});
    expect(Op::scatter_set, {{x}, {y}, {index}}, {{"axes", Integers{0}}},
           {tensor(dtype, {3}, {1, 0, 0})});
    expect(Op::scatter_set, {{x}, {y}, constant(index)}, {{"axes", Integers{0}}},
           {tensor(dtype, {3}, {1, 0, 0})});
    expect(Op::scatter_add, {{x}, {y}, {index}}, {{"axes", Integers{0}}},
           {tensor(dtype, {3}, {1, 1, 0})});
    expect(Op::scatter_set, {{x}, {Tensor::zeros(dtype, {0})}, {integers({0}, {})}},
           {{"axes", Integers{0}}}, {x});
  }
}

TEST(LowerScatter, RepeatedIndicesAccumulate) {
  for (const DType dtype : {DType::i64, DType::f32, DType::f64, DType::c128}) {
    const Tensor x = tensor(dtype, {2, 2}, {1, 1, 1, 1});
    expect(Op::scatter_add, {{x}, {tensor(dtype, {}, {2})}, {integers({3}, {0, 0, 0})}},
           {{"axes", Integers{1}}}, {tensor(dtype, {2, 2}, {7, 1, 7, 1})});
    expect(Op::scatter_add, {{x}, {tensor(dtype, {2, 1}, {1, 2})}, {integers({2}, {1, 1})}},
           {{"axes", Integers{1}}}, {tensor(dtype, {2, 2}, {1, 3, 1, 5})});
    expect(Op::scatter_add,
           {{x}, {tensor(dtype, {2}, {1, 2})}, {integers({2}, {0, 1})}, {integers({2}, {0, 1})}},
           {{"axes", Integers{0, 1}}}, {tensor(dtype, {2, 2}, {2, 1, 1, 3})});
  }
}

TEST(LowerScatter, OutOfBounds) {
  const Tensor x = counting(DType::f32, {3}), y = tensor(DType::f32, {}, {9});
  const OneNode test(Op::scatter_set, {{x}, {y}, {integers({1}, {3})}}, {{"axes", Integers{0}}});
  EXPECT_THAT(
      [&] { test.run(); },
      ThrowsMessage<IndexError>(HasSubstr("index 3 is out of bounds for axis 0 with size 3")));
  expect_same(test.run_as_on_gpu()[0], tensor(DType::f32, {3}, {kNaN, kNaN, kNaN}), 0, "scatter");
}

}  // namespace
}  // namespace gemmule::lower_test
