#include "ir/error.h"
#include "plan/cost.h"
#include "plan/formula.h"
#include "plan/prepare_case.h"

namespace gemmule {
namespace {

constexpr PrepareOptions kSmall{.disabled = {}, .cache_bytes = 800, .block_bytes = 1};

std::string kernels(const std::string& text) { return kernels_after(row_blocks, text, kSmall); }

// A graph over X[100,3], b[3], y[100], W[3,4] and g[100], row numbers from 0 to 4.
std::string with_rows(const std::string& body) {
  return "graph(%X: f64[100,3], %b: f64[3], %y: f64[100], %W: f64[3,4], %g: i64[100], %t: f64[5]) "
         "{\n" +
         body + "}";
}

// What the pass makes of the graph has the same values.
void expect_kept(const std::string& text, const PrepareOptions& options = kSmall) {
  const Graph before = parse_graph(text);
  std::mt19937 random(7);
  for (const std::size_t block_bytes : {1, 480, 1 << 20}) {
    PrepareOptions sized = options;
    sized.block_bytes = block_bytes;
    const Graph after = prepare(before, sized);
    verify(after);
    expect_equal_values(before, after, random);
    expect_equal_values(before, after, random, true);
  }
}

const std::string kRegression = with_rows(R"(  %6: f64[100] = matvec(%X, %b)
  %7: f64[100] = subtract(%y, %6)
  %8: f64[100] = square(%7)
  %9: f64[] = reduce_sum(%8) {axes = [0], dtype = f64}
  %10: f64[3] = matvec(%X, %7) {trans_a = true}
  return %9, %10
)");

TEST(RowBlocks, AMatrixThatIsReadTwice) {
  EXPECT_EQ(
      after(row_blocks, kRegression, kSmall),
      R"(graph(%X: f64[100,3], %b: f64[3], %y: f64[100], %W: f64[3,4], %g: i64[100], %t: f64[5]) {
  %6: f64[], %7: f64[3] = row_blocks(%X, %b, %y) {body = graph(%X: f64[rows,3], %b: f64[3], %y: f64[rows]) {
    %3: f64[rows] = matvec(%X, %b)
    %4: f64[rows] = subtract(%y, %3)
    %5: f64[rows] = square(%4)
    %6: f64[] = reduce_sum(%5) {axes = [0], dtype = f64}
    %7: f64[3] = matvec(%X, %4) {trans_a = true}
    return %6, %7
  }, block = 16, operand_axes = [0,-1,0], result_axes = [-1,-1]}
  return %6, %7
}
)");
  expect_kept(kRegression);
}

TEST(RowBlocks, SaysWhatItStandsFor) {
  const Graph graph = prepare(parse_graph(kRegression), {.cache_bytes = 800, .block_bytes = 480});
  const Node& node = graph.nodes[0];
  ASSERT_EQ(node.op, Op::row_blocks);
  EXPECT_EQ(node.equation, "row_blocks: X@b -> 3 elementwise -> X.T@r, 20 rows at a time");
  EXPECT_EQ(cost(graph, node)->flops.value(), 2 * 300 + 3 * 100 + 2 * 300);
  EXPECT_EQ(cost(graph, node)->bytes.value(), 8 * (300 + 3 + 100 + 1 + 3));
}

TEST(RowBlocks, BodiesAreReadyToRun) {
  const Graph graph = prepare(parse_graph(kRegression), kSmall);
  const Node& node = graph.nodes[0];
  std::vector<Type> types;
  for (const ValueId operand : node.inputs) types.push_back(graph.type(operand));
  EXPECT_EQ(kernels_of(row_block_body(node, types, 16)), "matvec fused matvec");
  EXPECT_EQ(to_text(row_block_body(node, types, 4).type(0)), "f64[4,3]");
}

TEST(RowBlocks, TheMatrixMayBeStoredByColumns) {
  const std::string text = R"(graph(%X: f64[3,100], %b: f64[3], %y: f64[100]) {
  %3: f64[100] = matvec(%X, %b) {trans_a = true}
  %4: f64[100] = multiply(%y, %3)
  %5: f64[3] = matvec(%X, %4)
  return %5
})";
  EXPECT_THAT(after(row_blocks, text, kSmall),
              testing::HasSubstr("operand_axes = [1,-1,0], result_axes = [-1]"));
  expect_kept(text);
}

TEST(RowBlocks, TransposesAreMadeInside) {
  const std::string text = R"(graph(%X: f64[100,3], %b: f64[3]) {
  %2: f64[100] = matvec(%X, %b)
  %3: f64[100] = tanh(%2)
  %4: f64[3,100] = transpose(%X) {perm = [1,0]}
  %5: f64[3] = matvec(%4, %3)
  return %5
})";
  EXPECT_THAT(after(row_blocks, text, kSmall), testing::HasSubstr("row_blocks(%X, %b)"));
  expect_kept(text);
}

TEST(RowBlocks, AddendsOfSummedProductsComeAfterwards) {
  const std::string text = R"(graph(%X: f64[100,3], %b: f64[3], %beta: f64[], %one: f64[]) {
  %4: f64[100] = matvec(%X, %b)
  %5: f64[100] = tanh(%4)
  %6: f64[3] = gemv(%one, %X, %5, %beta, %b) {trans_a = true}
  return %6
})";
  EXPECT_EQ(kernels(text), "equal row_blocks multiply add where");
  expect_kept(text);
}

TEST(RowBlocks, ConditionsOnAllRowsAreCounted) {
  const std::string text = with_rows(R"(  %6: f64[100] = matvec(%X, %b)
  %7: f64[100] = tanh(%6)
  %8: bool[100] = less(%7, %y)
  %9: bool[] = reduce_all(%8) {axes = [0]}
  %10: bool[] = reduce_any(%8) {axes = [0]}
  %11: f64[3] = matvec(%X, %7) {trans_a = true}
  return %9, %10, %11
)");
  EXPECT_EQ(kernels(text), "row_blocks equal not_equal");
  expect_kept(text);
}

TEST(RowBlocks, GroupsAreGatheredAndScattered) {
  const std::string text = with_rows(R"(  %6: f64[100] = gather(%t, %g) {axes = [0]}
  %7: f64[100] = matvec(%X, %b)
  %8: f64[100] = add(%6, %7)
  %9: f64[100] = tanh(%8)
  %10: f64[3] = matvec(%X, %9) {trans_a = true}
  %11: f64[5] = scatter_add(%t, %9, %g) {axes = [0]}
  return %10, %11
)");
  EXPECT_EQ(kernels(text), "row_blocks add");
  expect_kept(text);
}

TEST(RowBlocks, Softmax) {
  const std::string text = with_rows(R"(  %6: f64[100,4] = matmul(%X, %W)
  %7: f64[100] = reduce_max(%6) {axes = [1]}
  %8: f64[100,1] = expand_dims(%7) {axes = [1]}
  %9: f64[100,4] = subtract(%6, %8)
  %10: f64[100,4] = exp(%9)
  %11: f64[100] = reduce_sum(%10) {axes = [1], dtype = f64}
  %12: f64[100,1] = expand_dims(%11) {axes = [1]}
  %13: f64[100,4] = divide(%10, %12)
  %14: f64[3,4] = matmul(%X, %13) {trans_a = true}
  return %14
)");
  EXPECT_EQ(kernels(text), "row_blocks");
  expect_kept(text);
}

TEST(RowBlocks, OneElementOfEveryRow) {
  std::string numbers;
  for (int i = 0; i < 100; ++i) numbers += " " + std::to_string(i);
  const std::string text =
      with_rows("  %6: i64[100] = constant() {value = i64[100]" + numbers + "}\n" +
                R"(  %7: f64[100,4] = matmul(%X, %W)
  %8: f64[100] = gather(%7, %6, %g) {axes = [0,1]}
  %9: f64[100] = tanh(%8)
  %10: f64[3] = matvec(%X, %9) {trans_a = true}
  return %10
)");
  EXPECT_EQ(kernels(text), "row_blocks");
  expect_kept(text);
}

TEST(RowBlocks, TwoMatricesAtOnce) {
  const std::string text = R"(graph(%X: f32[100,3], %Z: f32[100,5], %b: f32[3], %c: f32[5]) {
  %4: f32[100] = matvec(%X, %b)
  %5: f32[100] = matvec(%Z, %c)
  %6: f32[100] = add(%4, %5)
  %7: f32[100] = sigmoid(%6)
  %8: f32[3] = matvec(%X, %7) {trans_a = true}
  %9: f32[5] = matvec(%Z, %7) {trans_a = true}
  return %8, %9
})";
  EXPECT_EQ(kernels(text), "row_blocks");
  Graph prepared = prepare(parse_graph(text), kSmall);
  std::mt19937 random(3);
  expect_equal_values(parse_graph(text), prepared, random, false, 1e-4);
}

TEST(RowBlocks, LargeProductsThatOnlyRowsRead) {
  const std::string text = with_rows(R"(  %6: f64[100,4] = matmul(%X, %W)
  %7: f64[100,4] = tanh(%6)
  %8: f64[100] = reduce_sum(%7) {axes = [1], dtype = f64}
  return %8
)");
  EXPECT_EQ(kernels_after(row_blocks, text, {.cache_bytes = 3000, .block_bytes = 1}), "row_blocks");
  EXPECT_EQ(kernels_after(row_blocks, text, {.cache_bytes = 4000, .block_bytes = 1}),
            "matmul tanh reduce_sum");
  expect_kept(text, {.cache_bytes = 3000});
}

// -- near misses
// -------------------------------------------------------------------------------------

TEST(RowBlocks, OneReadIsNotWorthIt) {
  EXPECT_EQ(kernels(with_rows(
                "  %6: f64[100] = matvec(%X, %b)\n  %7: f64[100] = tanh(%6)\n  return %7\n")),
            "matvec tanh");
}

TEST(RowBlocks, SmallMatricesStayInCacheAnyway) {
  EXPECT_EQ(kernels_after(row_blocks, kRegression, {.cache_bytes = 2401, .block_bytes = 1}),
            "matvec subtract square reduce_sum matvec");
}

TEST(RowBlocks, WhatDependsOnASumOverAllRowsCannotJoin) {
  EXPECT_EQ(kernels(with_rows(R"(  %6: f64[100] = matvec(%X, %b)
  %7: f64[] = reduce_sum(%6) {axes = [0], dtype = f64}
  %8: f64[100] = multiply(%y, %7)
  %9: f64[3] = matvec(%X, %8) {trans_a = true}
  return %9
)")),
            "matvec reduce_sum multiply matvec");
}

TEST(RowBlocks, WhatMixesRowsCannotJoin) {
  EXPECT_EQ(kernels(with_rows(R"(  %6: f64[100] = matvec(%X, %b)
  %7: f64[100] = cumsum(%6) {axis = 0}
  %8: f64[3] = matvec(%X, %7) {trans_a = true}
  return %8
)")),
            "matvec cumsum matvec");
}

TEST(RowBlocks, ProductsThatComputeMoreThanTheyReadStayWhole) {
  const auto text = [](const std::string& columns) {
    return "graph(%X: f64[1000,100], %W: f64[100," + columns + "]) {\n  %2: f64[1000," + columns +
           "] = matmul(%X, %W)\n  %3: f64[1000," + columns + "] = tanh(%2)\n  %4: f64[100," +
           columns + "] = matmul(%X, %3) {trans_a = true}\n  return %4\n}";
  };
  const PrepareOptions options{.cache_bytes = 1 << 19};
  EXPECT_EQ(kernels_after(row_blocks, text("10"), options), "row_blocks");
  EXPECT_EQ(kernels_after(row_blocks, text("100"), options), "matmul tanh matmul");
}

// Passes over rows, with nothing to read twice: each block would cost more than it saves.
TEST(RowBlocks, PassesOverRowsStayWhole) {
  const std::string text = R"(graph(%y: f64[100], %m: f64[4]) {
  %2: f64[100,1] = expand_dims(%y) {axes = [1]}
  %3: f64[1,4] = expand_dims(%m) {axes = [0]}
  %4: f64[100,4] = subtract(%2, %3)
  %5: f64[100,4] = square(%4)
  %6: f64[100] = reduce_max(%5) {axes = [1]}
  %7: f64[100,1] = expand_dims(%6) {axes = [1]}
  %8: f64[100,4] = subtract(%5, %7)
  %9: f64[100,4] = exp(%8)
  %10: f64[100] = reduce_sum(%9) {axes = [1], dtype = f64}
  %11: f64[100] = log(%10)
  %12: f64[100] = add(%11, %6)
  %13: f64[] = reduce_sum(%12) {axes = [0], dtype = f64}
  return %13
})";
  EXPECT_THAT(kernels(text), testing::Not(testing::HasSubstr("row_blocks")));
}

TEST(RowBlocks, FewRowsAreOneBlock) {
  EXPECT_EQ(kernels_after(row_blocks, kRegression, {.cache_bytes = 800, .block_bytes = 1 << 20}),
            "matvec subtract square reduce_sum matvec");
}

}  // namespace
}  // namespace gemmule
