#include "ir/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ir/error.h"
#include "ir/verify.h"

namespace gemmule {
namespace {

// What is printed parses to a graph that prints the same.
void expect_round_trip(const std::string& text) {
  const Graph graph = parse_graph(text);
  verify(graph);
  EXPECT_EQ(to_text(graph), text);
}

std::string parse_error(const std::string& text) {
  try {
    parse_graph(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Text, RoundTripsSymbolsAttributesAndConstants) {
  expect_round_trip(R"(graph(%A: f64[m,k], %B: f64[k,3], %2: i64[]) {
  %3: f64[] = constant() {value = f64[] 0.1}
  %4: f64[m,3] = matmul(%A, %B, %3) {trans_a = false, origin = "say \"mu\""}
  %5: f64[3,m] = transpose(%4) {perm = [1,0]}
  %6: f64[3] = reduce_sum(%5) {axes = [1], dtype = f64}
  %7: f32[2,2] = constant() {value = f32[2,2] 1 -0 nan inf}
  %8: bool[2] = constant() {value = bool[2] true false}
  %9: c64[1] = constant() {value = c64[1] (1.5 -2)}
  %10: f64[0] = constant() {value = f64[0]}
  return %6, %2
}
)");
}

TEST(Text, RoundTripsBodies) {
  expect_round_trip(R"(graph(%x: f32[n], %y: f32[n]) {
  %2: f32[n] = fused(%x, %y) {body = graph(%0: f32[], %1: f32[]) {
    %2: f32[] = exp(%0)
    %3: f32[] = multiply(%2, %1)
    return %3
  }}
  return %2
}
)");
}

TEST(Text, RoundTripsSeveralResults) {
  expect_round_trip(R"(graph(%A: f64[n,n]) {
  %1: f64[], %2: f64[] = slogdet(%A)
  return %2
}
)");
}

TEST(Text, ConstantsKeepTheirBits) {
  for (const double value : {0.1, -0.0, 1e-320, std::numeric_limits<double>::max(), 1.0 / 3}) {
    Graph graph;
    graph.outputs = {graph.add_scalar(DType::f64, value)};
    const Graph again = parse_graph(to_text(graph));
    EXPECT_TRUE(again.constant(again.outputs[0])->same_bits(*graph.constant(graph.outputs[0])))
        << value;
  }
}

TEST(Text, ElidesLargeConstantsOnRequest) {
  Graph graph;
  graph.outputs = {graph.add_constant(Tensor::zeros(DType::f64, {100}))};
  EXPECT_THAT(to_text(graph, {.elide_large_constants = true}),
              testing::HasSubstr("value = f64[100] ..."));
}

TEST(Text, TakesOutLargeConstantsOnRequest) {
  Graph graph;
  const Tensor large = Tensor::zeros(DType::f64, {17}), other = Tensor::zeros(DType::f64, {17});
  for (const Tensor& tensor : {large, other, large, Tensor::zeros(DType::f64, {2})}) {
    graph.outputs.push_back(graph.add_constant(tensor));
  }
  std::vector<Tensor> taken_out;
  const std::string text = to_text(graph, {.taken_out = &taken_out});
  EXPECT_EQ(taken_out.size(), 2U);
  EXPECT_THAT(text, testing::HasSubstr("value = f64[17] @1}"));
  EXPECT_THAT(text, testing::HasSubstr("value = f64[2] 0 0}"));
  const Graph again = parse_graph(text, taken_out);
  EXPECT_EQ(again.constant(again.outputs[2])->data, large.data);
  EXPECT_EQ(to_text(again), to_text(graph));
  const auto error = [&](const std::string& constant) -> std::string {
    try {
      parse_graph(
          "graph() {\n  %0: f64[17] = constant() {value = " + constant + "}\n  return %0\n}",
          taken_out);
    } catch (const UserError& found) {
      return found.what();
    }
    return "no error";
  };
  EXPECT_EQ(error("f64[17] @0"), "no error");
  EXPECT_THAT(error("f64[17] @2"), testing::HasSubstr("there is no constant @2"));
  EXPECT_THAT(error("f64[17] @-1"), testing::HasSubstr("a size cannot be negative"));
  EXPECT_THAT(error("f32[17] @0"), testing::HasSubstr("constant @0 is f64[17]"));
}

TEST(Text, TwoInputsOfOneNameAreNumbered) {
  Graph graph;
  graph.add_input(Type{DType::f64, {}}, "x");
  graph.add_input(Type{DType::f64, {}}, "x");
  graph.outputs = {graph.add(Op::add, {0, 1})};
  EXPECT_THAT(to_text(graph), testing::HasSubstr("add(%0, %1)"));
}

TEST(Parse, ErrorsNameLineAndColumn) {
  EXPECT_EQ(parse_error("graph(%x: f64[]) {\n  %1: f64[] = gemmm(%x)\n  return %1\n}"),
            "line 2, column 15: unknown op 'gemmm'");
  EXPECT_EQ(parse_error("graph(%x: f99[]) {"), "line 1, column 14: unknown dtype 'f99'");
  EXPECT_EQ(parse_error("graph() {\n  return %7\n}"), "line 2, column 10: %7 is not defined here");
  EXPECT_EQ(parse_error("graph(%x: f64[2]) {\n  %1: f64[3] = exp(%x)\n  return %1\n}"),
            "line 2, column 3: the type f64[3] is not what follows from the operands, f64[2]");
  EXPECT_EQ(parse_error("graph(%x: f64[]) {\n  return %x\n} more"),
            "line 3, column 3: unexpected text after the graph");
  EXPECT_EQ(parse_error("graph(%x: f64[], %x: f64[]) {"), "line 1, column 27: %x is defined twice");
}

TEST(Parse, OperandErrorsKeepTheirText) {
  EXPECT_THAT(
      parse_error(
          "graph(%A: f64[3,4], %B: f64[5,6]) {\n  %2: f64[3,6] = matmul(%A, %B)\n  return %2\n}"),
      testing::HasSubstr("[matmul] A is f64[3,4], B is f64[5,6]: inner dimensions 4 and 5 differ"));
}

TEST(Parse, HostileTextIsAnErrorNotACrash) {
  EXPECT_THAT(
      parse_error("graph() { %0: f64[999999999999] = constant() {value = f64[999999999999] 1}"),
      testing::HasSubstr("more elements than the text holds"));
  EXPECT_THAT(parse_error("graph(%x: f64[-1]) {"), testing::HasSubstr("line 1"));
  EXPECT_THAT(parse_error(std::string("graph(\0%x", 9)), testing::HasSubstr("expected '%'"));
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += "graph(%x: f64[]) { %y: f64[] = fused(%x) {body = ";
  EXPECT_THAT(parse_error(nested), testing::HasSubstr("nested too deeply"));
  const std::string valid =
      "graph(%A: f64[n,n]) {\n %1: f64[n,n] = exp(%A) {origin = \"a\"}\n return %1 }";
  for (std::size_t end = 0; end < valid.size(); ++end) {
    EXPECT_NE(parse_error(valid.substr(0, end)), "no error") << valid.substr(0, end);
  }
}

}  // namespace
}  // namespace gemmule
