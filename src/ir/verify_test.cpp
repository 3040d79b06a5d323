#include "ir/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/text.h"

namespace gemmule {
namespace {

Graph valid() {
  return parse_graph(R"(graph(%x: f64[3]) {
  %1: f64[3] = exp(%x)
  %2: f64[3] = add(%1, %x)
  return %2
})");
}

std::string failure(const Graph& graph) {
  try {
    verify(graph);
  } catch (const InternalError& error) {
    return error.what();
  }
  return "valid";
}

TEST(Verify, AcceptsAValidGraph) { EXPECT_EQ(failure(valid()), "valid"); }

TEST(Verify, NamesTheRuleThatIsBroken) {
  Graph order = valid();
  std::swap(order.nodes[0], order.nodes[1]);
  EXPECT_THAT(failure(order), testing::HasSubstr("an operand comes after its user"));

  Graph type = valid();
  type.values[1].type = static_type(DType::f32, {3});
  EXPECT_THAT(failure(type), testing::HasSubstr("not what inference gives"));

  Graph size = valid();
  size.values[2].type = static_type(DType::f64, {4});
  EXPECT_THAT(failure(size), testing::HasSubstr("not what inference gives"));

  Graph arity = valid();
  arity.nodes[0].inputs.push_back(0);
  EXPECT_THAT(failure(arity), testing::HasSubstr("takes 1 operands"));

  Graph output = valid();
  output.outputs = {99};
  EXPECT_THAT(failure(output), testing::HasSubstr("an output is not defined"));

  Graph twice = valid();
  twice.nodes.push_back(twice.nodes[0]);
  EXPECT_THAT(failure(twice), testing::HasSubstr("produced twice"));
  EXPECT_THAT(failure(twice), testing::HasSubstr("please report it"));
}

TEST(Prune, DropsWhatOutputsDoNotNeedAndKeepsInputs) {
  Graph graph = valid();
  graph.add(Op::log, {0});
  graph.add_input(static_type(DType::f64, {}), "unused");
  std::vector<ValueId> moved;
  const Graph small = pruned(graph, &moved);
  EXPECT_EQ(small.nodes.size(), 2u);
  EXPECT_EQ(small.inputs.size(), 2u);
  EXPECT_EQ(moved[3], kNone);
  EXPECT_EQ(failure(small), "valid");
}

TEST(UseCounts, CountsLiveReadersOnly) {
  Graph graph = valid();
  graph.add(Op::log, {1});
  const auto uses = use_counts(graph);
  EXPECT_EQ(uses[0], 2);
  EXPECT_EQ(uses[1], 1);
  EXPECT_EQ(uses[2], 1);
}

}  // namespace
}  // namespace gemmule
