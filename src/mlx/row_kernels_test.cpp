#include "mlx/row_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "mlx/narrow.h"

namespace gemmule {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<RowKernel> kernels(const char* text) {
  Graph graph = parse_graph(text);
  narrow_accumulators(graph);
  return row_kernels(graph, mx::default_stream(mx::Device::cpu));
}

TEST(RowKernels, SumsAndWhatIsSummedAreOnePass) {
  const auto found = kernels(R"(graph(%x: f32[64,1000], %y: f32[1,1000]) {
  %2: f32[64,1000] = exp(%x)
  %3: f32[64,1000] = subtract(%y, %2)
  %4: f32[64,1000] = multiply(%x, %y)
  %5: f32[64] = reduce_sum(%3) {axes = [1], dtype = f32}
  %6: f32[64] = reduce_sum(%4) {axes = [1], dtype = f32}
  return %3, %5, %6
})");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].nodes, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(found[0].inputs, ElementsAre(0, 1));
  EXPECT_THAT(found[0].outputs, ElementsAre(3, 5, 6));  // not what only the sums read
  EXPECT_THAT(found[0].is_reduced, ElementsAre(false, true, true));
  EXPECT_EQ(found[0].rows, 64);
  EXPECT_THAT(found[0].source, HasSubstr("Exp{}(v0)"));
  EXPECT_THAT(found[0].source, Not(HasSubstr("in1_strides[0]")));  // y has one row
}

TEST(RowKernels, WhatAProductSeparatesIsTwoPasses) {
  const auto found = kernels(R"(graph(%x: f32[64,64], %A: f32[64,64]) {
  %2: f32[64,64] = exp(%x)
  %3: f32[64] = reduce_sum(%2) {axes = [1], dtype = f32}
  %4: f32[64,64] = matmul(%2, %A)
  %5: f32[64,64] = add(%4, %2)
  %6: f32[64] = reduce_sum(%5) {axes = [1], dtype = f32}
  return %3, %6
})");
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_THAT(found[0].nodes, ElementsAre(0, 1));
  EXPECT_THAT(found[0].outputs, ElementsAre(2, 3));
  EXPECT_THAT(found[1].nodes, ElementsAre(3, 4));
}

TEST(RowKernels, ASumIsNotThereForItsOwnRow) {
  const auto found = kernels(R"(graph(%x: f32[100]) {
  %1: f32[] = reduce_sum(%x) {axes = [0], dtype = f32}
  %2: f32[100] = divide(%x, %1)
  %3: f32[] = reduce_sum(%2) {axes = [0], dtype = f32}
  return %3
})");
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_THAT(found[0].nodes, ElementsAre(0));
  EXPECT_THAT(found[1].nodes, ElementsAre(1, 2));
}

TEST(RowKernels, PartsThatAreUpdatedAreReadInTheirPlaces) {
  const auto found = kernels(R"(graph(%x: f32[8,101], %y: f32[8,100]) {
  %2: i64[] = constant() {value = i64[] 0}
  %3: i64[] = constant() {value = i64[] 100}
  %4: i64[] = constant() {value = i64[] 1}
  %5: f32[8,101] = negative(%x)
  %6: f32[8,101] = slice_add(%5, %y, %2, %3, %4) {axes = [1]}
  return %6
})");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].inputs, ElementsAre(0, 1));
  EXPECT_THAT(found[0].source, HasSubstr("i1 < 100LL"));
}

TEST(RowKernels, PartsThatTheKernelItselfWouldComputeAreComputedBefore) {
  const auto found = kernels(R"(graph(%x: f32[64], %y: f32[64]) {
  %2: f32[64] = exp(%x)
  %3: f32[128] = concatenate(%2, %y) {axis = 0}
  %4: f32[64] = negative(%2)
  %5: i64[] = constant() {value = i64[] 0}
  %6: i64[] = constant() {value = i64[] 64}
  %7: i64[] = constant() {value = i64[] 1}
  %8: f32[64] = slice_set(%4, %2, %5, %6, %7) {axes = [0]}
  return %3, %8
})");
  for (const RowKernel& kernel : found) EXPECT_THAT(kernel.outputs, Not(IsEmpty()));
  ASSERT_THAT(found, SizeIs(2));  // exp stays with MLX: alone it is worth no kernel
}

TEST(RowKernels, WhatFollowsFromTheSumsOfARowIsComputedWithThem) {
  const auto found = kernels(R"(graph(%x: f32[64,101], %s: f32[64]) {
  %2: f32[64] = exp(%s)
  %3: f32[64,101] = square(%x)
  %4: f32[64] = reduce_sum(%3) {axes = [1], dtype = f32}
  %5: f32[64] = subtract(%2, %4)
  %6: f32[64] = negative(%5)
  return %6
})");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].nodes, ElementsAre(1, 2, 3, 4));  // exp reads no sum
  EXPECT_THAT(found[0].inputs, ElementsAre(0, 2));
  EXPECT_THAT(found[0].outputs, ElementsAre(6));
  EXPECT_THAT(found[0].source, HasSubstr("in1[0 + i0 * in1_strides[0]]"));
}

TEST(RowKernels, LeaveOtherSumsToMlx) {
  // not over the last axes; of dtypes or functions that kernels do not have; too many short rows
  EXPECT_THAT(kernels(R"(graph(%x: f32[64,64], %h: f16[64,64], %s: f32[5000,3]) {
  %3: f32[64] = reduce_sum(%x) {axes = [0], dtype = f32}
  %4: f16[64] = reduce_sum(%h) {axes = [1], dtype = f16}
  %5: f32[5000] = reduce_sum(%s) {axes = [1], dtype = f32}
  return %3, %4, %5
})"),
              IsEmpty());
}

TEST(RowKernels, FewRowsAreSharedByBlocks) {
  const auto found = kernels(R"(graph(%x: f32[1000000]) {
  %1: f32[] = reduce_sum(%x) {axes = [0], dtype = f32}
  return %1
})");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].rows, 1);
  EXPECT_EQ(found[0].parts, 62);
  EXPECT_EQ(found[0].threads, 1024);
}

TEST(RowKernels, ConstantsAreWrittenByTheirBits) {
  const auto found = kernels(R"(graph(%x: f32[64,64]) {
  %1: f32[] = constant() {value = f32[] -inf}
  %2: f32[1,1] = expand_dims(%1) {axes = [0, 1]}
  %3: f32[64,64] = maximum(%x, %2)
  %4: f32[64] = reduce_sum(%3) {axes = [1], dtype = f32}
  return %4
})");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].inputs, ElementsAre(0));
  EXPECT_THAT(found[0].source, HasSubstr("__uint_as_float(0xff800000u)"));
}

TEST(NarrowAccumulators, SumsOfFloat32StayFloat32) {
  Graph graph = parse_graph(R"(graph(%x: f32[64,64], %y: f32[64]) {
  %2: f64[64,64] = fused(%x) {body = graph(%0: f32[]) {
    %1: f32[] = exp(%0)
    %2: f64[] = cast(%1) {dtype = f64}
    return %2
  }}
  %3: f64[64] = reduce_sum(%2) {axes = [1], dtype = f64}
  %4: f32[64] = fused(%3, %y) {body = graph(%0: f64[], %2: f32[]) {
    %1: f32[] = cast(%0) {dtype = f32}
    %3: f32[] = add(%1, %2)
    return %3
  }}
  return %4
})");
  narrow_accumulators(graph);
  EXPECT_THAT(to_text(graph), Not(HasSubstr("f64")));
}

TEST(NarrowAccumulators, WhatIsReadAsFloat64StaysFloat64) {
  const char* text = R"(graph(%x: f32[64,64], %d: f64[64,64]) {
  %2: f64[64,64] = cast(%x) {dtype = f64}
  %3: f64[64] = reduce_sum(%2) {axes = [1], dtype = f64}
  %4: f64[64] = reduce_sum(%d) {axes = [1], dtype = f64}
  %5: f32[64] = cast(%4) {dtype = f32}
  return %3, %5
})";
  Graph graph = parse_graph(text);
  const std::string before = to_text(graph);
  narrow_accumulators(graph);
  EXPECT_EQ(to_text(graph), before);
}

}  // namespace
}  // namespace gemmule
