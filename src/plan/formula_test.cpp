#include "plan/formula.h"

#include <gtest/gtest.h>

#include "ir/text.h"

namespace gemmule {
namespace {

// The formula of the last node of a body on f64 matrices A, B, C and vectors x, y.
std::string formula_of(const std::string& body) {
  const Graph graph = parse_graph(
      "graph(%A: f64[n,n], %B: f64[n,n], %C: f64[n,n], %x: f64[n], %y: f64[n]) {\n"
      "  %5: f64[] = constant() {value = f64[] 0.5}\n"
      "  %6: f64[] = constant() {value = f64[] 1}\n"
      "  %7: f64[] = constant() {value = f64[] -1}\n" +
      body + "\n  return %9\n}");
  return formula(graph, graph.nodes.back());
}

TEST(Formula, OfProducts) {
  const std::string no_op = "  %8: f64[n,n] = transpose(%B) {perm = [1,0]}\n";
  EXPECT_EQ(formula_of(no_op + "  %9: f64[n,n] = gemm(%5, %A, %8, %6, %C)"), "0.5*A@B.T + C");
  EXPECT_EQ(formula_of(no_op + "  %9: f64[n,n] = gemm(%7, %A, %B, %6, %C) {trans_a = true}"),
            "-A.T@B + C");
  EXPECT_EQ(formula_of(no_op + "  %9: f64[n] = gemv(%6, %A, %x, %7, %y)"), "A@x - y");
  EXPECT_EQ(formula_of(no_op + "  %9: f64[n,n] = ger(%5, %x, %y, %A)"), "A + 0.5*outer(x, y)");
  EXPECT_EQ(formula_of(no_op + "  %9: f64[] = dot(%x, %y)"), "x@y");
  EXPECT_EQ(formula_of(no_op + "  %9: f64[n,n] = matmul(%A, %B, %5)"), "0.5*A@B");
}

TEST(Formula, PutsBracketsWhereTheyAreNeeded) {
  const std::string difference =
      "  %8: f64[n] = fused(%x, %y) {body = graph(%0: f64[], %1: f64[]) {\n"
      "      %2: f64[] = subtract(%0, %1)\n";
  const auto fused = [&](const std::string& rest) {
    const Graph graph = parse_graph("graph(%x: f64[n], %y: f64[n]) {\n" + difference + rest +
                                    "\n      return %3\n    }}\n  return %8\n}");
    return formula(graph, graph.nodes.back());
  };
  EXPECT_EQ(fused("      %3: f64[] = multiply(%2, %0)"), "(x - y)*x");
  EXPECT_EQ(fused("      %3: f64[] = square(%2)"), "(x - y)**2");
  EXPECT_EQ(fused("      %3: f64[] = exp(%2)"), "exp(x - y)");
  EXPECT_EQ(fused("      %3: f64[] = subtract(%0, %2)"), "x - (x - y)");
  EXPECT_EQ(fused("      %3: f64[] = negative(%2)"), "-(x - y)");
}

TEST(Formula, NamesTheViewsThatItReads) {
  const Graph graph = parse_graph(
      "graph(%x: f64[9], %A: f64[3,4]) {\n"
      "  %2: i64[] = constant() {value = i64[] 2}\n"
      "  %3: i64[] = constant() {value = i64[] 5}\n"
      "  %4: i64[] = constant() {value = i64[] 1}\n"
      "  %5: f64[3] = slice(%x, %2, %3, %4) {axes = [0]}\n"
      "  %6: f64[3] = diagonal(%A) {offset = 0, axis1 = 0, axis2 = 1}\n"
      "  %7: f64[3] = add(%5, %6)\n  return %7\n}");
  EXPECT_EQ(formula(graph, graph.nodes.back()), "x[2:5] + diagonal(A)");
}

TEST(Formula, LeavesOutWhatWouldBeUnreadable) {
  std::string text = "graph(%x: f64[n]) {\n  %1: f64[n] = fused(%x) {body = graph(%0: f64[]) {\n";
  for (int i = 1; i <= 40; ++i) {  // doubles at each step
    const std::string last = std::to_string(i - 1);
    text += "      %" + std::to_string(i) + ": f64[] = add(%" + last + ", %" + last + ")\n";
  }
  const Graph graph = parse_graph(text + "      return %40\n    }}\n  return %1\n}");
  EXPECT_LT(formula(graph, graph.nodes.back()).size(), 400);
}

}  // namespace
}  // namespace gemmule
