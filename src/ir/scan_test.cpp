#include "ir/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/text.h"

namespace gemmule {
namespace {

using ::testing::HasSubstr;

std::string error_of_states(const std::string& states) {
  try {
    scan_loop({{"states", states}, {"sequences", std::int64_t{0}}});
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ScanLoop, StatesAreReadAndWritten) {
  const std::string text = "update 0 1 -> 1 0; trace 0 2 -> 3; output -> 0";
  const ScanLoop loop = scan_loop({{"states", text}, {"sequences", std::int64_t{2}}, {"until", true}});
  EXPECT_EQ(states_attribute(loop.states), text);
  EXPECT_EQ(loop.reads(), 4);
  EXPECT_EQ(loop.writes(), 4);
  EXPECT_EQ(loop.first_state(), 3);
  EXPECT_EQ(loop.first_constant(), 6);
  EXPECT_EQ(loop.states[1].start(), 3);
  EXPECT_TRUE(loop.until);
}

TEST(ScanLoop, WrongStates) {
  EXPECT_THAT(error_of_states("carry 0 -> 1"), HasSubstr("'carry' is neither"));
  EXPECT_THAT(error_of_states("trace 0"), HasSubstr("writes nothing"));
  EXPECT_THAT(error_of_states("trace 0 -> 1 2"), HasSubstr("writes one position"));
  EXPECT_THAT(error_of_states("trace 1 -> 1"), HasSubstr("reads what is not there yet"));
  EXPECT_THAT(error_of_states("output 0 -> 1"), HasSubstr("output -> 0"));
  EXPECT_THAT(error_of_states("trace x -> 1"), HasSubstr("positions are integers"));
  EXPECT_THAT(error_of_states("trace -1 -> 1"), HasSubstr("positions are integers"));
  EXPECT_THAT(error_of_states("trace 99999999999999999999 -> 1"), HasSubstr("positions are integers"));
}

// A running sum, with what is in between the braces.
std::string running_sum(const std::string& inputs, const std::string& operands, const std::string& states = "trace 0 -> 1",
                        const std::string& result = "f64[n]") {
  return "graph(" + inputs + ") {\n  %s: " + result + " = scan(" + operands +
         ") {body = graph(%e: f64[], %a: f64[]) {\n    %b: f64[] = add(%e, %a)\n    return %b\n  }, sequences = 1, states = \"" +
         states + "\"}\n  return %s\n}\n";
}

std::string error_of(const std::string& text) {
  try {
    parse_graph(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(InferScan, TextRoundTrips) {
  const Graph graph = parse_graph(running_sum("%k: i64[], %x: f64[m], %buffer: f64[n]", "%k, %x, %buffer"));
  EXPECT_EQ(to_text(parse_graph(to_text(graph))), to_text(graph));
  EXPECT_EQ(to_text(graph.type(graph.outputs[0]), &graph), "f64[n]");
}

TEST(InferScan, Errors) {
  EXPECT_THAT(error_of(running_sum("%k: i64[], %x: f64[m], %y: f64[n]", "%k, %x")), HasSubstr("operands"));
  EXPECT_THAT(error_of(running_sum("%k: i64[2], %x: f64[m], %y: f64[n]", "%k, %x, %y")), HasSubstr("number of steps"));
  EXPECT_THAT(error_of(running_sum("%k: i32[], %x: f64[m], %y: f64[n]", "%k, %x, %y")), HasSubstr("not i64"));
  EXPECT_THAT(error_of(running_sum("%k: i64[], %x: f32[m], %y: f64[n]", "%k, %x, %y")), HasSubstr("input 0 of the body"));
  EXPECT_THAT(error_of(running_sum("%k: i64[], %x: f64[m,2], %y: f64[n]", "%k, %x, %y")), HasSubstr("input 0 of the body"));
  EXPECT_THAT(error_of(running_sum("%k: i64[], %x: f64[], %y: f64[n]", "%k, %x, %y")), HasSubstr("operand 1"));
  EXPECT_THAT(error_of(running_sum("%k: i64[], %x: f64[m], %y: f64[n]", "%k, %x, %y", "trace 0 -> 1; output -> 0")),
              HasSubstr("4 operands"));
}

}  // namespace
}  // namespace gemmule
