#include "rewrite/rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/text.h"

namespace gemmule {
namespace {

Pattern add(Pattern x, Pattern y) { return call(Op::add, {std::move(x), std::move(y)}); }
Pattern exp(Pattern x) { return call(Op::exp, {std::move(x)}); }
Pattern log(Pattern x) { return call(Op::log, {std::move(x)}); }

const Pattern x = any("x"), y = any("y");

Graph graph_of(const std::string& body) {
  return parse_graph("graph(%p: f64[], %q: f64[]) {\n" + body + "}\n");
}

bool matches(const Graph& graph, const Pattern& pattern) {
  return match(graph, use_counts(graph), pattern, graph.outputs[0], [](const Match&) { return true; });
}

TEST(Match, TriesBothOrdersOfCommutativeOperands) {
  const Graph graph = graph_of("  %a: f64[] = exp(%p)\n  %b: f64[] = log(%q)\n  %s: f64[] = add(%a, %b)\n  return %s\n");
  EXPECT_TRUE(matches(graph, add(exp(x), log(y))));
  EXPECT_TRUE(matches(graph, add(log(x), exp(y))));
  EXPECT_FALSE(matches(graph, add(log(x), log(y))));
}

TEST(Match, BacktracksOverBindings) {
  // (x + exp(y)) with x bound twice: only one order of both sums fits.
  const Graph graph = graph_of(
      "  %a: f64[] = exp(%p)\n  %b: f64[] = add(%a, %q)\n  %s: f64[] = add(%b, %p)\n  return %s\n");
  EXPECT_TRUE(matches(graph, add(x, add(y, exp(x)))));
  EXPECT_FALSE(matches(graph, add(x, add(x, exp(y)))));
}

TEST(Match, ARejectedMatchLeavesNoBindings) {
  const Graph graph = graph_of("  %s: f64[] = add(%p, %q)\n  return %s\n");
  std::vector<std::string> seen;
  match(graph, use_counts(graph), add(x, y), graph.outputs[0], [&](const Match& found) {
    seen.push_back(value_text(graph, found.bindings.at("x")));
    return false;
  });
  EXPECT_THAT(seen, testing::ElementsAre("%p", "%q"));
}

TEST(Rules, AnUnboundVariableIsOurError) {
  const std::vector<Rule> rules{{"bad", exp(x), add(x, y), {}}};
  try {
    check_rules(rules);
    FAIL();
  } catch (const InternalError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("rule 'bad: exp(x) -> add(x, y)' does not bind 'y'"));
  }
}

TEST(Rules, ThatNeverEndAreOurError) {
  Graph graph = graph_of("  %s: f64[] = add(%p, %q)\n  return %s\n");
  const std::vector<Rule> rules{{"swap", add(x, y), add(y, x), {}}};
  try {
    apply_rules(graph, rules);
    FAIL();
  } catch (const InternalError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("rules do not come to an end: 'swap' still fires"));
  }
}

TEST(Rules, ApplyInsideOutAndCount) {
  Graph graph = graph_of("  %a: f64[] = exp(%p)\n  %b: f64[] = log(%a)\n  %c: f64[] = exp(%b)\n  %d: f64[] = log(%c)\n  return %d\n");
  const auto report = apply_rules(graph, {{"log_exp", log(exp(x)), x, {}}});
  EXPECT_EQ(report.fired.at("log_exp"), 2);
  EXPECT_EQ(graph.outputs, graph.inputs.empty() ? std::vector<ValueId>{} : std::vector<ValueId>{graph.inputs[0]});
}

TEST(Rules, FailedGuardsSayWhy) {
  Graph graph = graph_of("  %a: f64[] = exp(%p)\n  %b: f64[] = log(%a)\n  %c: f64[] = sin(%a)\n  return %b, %c\n");
  const auto report = apply_rules(graph, {{"log_exp", log(exp(x)), x, {sole_use(Op::exp)}}});
  EXPECT_THAT(report.fired, testing::IsEmpty());
  ASSERT_EQ(report.missed.size(), 1u);
  EXPECT_EQ(report.missed[0].rule, "log_exp");
  EXPECT_EQ(report.missed[0].reason, "%2 also feeds %4");
}

TEST(Rules, DisabledOnesAreLeftOut) {
  Graph graph = graph_of("  %a: f64[] = exp(%p)\n  %b: f64[] = log(%a)\n  return %b\n");
  EXPECT_THAT(apply_rules(graph, {{"log_exp", log(exp(x)), x, {}}}, {"log_exp"}).fired, testing::IsEmpty());
}

TEST(Pattern, PrintsAsAnEquation) {
  const Pattern a = scalar("a"), b = scalar("b"), A = matrix("A"), B = matrix("B"), C = matrix("C"), v = vector("v");
  EXPECT_EQ(to_text(a * matmul(A, B) + b * C), "a*A@B + b*C");
  EXPECT_EQ(to_text(a * outer(v, v) + C), "a*outer(v, v) + C");
  EXPECT_EQ(to_text(T(A)), "A.T");
  EXPECT_EQ(to_text(column(v)), "v[:,None]");
  EXPECT_EQ(to_text(flipped("trans_a", matmul(A, B))), "matmul(A, B) with trans_a flipped");
}

}  // namespace
}  // namespace gemmule
