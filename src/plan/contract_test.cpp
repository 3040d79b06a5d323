#include "plan/prepare_case.h"

namespace gemmule {
namespace {

TEST(Contract, SumsOfProductsAreDots) {
  EXPECT_EQ(after(contract, R"(graph(%x: f64[5], %y: f64[5], %a: f64[]) {
  %3: f64[5] = multiply(%a, %x)
  %4: f64[5] = multiply(%3, %y)
  %5: f64[5] = negative(%4)
  %6: f64[] = reduce_sum(%5) {axes = [0], dtype = f64}
  return %6
})"),
            R"(graph(%x: f64[5], %y: f64[5], %a: f64[]) {
  %3: f64[] = dot(%x, %y)
  %4: f64[] = multiply(%a, %3)
  %5: f64[] = negative(%4)
  return %5
}
)");
  EXPECT_EQ(kernels_after(contract, R"(graph(%x: f32[2,3]) {
  %1: f32[2,3] = square(%x)
  %2: f32[] = reduce_sum(%1) {axes = [0,1], dtype = f32}
  return %2
})"),
            "dot");
}

TEST(Contract, SumsAlongAnAxisAreProductsWithVectors) {
  const auto text = [](const std::string& expand, const std::string& sizes,
                       const std::string& axis) {
    return "graph(%A: f64[2,3], %v: f64[" + expand + "]) {\n  %2: f64[" + sizes +
           "] = expand_dims(%v) {axes = [" + (expand == "3" ? "0" : "1") +
           "]}\n  %3: f64[2,3] = multiply(%2, %A)\n  %4: f64[" + (axis == "1" ? "2" : "3") +
           "] = reduce_sum(%3) {axes = [" + axis + "], dtype = f64}\n  return %4\n}";
  };
  EXPECT_THAT(after(contract, text("3", "1,3", "1")),
              testing::HasSubstr("%2: f64[2] = matvec(%A, %v)\n"));
  EXPECT_THAT(after(contract, text("2", "2,1", "0")),
              testing::HasSubstr("%2: f64[3] = matvec(%A, %v) {trans_a = true}"));
  // The vector lies along the axis that stays: it is no product with it.
  EXPECT_EQ(kernels_after(contract, text("2", "2,1", "1")), "multiply reduce_sum");
}

TEST(Contract, WhatAPassComputesOrReadsAnywayIsLeftToIt) {
  EXPECT_EQ(kernels_after(contract, R"(graph(%x: f64[5], %y: f64[5]) {
  %2: f64[5] = subtract(%x, %y)
  %3: f64[5] = square(%2)
  %4: f64[] = reduce_sum(%3) {axes = [0], dtype = f64}
  return %4
})"),
            "subtract square reduce_sum");
  EXPECT_EQ(kernels_after(contract, R"(graph(%x: f64[5], %y: f64[5]) {
  %2: f64[5] = exp(%x)
  %3: f64[5] = multiply(%x, %y)
  %4: f64[] = reduce_sum(%3) {axes = [0], dtype = f64}
  return %4, %2
})"),
            "multiply reduce_sum exp");
}

TEST(Contract, SeveralSumsOfOneMatrix) {
  EXPECT_EQ(kernels_after(contract, R"(graph(%A: f64[2,3], %v: f64[3]) {
  %2: f64[1,3] = expand_dims(%v) {axes = [0]}
  %3: f64[2,3] = multiply(%A, %2)
  %4: f64[2] = reduce_sum(%3) {axes = [1], dtype = f64}
  %5: f64[2,1] = expand_dims(%4) {axes = [1]}
  %6: f64[2,3] = multiply(%5, %A)
  %7: f64[3] = reduce_sum(%6) {axes = [0], dtype = f64}
  return %7
})"),
            "matvec matvec");
}

TEST(Contract, IntegersHalvesAndOtherAccumulatorsStay) {
  for (const std::string dtype : {"i64", "f16"}) {
    EXPECT_EQ(kernels_after(contract, "graph(%x: " + dtype + "[5], %y: " + dtype +
                                          "[5]) {\n  %2: " + dtype +
                                          "[5] = multiply(%x, %y)\n  %3: " + dtype +
                                          "[] = reduce_sum(%2) {axes = [0], dtype = " + dtype +
                                          "}\n  return %3\n}"),
              "multiply reduce_sum");
  }
  EXPECT_EQ(kernels_after(contract, R"(graph(%x: f32[5], %y: f32[5]) {
  %2: f32[5] = multiply(%x, %y)
  %3: f64[] = reduce_sum(%2) {axes = [0], dtype = f64}
  return %3
})"),
            "multiply reduce_sum");
}

TEST(Contract, RepeatedValuesAreCounted) {
  EXPECT_EQ(after(contract, R"(graph(%x: f64[3]) {
  %1: i64[] = constant() {value = i64[] 2}
  %2: i64[] = constant() {value = i64[] 3}
  %3: f64[2,3] = broadcast_to(%x, %1, %2)
  %4: f64[] = reduce_sum(%3) {axes = [0,1], dtype = f64}
  return %4
})"),
            R"(graph(%x: f64[3]) {
  %1: f64[] = constant() {value = f64[] 2}
  %2: f64[] = reduce_sum(%x) {axes = [0], dtype = f64}
  %3: f64[] = multiply(%1, %2)
  return %3
}
)");
  // Nothing adds up to 0, not to 0 times infinity.
  EXPECT_EQ(after(contract, R"(graph(%x: f64[]) {
  %1: i64[] = constant() {value = i64[] 0}
  %2: f64[0] = broadcast_to(%x, %1)
  %3: f64[] = reduce_sum(%2) {axes = [0], dtype = f64}
  return %3
})"),
            R"(graph(%x: f64[]) {
  %1: f64[] = constant() {value = f64[] 0}
  return %1
}
)");
}

TEST(Contract, AChoiceIsMadeAfterTheSum) {
  EXPECT_EQ(after(contract, R"(graph(%x: f64[3], %c: bool[1]) {
  %1: f64[] = constant() {value = f64[] -inf}
  %2: f64[3] = where(%c, %x, %1)
  %3: f64[] = reduce_sum(%2) {axes = [0], dtype = f64}
  return %3
})"),
            R"(graph(%x: f64[3], %c: bool[1]) {
  %2: bool[] = squeeze(%c) {axes = [0]}
  %3: f64[] = reduce_sum(%x) {axes = [0], dtype = f64}
  %4: f64[] = constant() {value = f64[] -inf}
  %5: f64[] = where(%2, %3, %4)
  return %5
}
)");
}

TEST(Contract, AChoiceForWholeRowsIsMadeAfterTheSumOfEach) {
  EXPECT_EQ(after(contract, R"(graph(%x: f64[2,3], %c: bool[2,1]) {
  %1: f64[] = constant() {value = f64[] -inf}
  %2: f64[2,3] = where(%c, %x, %1)
  %3: f64[2] = reduce_sum(%2) {axes = [1], dtype = f64}
  return %3
})"),
            R"(graph(%x: f64[2,3], %c: bool[2,1]) {
  %2: bool[2] = squeeze(%c) {axes = [1]}
  %3: f64[2] = reduce_sum(%x) {axes = [1], dtype = f64}
  %4: f64[] = constant() {value = f64[] -inf}
  %5: f64[2] = where(%2, %3, %4)
  return %5
}
)");
  // One that differs along the axis of the sum stays.
  const std::string across = R"(graph(%x: f64[2,3], %c: bool[2,1]) {
  %2: f64[] = constant() {value = f64[] -inf}
  %3: f64[2,3] = where(%c, %x, %2)
  %4: f64[3] = reduce_sum(%3) {axes = [0], dtype = f64}
  return %4
}
)";
  EXPECT_EQ(after(contract, across), across);
}

TEST(Contract, AProbabilityIsBetweenZeroAndOne) {
  const std::string before = R"(graph(%x: f64[2,3]) {
  %1: f64[1,1] = constant() {value = f64[1,1] 0}
  %2: f64[] = constant() {value = f64[] 1}
  %3: f64[2,3] = sigmoid(%x)
  %4: bool[2,3] = greater_equal(%3, %1)
  %5: bool[2,3] = less_equal(%3, %2)
  %6: bool[2,3] = bitwise_and(%4, %5)
  return %6
})";
  EXPECT_EQ(kernels_after(contract, before), "equal bitwise_and");
  // What is not finite, and bounds that say something.
  const double numbers[] = {NAN, INFINITY, -INFINITY, -800, 800, 0};
  const std::vector<Tensor> inputs{Tensor::from_bytes(DType::f64, {2, 3}, numbers)};
  Graph graph = parse_graph(before);
  const std::vector<Tensor> expected = evaluate(graph, inputs);
  contract(graph, {});
  EXPECT_TRUE(evaluate(graph, inputs)[0].same_bits(expected[0]));
  EXPECT_EQ(kernels_after(contract, R"(graph(%x: f64[3]) {
  %1: f64[] = constant() {value = f64[] 0.5}
  %3: f64[3] = sigmoid(%x)
  %4: bool[3] = less_equal(%3, %1)
  return %4
})"),
            "sigmoid less_equal");
}

TEST(Contract, ReductionsOfNothingMuchAreViews) {
  EXPECT_EQ(kernels_after(contract, R"(graph(%x: f64[3,1]) {
  %1: f64[3] = reduce_max(%x) {axes = [1]}
  %2: f64[3] = reduce_sum(%1) {axes = [], dtype = f64}
  return %2
})"),
            "");
}

TEST(Contract, StackedConditions) {
  EXPECT_EQ(kernels_after(contract, R"(graph(%a: bool[], %b: bool[]) {
  %2: bool[] = constant() {value = bool[] true}
  %3: bool[3] = stack(%a, %2, %b) {dtype = bool}
  %4: bool[] = reduce_all(%3) {axes = [0]}
  return %4
})"),
            "bitwise_and");
}

TEST(Contract, OpsOfRepeatedValuesRunOnce) {
  EXPECT_EQ(after(contract, R"(graph(%x: f64[3]) {
  %1: i64[] = constant() {value = i64[] 200}
  %2: i64[] = constant() {value = i64[] 3}
  %3: f64[200,3] = broadcast_to(%x, %1, %2)
  %4: f64[200,3] = exp(%3)
  return %4
})"),
            R"(graph(%x: f64[3]) {
  %1: f64[1,3] = expand_dims(%x) {axes = [0]}
  %2: f64[1,3] = exp(%1)
  %3: i64[] = constant() {value = i64[] 200}
  %4: i64[] = constant() {value = i64[] 3}
  %5: f64[200,3] = broadcast_to(%2, %3, %4)
  return %5
}
)");
}

TEST(Contract, PartsOfAConcatenation) {
  EXPECT_EQ(after(contract, R"(graph(%x: f64[2], %y: f64[3]) {
  %2: f64[5] = concatenate(%x, %y) {axis = 0}
  %3: i64[] = constant() {value = i64[] 3}
  %4: i64[] = constant() {value = i64[] 9223372036854775807}
  %5: i64[] = constant() {value = i64[] 1}
  %6: f64[2] = slice(%2, %3, %4, %5) {axes = [0]}
  %7: f64[] = reduce_sum(%2) {axes = [0], dtype = f64}
  return %6
})"),
            R"(graph(%x: f64[2], %y: f64[3]) {
  %2: i64[] = constant() {value = i64[] 1}
  %3: i64[] = constant() {value = i64[] 3}
  %4: f64[2] = slice(%y, %2, %3, %2) {axes = [0]}
  return %4
}
)");
  EXPECT_EQ(kernels_after(contract, R"(graph(%x: f64[2], %y: f64[3]) {
  %2: f64[5] = concatenate(%x, %y) {axis = 0}
  %3: f64[] = reduce_sum(%2) {axes = [0], dtype = f64}
  return %3
})"),
            "reduce_sum reduce_sum add");
  // It lies in both parts.
  EXPECT_EQ(kernels_after(contract, R"(graph(%x: f64[2], %y: f64[3]) {
  %2: f64[5] = concatenate(%x, %y) {axis = 0}
  %3: i64[] = constant() {value = i64[] 1}
  %4: i64[] = constant() {value = i64[] 3}
  %5: f64[2] = slice(%2, %3, %4, %3) {axes = [0]}
  return %5
})"),
            "concatenate");
}

TEST(TransposedConstants, BecomeFlags) {
  const std::string text = R"(graph(%b: f64[2], %r: f64[3]) {
  %2: f64[3,2] = constant() {value = f64[3,2] 1 2 3 4 5 6}
  %3: f64[2,3] = constant() {value = f64[2,3] 1 3 5 2 4 6}
  %4: f64[3] = matvec(%2, %b)
  %5: f64[2] = matvec(%3, %r)
  return %4, %5
})";
  EXPECT_EQ(after(transposed_constants, text, {.cache_bytes = 1}),
            R"(graph(%b: f64[2], %r: f64[3]) {
  %2: f64[3,2] = constant() {value = f64[3,2] 1 2 3 4 5 6}
  %3: f64[3] = matvec(%2, %b)
  %4: f64[2] = matvec(%2, %r) {trans_a = true}
  return %3, %4
}
)");
  EXPECT_THAT(after(transposed_constants, text), testing::HasSubstr("f64[2,3] 1 3 5 2 4 6"));
}

}  // namespace
}  // namespace gemmule
