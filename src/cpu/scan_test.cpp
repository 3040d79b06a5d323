// Loops against the same loop written here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "cpu/program_case.h"
#include "ir/error.h"
#include "plan/specialise.h"

namespace gemmule {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor numbers(const std::vector<double>& values, std::vector<std::int64_t> shape = {}) {
  if (shape.empty()) shape = {static_cast<std::int64_t>(values.size())};
  return Tensor::from_bytes(DType::f64, std::move(shape), values.data());
}

std::vector<double> values_of(const Tensor& tensor) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.at<double>(i));
  return values;
}

Tensor steps(std::int64_t n) { return Tensor::from_bytes(DType::i64, {}, &n); }

std::string sum_of(int sequence, int buffer, const std::string& states) {
  const std::string m = std::to_string(sequence), n = std::to_string(buffer);
  return "graph(%k: i64[], %x: f64[" + m + "], %a: f64[" + n + "]) {\n  %s: f64[" + n +
         "] = scan(%k, %x, %a) {body = graph(%e: f64[], %b: f64[]) {\n    %c: f64[] = add(%e, %b)\n    return %c\n  }, "
         "sequences = 1, states = \"" + states + "\"}\n  return %s\n}";
}

std::vector<double> running_sum(std::int64_t n, int buffer, const std::string& states = "trace 0 -> 1") {
  std::vector<double> initial(buffer, 100);
  return values_of(run(sum_of(5, buffer, states), {steps(n), numbers({1, 2, 3, 4, 5}), numbers(initial)})[0]);
}

TEST(Scan, TracesAreAsLongAsTheyAreKept) {
  EXPECT_THAT(running_sum(5, 6), ElementsAre(100, 101, 103, 106, 110, 115));
  EXPECT_THAT(running_sum(5, 3), ElementsAre(106, 110, 115));
  EXPECT_THAT(running_sum(5, 2), ElementsAre(110, 115));
  EXPECT_THAT(running_sum(5, 1), ElementsAre(115));
}

TEST(Scan, WhatIsNotWrittenBecomesZero) {
  EXPECT_THAT(running_sum(2, 6), ElementsAre(100, 101, 103, 0, 0, 0));
  EXPECT_THAT(running_sum(0, 3), ElementsAre(100, 0, 0));
}

TEST(Scan, UpdatesKeepTheRest) {
  EXPECT_THAT(running_sum(2, 4, "update 0 -> 0"), ElementsAre(101, 102, 100, 100));
  EXPECT_THAT(running_sum(3, 5, "update 0 -> 1"), ElementsAre(100, 101, 103, 106, 100));
}

TEST(Scan, NumberOfStepsIsChecked) {
  EXPECT_THROW(running_sum(-1, 3), IndexError);
  try {
    running_sum(6, 9);
    FAIL();
  } catch (const ShapeError& error) {
    EXPECT_THAT(error.what(), HasSubstr("sequence 0 has 5 elements, the loop has 6 steps"));
  }
  EXPECT_THROW(running_sum(1, 0), ShapeError);
}

TEST(Scan, StopsAfterTheStepWhereTheConditionHolds) {
  const auto found = run(R"(graph(%k: i64[], %a: f64[8], %top: f64[]) {
  %s: f64[8], %n: i64[] = scan(%k, %a, %top) {body = graph(%b: f64[], %t: f64[]) {
    %c: f64[] = add(%b, %b)
    %stop: bool[] = greater(%c, %t)
    return %c, %stop
  }, sequences = 0, states = "trace 0 -> 1", until = true}
  return %s, %n
})",
                         {steps(7), numbers({1, 9, 9, 9, 9, 9, 9, 9}), numbers({7}, {})});
  EXPECT_THAT(values_of(found[0]), ElementsAre(1, 2, 4, 8, 0, 0, 0, 0));
  EXPECT_EQ(found[1].at<std::int64_t>(0), 3);
}

TEST(Scan, TwoStatesThatChangePlaces) {
  // Each is written where the other was read, which must not be seen before both are computed.
  const auto found = run(R"(graph(%k: i64[], %a: f64[1,2], %b: f64[1,2]) {
  %s: f64[1,2], %t: f64[1,2] = scan(%k, %a, %b) {body = graph(%x: f64[2], %y: f64[2]) {
    return %y, %x
  }, sequences = 0, states = "trace 0 -> 1; trace 0 -> 1"}
  return %s, %t
})",
                         {steps(3), numbers({1, 2}, {1, 2}), numbers({3, 4}, {1, 2})});
  EXPECT_THAT(values_of(found[0]), ElementsAre(3, 4));
  EXPECT_THAT(values_of(found[1]), ElementsAre(1, 2));
}

TEST(Scan, RingsOfSeveralTaps) {
  const std::string text = R"(graph(%k: i64[], %a: f64[3]) {
  %s: f64[3] = scan(%k, %a) {body = graph(%x: f64[], %y: f64[]) {
    %z: f64[] = add(%x, %y)
    return %z
  }, sequences = 0, states = "trace 0 1 -> 2"}
  return %s
})";
  EXPECT_THAT(values_of(run(text, {steps(8), numbers({1, 1, 7})})[0]), ElementsAre(21, 34, 55));
  EXPECT_THAT(values_of(run(text, {steps(1), numbers({1, 1, 7})})[0]), ElementsAre(1, 1, 2));
}

TEST(Scan, SequencesOfAnyStrides) {
  const Graph graph = parse_graph(R"(graph(%k: i64[], %x: f64[4,3], %a: f64[5,3]) {
  %s: f64[5,3] = scan(%k, %x, %a) {body = graph(%e: f64[3], %b: f64[3]) {
    %c: f64[3] = add(%e, %b)
    return %c
  }, sequences = 1, states = "trace 0 -> 1"}
  return %s
})");
  std::mt19937 random(3);
  const Tensor x = random_tensor(static_type(DType::f64, {4, 3}), random), start = numbers(std::vector<double>(15, 0.0), {5, 3});
  const auto expected = run(CpuProgram(graph), {steps(4), x, start});
  for (const auto layout : {kernels::Layout::column_major, kernels::Layout::reversed, kernels::Layout::gaps, kernels::Layout::permuted}) {
    const kernels::TestArray array = laid_out(x, layout);
    const CpuProgram program(graph, {.input_strides = {{}, array.view().strides, {}}, .donatable = {}});
    const Tensor n = steps(4);
    const auto found = run(program, {n.data.get(), array.view().data, start.data.get()});
    EXPECT_TRUE(found[0].same_bits(expected[0]));
  }
}

TEST(Scan, WhatNoStepChangesIsComputedOutside) {
  const Graph graph = parse_graph(R"(graph(%k: i64[], %a: f64[1,2], %A: f64[2,2]) {
  %s: f64[1,2] = scan(%k, %a, %A) {body = graph(%x: f64[p], %B: f64[q,r]) {
    %C: f64[q,r] = exp(%B)
    %T: f64[r,q] = transpose(%C) {perm = [1,0]}
    %y: f64[r] = matvec(%T, %x)
    return %y
  }, sequences = 0, states = "trace 0 -> 1"}
  return %s
})");
  std::vector<Type> types;
  for (const ValueId input : graph.inputs) types.push_back(graph.type(input));
  const Graph sized = specialise_unfused(graph, types, std::vector<const Tensor*>(types.size()));
  EXPECT_EQ(kernels_of(sized), "exp scan");
  EXPECT_EQ(kernels_of(sized.nodes.back().attributes.graph("body")), "matvec");
  const std::vector<Tensor> inputs{steps(2), numbers({1, 2}, {1, 2}), numbers({0, 0, 0, 0}, {2, 2})};
  EXPECT_THAT(values_of(run(CpuProgram(prepare(sized)), inputs)[0]), ElementsAre(6, 6));
}

}  // namespace
}  // namespace gemmule
