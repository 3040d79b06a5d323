#include "plan/cost.h"

#include <gtest/gtest.h>

#include "ir/text.h"

namespace gemmule {
namespace {

// The cost of the last node of a graph given as text: "flops | bytes".
std::string cost_text(const std::string& text) {
  const Graph graph = parse_graph(text);
  const auto found = cost(graph, graph.nodes.back());
  return found ? found->flops.text() + " | " + found->bytes.text() : "none";
}

std::string gemm_with(const std::string& beta) {
  return "graph(%A: f64[m,k], %B: f64[k,n], %C: f64[m,n]) {\n  %3: f64[] = constant() {value = "
         "f64[] 0.5}\n"
         "  %4: f64[] = constant() {value = f64[] " +
         beta +
         "}\n"
         "  %5: f64[m,n] = gemm(%3, %A, %B, %4, %C)\n  return %5\n}";
}

TEST(Cost, OfProductsIsAFormulaOfTheSizes) {
  EXPECT_EQ(cost_text(gemm_with("1")), "2*m*k*n | 8*k*n + 8*m*k + 16*m*n");
  EXPECT_EQ(
      cost_text("graph(%A: f32[m,k], %x: f32[k]) {\n  %2: f32[m] = matvec(%A, %x)\n  return %2\n}"),
      "2*m*k | 4*m*k + 4*k + 4*m");
  EXPECT_EQ(cost_text("graph(%x: f32[k], %y: f32[k]) {\n  %2: f32[] = dot(%x, %y)\n  return %2\n}"),
            "2*k | 8*k + 4");
  EXPECT_EQ(cost_text("graph(%A: f64[b,m,k], %B: f64[b,k,n]) {\n"
                      "  %2: f64[b,m,n] = batched_matmul(%A, %B)\n  return %2\n}"),
            "2*b*m*k*n | 8*b*k*n + 8*b*m*k + 8*b*m*n");
}

TEST(Cost, OfKnownSizesIsANumber) {
  const Graph graph = parse_graph(
      "graph(%A: f64[3,4], %B: f64[4,5]) {\n  %2: f64[3,5] = matmul(%A, %B)\n  return %2\n}");
  const auto found = cost(graph, graph.nodes.back());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->flops.value(), 120);
  EXPECT_EQ(found->bytes.value(), 8 * (12 + 20 + 15));
  EXPECT_EQ(found->flops.text(), "120");
}

TEST(Cost, TransposedOperandsCountTheSame) {
  EXPECT_EQ(
      cost_text("graph(%A: f64[4,3], %B: f64[5,4]) {\n"
                "  %2: f64[3,5] = matmul(%A, %B) {trans_a = true, trans_b = true}\n  return %2\n}"),
      "120 | 376");
}

TEST(Cost, AnAddendWithAConstantBetaOfZeroIsNotRead) {
  EXPECT_EQ(cost_text(gemm_with("0")), "2*m*k*n | 8*k*n + 8*m*k + 8*m*n");
}

TEST(Cost, OneArrayReadTwiceCountsOnce) {
  EXPECT_EQ(cost_text("graph(%A: f64[n,n]) {\n  %1: f64[n,n] = matmul(%A, %A)\n  return %1\n}"),
            "2*n^3 | 16*n^2");
}

TEST(Cost, OfFactorisationsIsTheLeadingTerm) {
  EXPECT_EQ(
      cost_text(
          "graph(%A: f64[n,n]) {\n  %1: f64[n,n] = cholesky(%A) {lower = true}\n  return %1\n}"),
      "0.333*n^3 | 16*n^2");
}

TEST(Cost, OfElementwiseOpsCountsEveryOperation) {
  EXPECT_EQ(cost_text("graph(%x: f64[n]) {\n  %1: f64[n] = exp(%x)\n  return %1\n}"), "n | 16*n");
}

TEST(Cost, ViewsAreNoKernels) {
  EXPECT_EQ(
      cost_text(
          "graph(%A: f64[m,n]) {\n  %1: f64[n,m] = transpose(%A) {perm = [1,0]}\n  return %1\n}"),
      "none");
}

TEST(SizeFormula, SumsTermsOfTheSameSizes) {
  Graph graph;
  const Dim m = Dim::unknown(graph.add_symbol("m")), n = Dim::unknown(graph.add_symbol("n"));
  EXPECT_EQ((SizeFormula({m, n}, graph) + SizeFormula({n, m}, graph)).text(), "2*m*n");
  EXPECT_EQ((SizeFormula({m}, graph) + SizeFormula(3)).text(), "m + 3");
  EXPECT_EQ(SizeFormula({m, Dim::known(0)}, graph).value(), 0);
  EXPECT_EQ(SizeFormula({m}, graph).value(), std::nullopt);
}

}  // namespace
}  // namespace gemmule
