#include "ir/infer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "ir/error.h"
#include "ir/text.h"

namespace gemmule {
namespace {

class Infer : public testing::Test {
 protected:
  ValueId input(DType dtype, const std::vector<std::int64_t>& shape) {
    return graph.add_input(static_type(dtype, shape));
  }
  ValueId f64(const std::vector<std::int64_t>& shape) { return input(DType::f64, shape); }
  ValueId i64(std::int64_t value) { return graph.add_scalar(DType::i64, static_cast<double>(value)); }
  std::string type(ValueId value) { return to_text(graph.type(value), &graph); }

  template <class Error = UserError>
  std::string error(Op op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    try {
      graph.add(op, std::move(inputs), std::move(attributes), "mu");
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }

  Graph graph;
};

TEST_F(Infer, ElementwiseBroadcastsFromStaticOnes) {
  EXPECT_EQ(type(graph.add(Op::add, {f64({3, 1}), f64({1, 4})})), "f64[3,4]");
  EXPECT_EQ(type(graph.add(Op::add, {f64({}), f64({0, 4})})), "f64[0,4]");
  EXPECT_EQ(type(graph.add(Op::less, {f64({3}), f64({3})})), "bool[3]");
  EXPECT_EQ(type(graph.add(Op::absolute, {input(DType::c128, {2})})), "f64[2]");
}

TEST_F(Infer, SymbolsAreKeptAndKnownSizesWin) {
  const Dim n = Dim::unknown(graph.add_symbol("n"));
  const ValueId x = graph.add_input(Type{DType::f64, {n}});
  EXPECT_EQ(type(graph.add(Op::exp, {x})), "f64[n]");
  EXPECT_EQ(type(graph.add(Op::add, {x, f64({5})})), "f64[5]");
  const ValueId size = graph.add(Op::dim, {x}, {{"axis", std::int64_t{0}}});
  EXPECT_EQ(type(graph.add(Op::broadcast_to, {f64({}), size, i64(2)})), "f64[n,2]");
  EXPECT_EQ(type(graph.add(Op::arange, {i64(0), size, i64(1)}, {{"dtype", DType::f64}})), "f64[n]");
}

TEST_F(Infer, MessagesNameOpValuesRuleAndNode) {
  EXPECT_EQ(error<ShapeError>(Op::matmul, {f64({3, 4}), f64({5, 6})}),
            "[matmul] A is f64[3,4], B is f64[5,6]: inner dimensions 4 and 5 differ (node \"mu\")");
  const ValueId one = graph.add_scalar(DType::f64, 1);
  EXPECT_EQ(error<ShapeError>(Op::gemm, {one, f64({3, 4}), f64({4, 6}), one, f64({3, 5})}),
            "[gemm] C is f64[3,5], the product is f64[3,6]: shapes must be equal (node \"mu\")");
  EXPECT_EQ(error<DTypeError>(Op::add, {f64({3}), input(DType::f32, {3})}),
            "[add] operands 0 and 1 are f64 and f32: dtypes must be equal (node \"mu\")");
  EXPECT_EQ(error<ShapeError>(Op::add, {f64({3}), f64({4})}),
            "[add] operands are f64[3], f64[4]: sizes 3 and 4 of axis 0 differ (node \"mu\")");
  EXPECT_EQ(error<ShapeError>(Op::add, {f64({3}), f64({3, 3})}),
            "[add] operand 0 is f64[3] where others have 2 dimensions: ranks must be equal or 0 (node \"mu\")");
  EXPECT_EQ(error<DTypeError>(Op::exp, {input(DType::i32, {})}),
            "[exp] operand 0 is i32: float or complex operands only (node \"mu\")");
  EXPECT_EQ(error(Op::exp, {one, one}), "[exp] takes 1 operands, 2 given (node \"mu\")");
  EXPECT_EQ(error<DTypeError>(Op::cholesky, {input(DType::i64, {2, 2})}),
            "[cholesky] A is i64[2,2]: f32, f64, c64 or c128 only (node \"mu\")");
  EXPECT_EQ(error<ShapeError>(Op::reduce_max, {f64({0, 3})}, {{"axes", Integers{0}}}),
            "[reduce_max] x is f64[0,3]: axis 0 is empty and the reduction has no identity (node \"mu\")");
  EXPECT_EQ(error<ShapeError>(Op::reduce_sum, {f64({3})}, {{"axes", Integers{1}}}),
            "[reduce_sum] axis 1 is out of range for 1 dimensions (node \"mu\")");
  EXPECT_EQ(error<ShapeError>(Op::batched_matmul, {f64({2, 3, 4}), f64({1, 4, 5})}),
            "[batched_matmul] A is f64[2,3,4], B is f64[1,4,5]: batch dimensions 2 and 1 differ (node \"mu\")");
}

TEST_F(Infer, ExtremaThatStartFromAnInfinity) {
  const Attributes from_infinity{{"axes", Integers{0}}, {"initial", true}};
  EXPECT_EQ(type(graph.add(Op::reduce_max, {f64({0, 3})}, from_infinity)), "f64[3]");
  EXPECT_EQ(error<DTypeError>(Op::reduce_min, {input(DType::i32, {0})}, from_infinity),
            "[reduce_min] x is i32[0]: `initial` is for floating point numbers (node \"mu\")");
}

TEST_F(Infer, ProductsWithFlagsAndEmptyDimensions) {
  const Attributes both{{"trans_a", true}, {"trans_b", true}};
  EXPECT_EQ(type(graph.add(Op::matmul, {f64({4, 3}), f64({6, 4})}, both)), "f64[3,6]");
  EXPECT_EQ(type(graph.add(Op::matmul, {f64({3, 0}), f64({0, 5})})), "f64[3,5]");
  EXPECT_EQ(type(graph.add(Op::matvec, {f64({4, 3}), f64({4})}, {{"trans_a", true}})), "f64[3]");
  EXPECT_EQ(type(graph.add(Op::outer, {f64({4}), f64({1})})), "f64[4,1]");
}

TEST_F(Infer, GemmStretchesOnlyWhereAsked) {
  const ValueId one = graph.add_scalar(DType::f64, 1);
  const std::vector<ValueId> operands{one, f64({1, 4}), f64({4, 6}), one, f64({3, 1})};
  EXPECT_NE(error<ShapeError>(Op::gemm, operands), "no error");
  EXPECT_EQ(type(graph.add(Op::gemm, operands, {{"broadcast_c", true}})), "f64[3,6]");
}

TEST_F(Infer, ReshapeSolvesForMinusOne) {
  EXPECT_EQ(type(graph.add(Op::reshape, {f64({4, 6}), i64(-1), i64(3)})), "f64[8,3]");
  EXPECT_THAT(error(Op::reshape, {f64({4}), i64(3)}), testing::HasSubstr("4 elements do not fit the shape f64[3]"));
  EXPECT_THAT(error(Op::reshape, {f64({4}), i64(-1), i64(3)}), testing::HasSubstr("do not divide"));
}

TEST_F(Infer, LayoutOps) {
  EXPECT_EQ(type(graph.add(Op::transpose, {f64({2, 3, 4})}, {{"perm", Integers{2, 0, 1}}})), "f64[4,2,3]");
  EXPECT_EQ(type(graph.add(Op::expand_dims, {f64({2, 3})}, {{"axes", Integers{0, 2}}})), "f64[1,2,1,3]");
  EXPECT_EQ(type(graph.add(Op::squeeze, {f64({1, 2, 1})}, {{"axes", Integers{0, 2}}})), "f64[2]");
  EXPECT_EQ(type(graph.add(Op::diagonal, {f64({3, 5})}, {{"offset", std::int64_t{3}}})), "f64[2]");
  EXPECT_EQ(type(graph.add(Op::concatenate, {f64({2, 3}), f64({0, 3})}, {{"axis", std::int64_t{0}}})), "f64[2,3]");
  EXPECT_EQ(type(graph.add(Op::gather, {f64({5, 6, 7}), input(DType::i32, {2, 3})}, {{"axes", Integers{1}}})),
            "f64[5,2,3,7]");
  EXPECT_EQ(type(graph.add(Op::slice, {f64({10}), i64(8), i64(2), i64(-2)}, {{"axes", Integers{0}}})), "f64[3]");
}

// Against Python's own rule, all combinations of small numbers.
TEST_F(Infer, ScalarLoopChecksItsBody) {
  // x, k; constant c: x * c, k; done when x > c
  Graph body;
  const ValueId x = body.add_input({DType::f64, {}}), k = body.add_input({DType::i16, {}}),
                c = body.add_input({DType::f64, {}});
  const ValueId product = body.add(Op::multiply, {x, c}), next = body.add(Op::square, {k}),
                done = body.add(Op::greater, {product, c});
  const auto loop = [&](const std::vector<ValueId>& outputs, bool until) {
    Graph with = body;
    with.outputs = outputs;
    return Attributes{{"body", std::make_shared<const Graph>(with)}, {"until", until}};
  };
  const ValueId n = input(DType::i64, {}), state = f64({3, 1}), counter = input(DType::i16, {}), constant = f64({1, 4});
  const std::vector<ValueId> operands = {n, state, counter, constant};
  const auto results = graph.add_all(Op::scalar_loop, operands, loop({product, next, done}, true));
  EXPECT_EQ(type(results[0]), "f64[3,4]");
  EXPECT_EQ(type(results[1]), "i16[3,4]");
  EXPECT_EQ(type(results[2]), "bool[3,4]");
  EXPECT_EQ(error(Op::scalar_loop, operands), "[scalar_loop] has no attribute body (node \"mu\")");
  EXPECT_EQ(error(Op::scalar_loop, {n, state}, loop({product, next}, false)),
            "[scalar_loop] takes 4 operands, 2 given (node \"mu\")");
  EXPECT_EQ(error<DTypeError>(Op::scalar_loop, {counter, state, counter, constant}, loop({product, next}, false)),
            "[scalar_loop] n is i16[], it must be i64 (node \"mu\")");
  EXPECT_EQ(error<DTypeError>(Op::scalar_loop, {n, counter, counter, constant}, loop({product, next}, false)),
            "[scalar_loop] operand 1 is i16[], the body expects f64 (node \"mu\")");
  EXPECT_EQ(error<DTypeError>(Op::scalar_loop, operands, loop({next, product}, false)),
            "[scalar_loop] state 0 is f64 and becomes i16 (node \"mu\")");
  EXPECT_EQ(error<DTypeError>(Op::scalar_loop, operands, loop({product, next, next}, true)),
            "[scalar_loop] the condition is i16, it must be bool (node \"mu\")");
  EXPECT_EQ(error(Op::scalar_loop, operands, loop({done}, true)),
            "[scalar_loop] the body has 3 inputs and 1 outputs: it needs a state, and an input for each (node \"mu\")");
  body.add(Op::copy, {x});
  EXPECT_EQ(error(Op::scalar_loop, operands, loop({product, next}, false)),
            "[scalar_loop] the body has copy, it may have elementwise ops and constants only (node \"mu\")");
  Graph wide;
  wide.outputs = {wide.add(Op::exp, {wide.add_input(static_type(DType::f64, {2}))})};
  EXPECT_EQ(error<ShapeError>(Op::scalar_loop, {n, state}, {{"body", std::make_shared<const Graph>(wide)}}),
            "[scalar_loop] the body has f64[2], all must be 0-d (node \"mu\")");
}

TEST_F(Infer, Hyp2f1TakesFloats) {
  EXPECT_EQ(type(graph.add(Op::hyp2f1, {f64({3, 1}), f64({}), f64({1, 4}), f64({3, 4})})), "f64[3,4]");
  const ValueId z = input(DType::c128, {});
  EXPECT_EQ(error<DTypeError>(Op::hyp2f1, {z, z, z, z}),
            "[hyp2f1] operands are c128, they must be floats (node \"mu\")");
}

TEST_F(Infer, ArangeBetweenDistantIntegers) {
  constexpr std::int64_t kLow = std::numeric_limits<std::int64_t>::min(),
                         kHigh = std::numeric_limits<std::int64_t>::max();
  const auto number = [&](std::int64_t value) {
    return graph.add_constant(Tensor::from_bytes(DType::i64, {}, &value));
  };
  const auto length = [&](std::int64_t start, std::int64_t stop, std::int64_t step) {
    return type(graph.add(Op::arange, {number(start), number(stop), number(step)},
                          {{"dtype", DType::i64}}));
  };
  EXPECT_EQ(length(0, 7, 3), "i64[3]");
  EXPECT_EQ(length(7, 0, -3), "i64[3]");
  EXPECT_EQ(length(7, 0, 3), "i64[0]");
  EXPECT_EQ(length(kHigh - 2, kHigh, 1), "i64[2]");
  EXPECT_EQ(length(kLow, kHigh, std::int64_t{1} << 62), "i64[4]");
  EXPECT_EQ(length(kHigh, kLow, kLow), "i64[2]");
  EXPECT_EQ(length(-1, kHigh, kHigh), "i64[2]");
}

// A size of the body's is none of the graph around it.
TEST_F(Infer, SymbolsOfABlockOfRowsAreItsOwn) {
  Graph body = parse_graph(R"(graph(%x: f64[rows,3], %k: f64[a,b,c]) {
  %2: f64[a,b,c] = exp(%k)
  return %2
})");
  const Dim c = Dim::unknown(graph.add_symbol());
  const ValueId k = graph.add_input(Type{DType::f64, {c, c, c}});
  const ValueId result = graph.add(
      Op::row_blocks, {f64({8, 3}), k},
      {{"body", std::make_shared<const Graph>(std::move(body))},
       {"block", std::int64_t{4}}, {"operand_axes", Integers{0, -1}}, {"result_axes", Integers{-1}}});
  for (const Dim& dim : graph.type(result).shape)
    EXPECT_LT(dim.symbol, static_cast<SymbolId>(graph.symbols.size()));
  EXPECT_THAT(type(result), testing::StartsWith("f64["));
}

TEST(ResolveSlice, AgreesWithPython) {
  const auto python = [](std::int64_t start, std::int64_t stop, std::int64_t step, std::int64_t size) {
    const auto wrap = [&](std::int64_t i) {
      if (i < 0) i += size;
      if (i < 0) return step < 0 ? std::int64_t{-1} : std::int64_t{0};
      if (i >= size) return step < 0 ? size - 1 : size;
      return i;
    };
    std::vector<std::int64_t> indices;
    for (std::int64_t i = wrap(start); step > 0 ? i < wrap(stop) : i > wrap(stop); i += step) indices.push_back(i);
    return indices;
  };
  for (std::int64_t size = 0; size < 5; ++size) {
    for (std::int64_t start = -7; start <= 7; ++start) {
      for (std::int64_t stop = -7; stop <= 7; ++stop) {
        for (const std::int64_t step : {-3, -2, -1, 1, 2, 3}) {
          const auto expected = python(start, stop, step, size);
          const auto found = resolve_slice(start, stop, step, size);
          ASSERT_EQ(found.count, static_cast<std::int64_t>(expected.size())) << start << ":" << stop << ":" << step;
          if (!expected.empty()) ASSERT_EQ(found.start, expected[0]);
        }
      }
    }
  }
  constexpr auto largest = std::numeric_limits<std::int64_t>::max(), smallest = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(resolve_slice(largest, smallest, -1, 4).count, 4);
  EXPECT_EQ(resolve_slice(0, largest, 1, 4).count, 4);
  EXPECT_EQ(resolve_slice(largest, smallest, smallest, 4).count, 1);
}

}  // namespace
}  // namespace gemmule
