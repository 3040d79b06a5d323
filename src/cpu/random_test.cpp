#include <gtest/gtest.h>

#include <stdexcept>

#include "cpu/program_case.h"
#include "ir/text.h"
#include "kernels/random_test_support.h"

namespace gemmule {
namespace {

using kernels::TestGenerator;

Tensor handle_of(const TestGenerator& source) {
  const std::uint64_t address = kernels::address_of(source.generator);
  return Tensor::from_bytes(DType::u64, {}, &address);
}

const char* const kNormals = R"(graph(%0: u64[], %1: f64[]) {
  %2: i64[] = constant() {value = i64[] 3}
  %3: f64[] = constant() {value = f64[] 1}
  %4: u64[], %5: f64[3] = random(%0, %2, %1, %3) {distribution = "normal", sizes = 1}
  return %5, %4
}
)";

const char* const kNormalsOfACopy = R"(graph(%0: u64[], %1: f64[]) {
  %2: i64[] = constant() {value = i64[] 3}
  %3: f64[] = constant() {value = f64[] 1}
  %4: u64[], %5: u64[] = random(%0) {distribution = "copy"}
  %6: u64[], %7: f64[3] = random(%5, %2, %1, %3) {distribution = "normal", sizes = 1}
  return %7, %6
}
)";

TEST(RandomStep, DrawingMovesTheGeneratorOn) {
  const CpuProgram program(parse_graph(kNormals));
  TestGenerator source;
  const std::vector<Tensor> inputs{handle_of(source), Tensor::scalar(DType::f64, 0)};
  const std::vector<Tensor> first = run(program, inputs), second = run(program, inputs);
  EXPECT_FALSE(first[0].same_bits(second[0]));
  EXPECT_TRUE(first[1].same_bits(inputs[0]));
  EXPECT_NE(source.state.s[3], TestGenerator().state.s[3]);
}

TEST(RandomStep, ACopyLeavesItAsItWas) {
  const CpuProgram program(parse_graph(kNormalsOfACopy));
  TestGenerator source, other;
  const std::vector<Tensor> inputs{handle_of(source), Tensor::scalar(DType::f64, 0)};
  const std::vector<Tensor> first = run(program, inputs), second = run(program, inputs);
  EXPECT_TRUE(first[0].same_bits(second[0]));
  EXPECT_EQ(source.state.s[3], other.state.s[3]);
  // The copy that was drawn from goes on, in the next call too.
  const std::vector<Tensor> third = run(program, {second[1], inputs[1]});
  EXPECT_FALSE(third[0].same_bits(first[0]));
  const CpuProgram moving(parse_graph(kNormals));
  run(moving, {handle_of(other), inputs[1]});
  EXPECT_TRUE(run(moving, {handle_of(other), inputs[1]})[0].same_bits(third[0]));
}

TEST(RandomStep, WhatIsDrawnIsNotFolded) {
  const CpuProgram program(prepare(parse_graph(kNormals)));
  EXPECT_NE(to_text(program.graph()).find("random"), std::string::npos);
}

TEST(RandomStep, ParametersOutOfRangeRaise) {
  const std::string text = R"(graph(%0: u64[], %1: f64[]) {
  %2: u64[], %3: f64[] = random(%0, %1, %1) {distribution = "normal"}
  return %3
}
)";
  const CpuProgram program(parse_graph(text));
  TestGenerator source;
  EXPECT_THROW(run(program, {handle_of(source), Tensor::scalar(DType::f64, -1)}), std::domain_error);
}

}  // namespace
}  // namespace gemmule
