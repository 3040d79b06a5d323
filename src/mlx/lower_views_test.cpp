#include "ir/error.h"
#include "mlx/lower_test_support.h"

namespace gemmule::lower_test {
namespace {

constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kBegin = std::numeric_limits<std::int64_t>::min();

// The elements of `x` (counting from 0) in the order of `positions`.
Tensor picked(const Tensor& x, Sizes shape, const std::vector<int>& positions) {
  std::vector<std::byte> bytes;
  const std::size_t size = size_of(x.dtype);
  for (const int position : positions) {
    bytes.insert(bytes.end(), x.data.get() + position * size, x.data.get() + (position + 1) * size);
  }
  return Tensor::from_bytes(x.dtype, std::move(shape), bytes.data());
}

std::vector<Operand> with_sizes(const Tensor& x, const Sizes& sizes) {
  std::vector<Operand> operands{{x}};
  for (const std::int64_t size : sizes) operands.push_back(constant(size));
  return operands;
}

TEST(LowerViews, EveryDType) {
  for (const DType dtype : all_dtypes()) {
    const Tensor x = counting(dtype, {2, 3});
    expect(Op::transpose, {{x}}, {{"perm", Integers{1, 0}}},
           {picked(x, {3, 2}, {0, 3, 1, 4, 2, 5})});
    expect(Op::expand_dims, {{x}}, {{"axes", Integers{0, 3}}},
           {picked(x, {1, 2, 3, 1}, {0, 1, 2, 3, 4, 5})});
    expect(Op::expand_dims, {{x}}, {{"axes", Integers{-1}}},
           {picked(x, {2, 3, 1}, {0, 1, 2, 3, 4, 5})});
    const Tensor ones = counting(dtype, {1, 2, 1});
    expect(Op::squeeze, {{ones}}, {{"axes", Integers{0, -1}}}, {picked(ones, {2}, {0, 1})});
    expect(Op::reshape, with_sizes(x, {3, 2}), {}, {picked(x, {3, 2}, {0, 1, 2, 3, 4, 5})});
    expect(Op::reshape, with_sizes(x, {-1}), {}, {picked(x, {6}, {0, 1, 2, 3, 4, 5})});
    expect(Op::copy, {{x}}, {}, {x});
    expect(Op::diagonal, {{x}}, {}, {picked(x, {2}, {0, 4})});
    expect(Op::diagonal, {{x}}, {{"offset", std::int64_t{-1}}}, {picked(x, {1}, {3})});
    expect(Op::diagonal, {{x}}, {{"offset", std::int64_t{2}}}, {picked(x, {1}, {2})});
    expect(Op::diagonal, {{x}}, {{"offset", std::int64_t{9}}}, {picked(x, {0}, {})});
    const Tensor row = counting(dtype, {3});
    expect(Op::broadcast_to, with_sizes(row, {2, 3}), {},
           {picked(row, {2, 3}, {0, 1, 2, 0, 1, 2})});
    const Tensor column = counting(dtype, {2, 1});
    expect(Op::broadcast_to, with_sizes(column, {2, 2}), {},
           {picked(column, {2, 2}, {0, 0, 1, 1})});
  }
}

TEST(LowerViews, Batches) {
  const Tensor x = counting(DType::c128, {2, 2, 2});
  expect(Op::transpose, {{x}}, {{"perm", Integers{2, 0, 1}}},
         {picked(x, {2, 2, 2}, {0, 2, 4, 6, 1, 3, 5, 7})});
  expect(Op::diagonal, {{x}}, {{"axis1", std::int64_t{1}}, {"axis2", std::int64_t{2}}},
         {picked(x, {2, 2}, {0, 3, 4, 7})});
  expect(Op::diagonal, {{x}}, {{"axis1", std::int64_t{0}}, {"axis2", std::int64_t{-1}}},
         {picked(x, {2, 2}, {0, 5, 2, 7})});
}

TEST(LowerViews, NothingAndOne) {
  for (const DType dtype : {DType::f32, DType::f64, DType::c128}) {
    const Tensor none = counting(dtype, {0, 3}), scalar = counting(dtype, {});
    expect(Op::transpose, {{none}}, {{"perm", Integers{1, 0}}}, {Tensor::zeros(dtype, {3, 0})});
    expect(Op::reshape, with_sizes(none, {0}), {}, {Tensor::zeros(dtype, {0})});
    expect(Op::reshape, with_sizes(none, {2, 0, 5}), {}, {Tensor::zeros(dtype, {2, 0, 5})});
    expect(Op::copy, {{none}}, {}, {none});
    expect(Op::copy, {{scalar}}, {}, {scalar});
    expect(Op::reshape, with_sizes(scalar, {1, 1}), {}, {picked(scalar, {1, 1}, {0})});
    expect(Op::reshape, with_sizes(picked(scalar, {1}, {0}), {}), {}, {scalar});
    expect(Op::broadcast_to, with_sizes(scalar, {2}), {}, {picked(scalar, {2}, {0, 0})});
    expect(Op::broadcast_to, with_sizes(scalar, {0, 2}), {}, {Tensor::zeros(dtype, {0, 2})});
    expect(Op::transpose, {{scalar}}, {{"perm", Integers{}}}, {scalar});
    expect(Op::diagonal, {{none}}, {}, {Tensor::zeros(dtype, {0})});
  }
}

TEST(LowerViews, DiagonalOfAView) {
  for (const DType dtype : {DType::f64, DType::c128}) {
    const Tensor x = counting(dtype, {3, 4});
    Graph graph;
    const ValueId input = graph.add_input(static_type(dtype, {3, 4}));
    const ValueId transposed = graph.add(Op::transpose, {input}, {{"perm", Integers{1, 0}}});
    graph.outputs = {graph.add(Op::diagonal, {transposed}, {{"offset", std::int64_t{-1}}})};
    const auto results = MlxProgram(graph, mx::Device::cpu).run({to_mlx_array(x)});
    expect_same(to_tensor(results[0], graph.type(graph.outputs[0])), picked(x, {3}, {1, 6, 11}), 0,
                "diagonal");
  }
}

TEST(LowerViews, CopyIsFresh) {
  mx::array x = to_mlx_array(counting(DType::f64, {4}));
  OneNode test(Op::copy, {{counting(DType::f64, {4})}}, {});
  auto results = MlxProgram(test.graph, mx::Device::cpu).run({x});
  mx::eval(results);
  EXPECT_NE(results[0].data<char>(), x.data<char>());
}

// Python's range(n)[start:stop:step].
std::vector<int> python_slice(int n, std::int64_t start, std::int64_t stop, std::int64_t step) {
  const auto clamp = [&](std::int64_t i) {
    if (i < 0) i = i < -n ? -1 : i + n;
    const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
    return std::max(low, std::min(high, i));
  };
  std::vector<int> positions;
  const std::int64_t last = clamp(stop);
  for (std::int64_t i = clamp(start); step > 0 ? i < last : i > last;) {
    positions.push_back(static_cast<int>(i));
    if (step > n || step < -n) break;
    i += step;
  }
  return positions;
}

TEST(LowerSlice, EveryStartStopStep) {
  for (const int n : {0, 1, 5}) {
    const Tensor x = counting(DType::f32, {n});
    for (const std::int64_t start :
         {kBegin, std::int64_t{-6}, std::int64_t{-2}, std::int64_t{0}, std::int64_t{3}, kEnd}) {
      for (const std::int64_t stop :
           {kBegin, std::int64_t{-6}, std::int64_t{-1}, std::int64_t{0}, std::int64_t{4}, kEnd}) {
        for (const std::int64_t step :
             {std::int64_t{1}, std::int64_t{2}, std::int64_t{-1}, std::int64_t{-3}, kEnd, kBegin}) {
          const std::vector<int> positions = python_slice(n, start, stop, step);
          expect(Op::slice, {{x}, constant(start), constant(stop), constant(step)},
                 {{"axes", Integers{0}}},
                 {picked(x, {static_cast<std::int64_t>(positions.size())}, positions)});
        }
      }
    }
  }
}

TEST(LowerSlice, AxesOfEveryDType) {
  for (const DType dtype : all_dtypes()) {
    const Tensor x = counting(dtype, {2, 3});
    expect(Op::slice, {{x}, constant(kEnd), constant(kBegin), constant(-1)},
           {{"axes", Integers{-1}}}, {picked(x, {2, 3}, {2, 1, 0, 5, 4, 3})});
    expect(Op::slice,
           {{x}, constant(1), constant(2), constant(1), constant(0), constant(kEnd), constant(2)},
           {{"axes", Integers{0, 1}}}, {picked(x, {1, 2}, {3, 5})});
  }
}

}  // namespace
}  // namespace gemmule::lower_test
