#include "mlx/lower_test_support.h"

#include <array>

#include "ir/error.h"
#include "kernels/elementwise.h"
#include "kernels/elementwise_loops.h"

namespace gemmule::lower_test {
namespace {

Type scalar(DType dtype) { return static_type(dtype, {}); }

std::shared_ptr<const Graph> shared(Graph graph) {
  return std::make_shared<const Graph>(std::move(graph));
}

TEST(LowerElementwise, BroadcastsSizesOfOne) {
  for (const DType dtype : all_dtypes()) {
    if (dtype == DType::bool_) continue;
    const Tensor x = tensor(dtype, {2, 1}, {1, 2}), y = tensor(dtype, {1, 3}, {1, 2, 3}),
                 s = tensor(dtype, {}, {2});
    expect(Op::add, {{x}, {y}}, {}, {tensor(dtype, {2, 3}, {2, 3, 4, 3, 4, 5})});
    expect(Op::multiply, {{s}, {y}}, {}, {tensor(dtype, {1, 3}, {2, 4, 6})});
    expect(Op::multiply, {{s}, {s}}, {}, {tensor(dtype, {}, {4})});
    expect(Op::add, {{Tensor::zeros(dtype, {0, 1})}, {y}}, {}, {Tensor::zeros(dtype, {0, 3})});
  }
}

TEST(LowerElementwise, ReadsViews) {
  for (const DType dtype : {DType::f32, DType::f64, DType::c64, DType::c128}) {
    Graph graph;
    const ValueId x = graph.add_input(static_type(dtype, {2, 3}));
    const ValueId transposed = graph.add(Op::transpose, {x}, {{"perm", Integers{1, 0}}});
    const ValueId minus_one = graph.add_constant(Tensor::scalar(DType::i64, -1));
    const ValueId start = graph.add_constant(Tensor::scalar(DType::i64, 2));
    const ValueId stop = graph.add_constant(Tensor::scalar(DType::i64, -4));
    const ValueId reversed =
        graph.add(Op::slice, {transposed, start, stop, minus_one}, {{"axes", Integers{0}}});
    graph.outputs = {graph.add(Op::add, {reversed, transposed})};
    const auto results = MlxProgram(graph, mx::Device::cpu)
                             .run({to_mlx_array(tensor(dtype, {2, 3}, {1, 2, 3, 4, 5, 6}))});
    expect_same(to_tensor(results[0], graph.type(graph.outputs[0])),
                tensor(dtype, {3, 2}, {4, 10, 4, 10, 4, 10}), 0, "add");
  }
}

TEST(LowerElementwise, Cast) {
  for (const DType from : all_dtypes()) {
    for (const DType to : all_dtypes()) {
      const Tensor x = tensor(from, {3}, {0, 1, 100});
      const double large = from == DType::bool_ || to == DType::bool_ ? 1 : 100;
      expect(Op::cast, {{x}}, {{"dtype", to}}, {tensor(to, {3}, {0, 1, large})});
    }
  }
  expect(Op::cast, {{tensor(DType::f32, {3}, {-1.7, 0.5, kNaN})}}, {{"dtype", DType::bool_}},
         {tensor(DType::bool_, {3}, {1, 1, 1})});
  expect(Op::cast, {{tensor(DType::f32, {2}, {-1.7, 1.7})}}, {{"dtype", DType::i32}},
         {tensor(DType::i32, {2}, {-1, 1})});
}

TEST(LowerElementwise, ComplexParts) {
  for (const DType dtype : {DType::c64, DType::c128}) {
    const DType part = real_part(dtype);
    const Tensor z = tensor<Complex>(dtype, {2}, {{3, 4}, {0, -1}});
    expect(Op::real, {{z}}, {}, {tensor(part, {2}, {3, 0})});
    expect(Op::imag, {{z}}, {}, {tensor(part, {2}, {4, -1})});
    expect(Op::absolute, {{z}}, {}, {tensor(part, {2}, {5, 1})}, 1e-6);
    expect(Op::conj, {{z}}, {}, {tensor<Complex>(dtype, {2}, {{3, -4}, {0, 1}})});
    expect(Op::complex, {{tensor(part, {2, 1}, {1, kInf})}, {tensor(part, {1, 2}, {2, kInf})}}, {},
           {tensor<Complex>(dtype, {2, 2}, {{1, 2}, {1, kInf}, {kInf, 2}, {kInf, kInf}})});
  }
}

TEST(LowerElementwise, WhatHasNoMeaningIsUnsupported) {
  for (const DType dtype : {DType::c64, DType::c128}) {
    const OneNode test(Op::less, {{counting(dtype, {2})}, {counting(dtype, {2})}}, {});
    EXPECT_THROW(test.run(), UnsupportedError);
    EXPECT_FALSE(runs_on_gpu(test.graph, test.node()));
  }
}

TEST(LowerFused, SeveralResultsConstantsAndCasts) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    Graph body;
    const ValueId x = body.add_input(scalar(dtype)), n = body.add_input(scalar(DType::i64));
    const ValueId real = body.add(Op::cast, {n}, {{"dtype", dtype}});
    const ValueId twice = body.add(Op::multiply, {body.add_scalar(dtype, 2), x});
    const ValueId sum = body.add(Op::add, {twice, real});
    body.outputs = {sum, body.add(Op::less, {x, real}), body.add_scalar(dtype, 7), real};
    expect(Op::fused, {{tensor(dtype, {2, 1}, {1, 2})}, {integers({1, 2}, {1, 2})}},
           {{"body", shared(body)}},
           {tensor(dtype, {2, 2}, {3, 4, 5, 6}), tensor(DType::bool_, {2, 2}, {0, 1, 0, 0}),
            tensor(dtype, {2, 2}, {7, 7, 7, 7}), tensor(dtype, {2, 2}, {1, 2, 1, 2})});
  }
}

TEST(LowerFused, OfComplexViews) {
  Graph body;
  const ValueId z = body.add_input(scalar(DType::c128));
  body.outputs = {body.add(Op::multiply, {z, body.add(Op::conj, {z})}), body.add(Op::imag, {z})};
  Graph graph;
  const ValueId input = graph.add_input(static_type(DType::c128, {2, 1}));
  const ValueId transposed = graph.add(Op::transpose, {input}, {{"perm", Integers{1, 0}}});
  graph.outputs = graph.add_all(Op::fused, {transposed}, {{"body", shared(body)}});
  const auto results =
      MlxProgram(graph, mx::Device::cpu)
          .run({to_mlx_array(tensor<Complex>(DType::c128, {2, 1}, {{3, 4}, {1, -1}}))});
  expect_same(to_tensor(results[0], graph.type(graph.outputs[0])),
              tensor(DType::c128, {1, 2}, {25, 2}), 0, "z * conj(z)");
  expect_same(to_tensor(results[1], graph.type(graph.outputs[1])),
              tensor(DType::f64, {1, 2}, {4, -1}), 0, "imag");
}

// -- MLX's functions against Gemmule's own --------------------------------------------------------

std::vector<double> numbers_for(DType dtype) {
  if (dtype == DType::bool_) return {0, 1};
  if (kind(dtype) == DTypeKind::integer) {
    const bool is_signed =
        dtype == DType::i8 || dtype == DType::i16 || dtype == DType::i32 || dtype == DType::i64;
    std::vector<double> numbers{0, 1, 2, 3, 7, 100};
    if (is_signed) numbers.insert(numbers.end(), {-1, -2, -3, -7, -100});
    return numbers;
  }
  if (is_complex(dtype)) return {0.25, 0.5, -1, 1.5, -2, 7, 0.1};
  std::vector<double> numbers{0, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 7, 11, 0.1, 1e-3};
  const std::vector<double> positive = numbers;
  for (const double number : positive) numbers.push_back(-number);
  numbers.insert(numbers.end(), {kInf, -kInf, kNaN, 20, -20, 50, -50});
  return numbers;
}

// Operands that hold every combination of numbers.
std::vector<Operand> combinations(Op op, DType dtype) {
  const int arity = info(op).arity;
  std::vector<Operand> operands;
  const auto numbers = numbers_for(dtype);
  for (int i = 0; i < arity; ++i) {
    const DType own = op == Op::where && i == 0 ? DType::bool_ : dtype;
    Sizes shape(arity, 1);
    shape[i] = static_cast<std::int64_t>(numbers.size());
    operands.push_back({tensor(own, shape, numbers)});
  }
  return operands;
}

double tolerance_of(Op op, DType dtype) {
  if (kind(dtype) == DTypeKind::integer || dtype == DType::bool_) return 0;
  if (dtype == DType::f16) return 2e-3;
  // MLX's own on the CPU, which only these tests meet: approximations of 4 to 6 digits.
  if (op == Op::erfinv || op == Op::erf || op == Op::erfc || op == Op::erfcx) return 1e-5;
  return 3e-6;
}

TEST(ScalarFunctions, AgreeWithTheKernels) {
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    if (!is_elementwise(op) || op == Op::cast || op == Op::complex) continue;
    for (const DType dtype : all_dtypes()) {
      if (!has_mlx_function(op, dtype) || kernels::loop(op, dtype) == nullptr) continue;
      if (info(op).properties == OpProperties::float_only && !is_inexact(dtype)) continue;
      SCOPED_TRACE(std::string(info(op).name) + " of " + std::string(name(dtype)));
      const OneNode test(op, combinations(op, dtype), {});
      expect_same(test.run_as_on_gpu()[0], test.run()[0], tolerance_of(op, dtype), "MLX's");
    }
  }
}

TEST(ScalarFunctions, TailsKeepTheirDigits) {
  const auto relative = [](Op op, double x, double expected) {
    const OneNode test(op, {{tensor(DType::f32, {}, {x})}}, {});
    const double value = element(test.run_as_on_gpu()[0], 0).real();
    EXPECT_NEAR(value / expected, 1, 2e-6) << info(op).name << " of " << x;
  };
  relative(Op::erfc, 3, 2.209049699858544e-05);
  relative(Op::erfc, 9, 4.13703174651381e-37);
  relative(Op::erfcx, 0.25, 0.7703465477309967);
  relative(Op::erfcx, 30, 0.018795888861416754);
  relative(Op::erfcx, -5, 144009798674.66104);
  relative(Op::sigmoid, -80, 1.8048513878454153e-35);
  relative(Op::log1mexp, -1e-6, -13.815511057964274);
  relative(Op::log1mexp, -20, -2.061153624562255e-09);
  relative(Op::softplus, -20, 2.061153620314381e-09);
}

}  // namespace
}  // namespace gemmule::lower_test
