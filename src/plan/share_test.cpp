#include "plan/prepare_case.h"

namespace gemmule {
namespace {

TEST(Share, FunctionsOfXAndMinusX) {
  EXPECT_EQ(after(share, R"(graph(%x: f64[3]) {
  %1: f64[3] = sigmoid(%x)
  %2: f64[3] = negative(%x)
  %3: f64[3] = softplus(%2)
  return %1, %3
})"),
            R"(graph(%x: f64[3]) {
  %1: f64[] = constant() {value = f64[] 0}
  %2: bool[3] = less(%x, %1)
  %3: f64[3] = absolute(%x)
  %4: f64[3] = negative(%3)
  %5: f64[3] = exp(%4)
  %6: f64[] = constant() {value = f64[] 1}
  %7: f64[3] = where(%2, %5, %6)
  %8: f64[3] = add(%6, %5)
  %9: f64[3] = divide(%7, %8)
  %10: f64[3] = negative(%x)
  %11: f64[3] = maximum(%10, %1)
  %12: f64[3] = log1p(%5)
  %13: f64[3] = add(%11, %12)
  return %9, %13
}
)");
}

TEST(Share, NegationsOfNegationsToo) {
  EXPECT_EQ(kernels_after(share, R"(graph(%x: f32[3]) {
  %1: f32[3] = negative(%x)
  %2: f32[3] = negative(%1)
  %3: f32[3] = sigmoid(%2)
  %4: f32[3] = sigmoid(%1)
  return %3, %4
})"),
            "less absolute negative exp where add divide greater where divide");
}

// The graph stays as it is.
void expect_unchanged(const std::string& text) { EXPECT_EQ(after(share, text), to_text(parse_graph(text))); }

TEST(Share, NotASingleFunction) {
  expect_unchanged("graph(%x: f64[3]) {\n  %1: f64[3] = sigmoid(%x)\n  return %1\n}");
}

TEST(Share, NotFunctionsOfDifferentValues) {
  expect_unchanged(R"(graph(%x: f64[3], %y: f64[3]) {
  %2: f64[3] = sigmoid(%x)
  %3: f64[3] = softplus(%y)
  return %2, %3
})");
}

TEST(Share, NotHalves) {
  expect_unchanged(R"(graph(%x: f16[3]) {
  %1: f16[3] = sigmoid(%x)
  %2: f16[3] = softplus(%x)
  return %1, %2
})");
}

}  // namespace
}  // namespace gemmule
