#include "passes/batch.h"

#include "ir/error.h"
#include "ir/verify.h"
#include "passes/text_case.h"

namespace gemmule {
namespace {

std::string batched_text(const std::string& text, const BatchOptions& options) {
  const Graph graph = batched(parse_graph(text), options);
  verify(graph);
  return to_text(graph);
}

Counts batched_counts(const std::string& text, const BatchOptions& options) {
  return kernel_counts(optimise(batched(parse_graph(text), options)).graph);
}

std::string error_of(const std::string& text, const BatchOptions& options) {
  try {
    batched(parse_graph(text), options);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing";
}

TEST(Batch, AVectorPerChainAndOneMatrixAreOneProduct) {
  EXPECT_EQ(batched_text(
                "graph(%A: f64[m,k], %x: f64[k]) {\n  %y: f64[m] = matvec(%A, %x)\n  return %y\n}",
                {.inputs = {1}, .chains = 64}),
            R"(graph(%A: f64[m,k], %x: f64[64,k]) {
  %2: f64[64,m] = matmul(%x, %A) {trans_b = true}
  return %2
}
)");
  // Any number of chains.
  EXPECT_EQ(batched_text("graph(%A: f64[m,k], %x: f64[m]) {\n  %y: f64[k] = matvec(%A, %x) "
                         "{trans_a = true}\n  return %y\n}",
                         {.inputs = {1}}),
            R"(graph(%A: f64[m,k], %x: f64[chains,m]) {
  %2: f64[chains,k] = matmul(%x, %A)
  return %2
}
)");
}

TEST(Batch, RecognitionFindsGemmInTheResult) {
  const std::string text = R"(graph(%A: f64[m,k], %x: f64[k], %y: f64[m]) {
  %0: f64[m] = matvec(%A, %x)
  %1: f64[m] = add(%0, %y)
  return %1
})";
  EXPECT_EQ(batched_counts(text, {.inputs = {1, 2}, .chains = 8}), (Counts{{"gemm", 1}}));
}

TEST(Batch, AMatrixThatChainsShareIsFactorisedOnce) {
  const std::string text = R"(graph(%A: f64[n,n], %b: f64[n,1]) {
  %l: f64[n,n] = cholesky(%A) {lower = true}
  %x: f64[n,1] = solve_triangular(%l, %b) {lower = true}
  return %x
})";
  const Graph graph = batched(parse_graph(text), {.inputs = {1}, .chains = 8});
  for (const Node& node : graph.nodes) {
    for (const ValueId output : node.outputs) {
      if (node.op == Op::cholesky) {
        EXPECT_EQ(to_text(graph.type(output), &graph), "f64[n,n]");
      } else if (node.op == Op::solve_triangular) {
        EXPECT_EQ(graph.type(output).shape[1], Dim::known(8));
      }
    }
  }
}

TEST(Batch, WhatChainsShareIsComputedOnceAndReturnedForEach) {
  EXPECT_EQ(batched_text("graph(%x: f64[n], %y: f64[n]) {\n  %e: f64[n] = exp(%y)\n  %s: f64[n] = "
                         "add(%x, %e)\n  return %s, %e\n}",
                         {.inputs = {0}, .chains = 3}),
            R"(graph(%x: f64[3,n], %y: f64[n]) {
  %2: f64[n] = exp(%y)
  %3: f64[1,n] = expand_dims(%2) {axes = [0]}
  %4: f64[3,n] = add(%x, %3)
  %5: f64[1,n] = expand_dims(%2) {axes = [0]}
  %6: i64[] = constant() {value = i64[] 3}
  %7: i64[] = dim(%2) {axis = 0}
  %8: f64[3,n] = broadcast_to(%5, %6, %7)
  %9: f64[3,n] = copy(%8)
  return %4, %9
}
)");
}

TEST(Batch, AnOpWithoutARuleIsTheBodyOfALoopOverTheChains) {
  const std::string text =
      batched_text("graph(%x: f64[n]) {\n  %p: i64[1,s], %c: i64[] = nonzero(%x)\n  return %c\n}",
                   {.inputs = {0}, .chains = 3});
  EXPECT_THAT(text, testing::HasSubstr("= scan("));
  EXPECT_THAT(text, testing::HasSubstr("states = \"output -> 0; output -> 0\""));
}

TEST(Batch, ChainsThatAreRejected) {
  Graph graph = batched(parse_graph(R"(graph(%x: f64[n]) {
  %0: f64[] = reduce_sum(%x) {axes = [0]}
  %1: f64[] = constant() {value = f64[] 0}
  %2: bool[] = greater(%0, %1)
  return %0, %x, %2
})"),
                        {.inputs = {0}, .chains = 3});
  reject_failed(graph);
  verify(graph);
  const std::string text = to_text(graph);
  EXPECT_THAT(text, testing::HasSubstr("value = f64[] -inf"));
  EXPECT_THAT(text, testing::HasSubstr("f64[3,n] = where("));
  EXPECT_THAT(text, testing::HasSubstr("f64[3] = where("));
}

TEST(Batch, Errors) {
  EXPECT_EQ(error_of("graph(%x: f64[n]) {\n  return %x\n}", {.inputs = {1}}),
            "[batched] input 1: the graph has 1");
  EXPECT_EQ(error_of("graph(%x: f64[n]) {\n  return %x\n}", {.inputs = {0}, .chains = -1}),
            "[batched] -1 chains: the number cannot be negative");
  EXPECT_EQ(error_of("graph(%x: f64[n]) {\n  return %x\n}", {}),
            "[batched] no input is batched, and the number of chains is not given");
  EXPECT_EQ(error_of("graph(%x: f64[n], %k: i64[]) {\n  %y: f64[k] = broadcast_to(%x, %k) {origin "
                     "= \"y\"}\n  return %y\n}",
                     {.inputs = {1}}),
            "[batched] a size or position of broadcast_to differs between chains (node \"y\")");
  EXPECT_THAT(
      error_of(R"(graph(%g: u64[], %m: f64[]) {
  %h: u64[], %d: f64[] = random(%g, %m, %m) {distribution = "normal", sizes = -1, origin = "x"}
  return %d
})",
               {.inputs = {1}}),
      testing::HasSubstr(
          "[batched] random draws cannot be batched: chains would share a generator (node \"x\")"));
}

TEST(Batch, ASizeThatDiffersBetweenChains) {
  EXPECT_EQ(error_of(R"(graph(%n: i64[]) {
  %0: i64[] = constant() {value = i64[] 0}
  %1: i64[] = constant() {value = i64[] 1}
  %2: i64[s] = arange(%0, %n, %1) {dtype = i64}
  return %2
})",
                     {.inputs = {0}}),
            "[batched] a size or position of arange differs between chains");
}

}  // namespace
}  // namespace gemmule
