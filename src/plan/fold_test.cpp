#include "plan/linear_program.h"
#include "plan/prepare_case.h"

namespace gemmule {
namespace {

TEST(Fold, ElementwiseOpsOfConstants) {
  EXPECT_EQ(after(fold, R"(graph(%x: f64[3]) {
  %1: f64[3] = constant() {value = f64[3] 1 2 3}
  %2: f64[] = constant() {value = f64[] 10}
  %3: f64[3] = multiply(%1, %2)
  %4: f64[3] = negative(%3)
  %5: f64[3] = add(%x, %4)
  return %5
})"),
            R"(graph(%x: f64[3]) {
  %1: f64[3] = constant() {value = f64[3] -10 -20 -30}
  %2: f64[3] = add(%x, %1)
  return %2
}
)");
}

TEST(Fold, ThroughViews) {
  EXPECT_EQ(after(fold, R"(graph(%x: f64[2,2]) {
  %1: f64[1,2] = constant() {value = f64[1,2] 1 2}
  %2: i64[] = constant() {value = i64[] 2}
  %3: f64[2,2] = broadcast_to(%1, %2, %2)
  %4: f64[2,2] = transpose(%3) {perm = [1,0]}
  %5: f64[2,2] = square(%4)
  %6: f64[2,2] = add(%x, %5)
  return %6
})"),
            R"(graph(%x: f64[2,2]) {
  %1: f64[2,2] = constant() {value = f64[2,2] 1 1 4 4}
  %2: f64[2,2] = add(%x, %1)
  return %2
}
)");
}

TEST(Fold, SequencesGathersAndConcatenations) {
  EXPECT_EQ(after(fold, R"(graph() {
  %0: i64[] = constant() {value = i64[] 0}
  %1: i64[] = constant() {value = i64[] 3}
  %2: i64[] = constant() {value = i64[] 1}
  %3: i64[3] = arange(%0, %1, %2) {dtype = i64}
  %4: i64[2] = constant() {value = i64[2] 2 0}
  %5: i64[2] = gather(%3, %4) {axes = [0]}
  %6: i64[5] = concatenate(%3, %5) {axis = 0}
  %7: i64[2] = stack(%1, %2) {dtype = i64}
  %8: i64[7] = concatenate(%6, %7) {axis = 0}
  return %8
})"),
            R"(graph() {
  %0: i64[7] = constant() {value = i64[7] 0 1 2 2 0 3 1}
  return %0
}
)");
}

// The graph stays as it is.
void expect_unchanged(const std::string& text) { EXPECT_EQ(after(fold, text), to_text(parse_graph(text))); }

TEST(Fold, NotViewsThemselves) {
  expect_unchanged(R"(graph(%x: f64[1000]) {
  %1: f64[] = constant() {value = f64[] 1}
  %2: i64[] = constant() {value = i64[] 1000}
  %3: f64[1000] = broadcast_to(%1, %2)
  %4: f64[1000] = add(%x, %3)
  return %4
})");
}

TEST(Fold, NotProductsAndReductions) {
  expect_unchanged(R"(graph() {
  %0: f64[2] = constant() {value = f64[2] 1 2}
  %1: f64[] = dot(%0, %0)
  %2: f64[] = reduce_sum(%0) {axes = [0], dtype = f64}
  return %1, %2
})");
}

TEST(Fold, NotWhatGrowsFarBeyondItsOperands) {
  const auto text = [](const std::string& n) {
    return "graph() {\n  %0: f64[] = constant() {value = f64[] 1}\n  %1: i64[] = constant() {value = i64[] " + n +
           "}\n  %2: f64[" + n + "] = broadcast_to(%0, %1)\n  %3: f64[" + n + "] = exp(%2)\n  return %3\n}";
  };
  EXPECT_EQ(kernels_after(fold, text("8192")), "");      // 64 KiB
  EXPECT_EQ(kernels_after(fold, text("8193")), "exp");
}

TEST(Fold, NotWhatIsAtFault) {
  expect_unchanged(R"(graph() {
  %0: f64[2] = constant() {value = f64[2] 1 2}
  %1: i64[1] = constant() {value = i64[1] 2}
  %2: f64[1] = gather(%0, %1) {axes = [0]}
  return %2
})");
}

}  // namespace
}  // namespace gemmule
