#include "plan/prepare_case.h"

namespace gemmule {
namespace {

TEST(Fuse, SeveralResultsAndReductionsOfOnePass) {
  EXPECT_EQ(after(fuse, R"(graph(%x: f64[5], %y: f64[5], %a: f64[]) {
  %3: f64[5] = multiply(%x, %a)
  %4: f64[5] = subtract(%y, %3)
  %5: f64[5] = square(%4)
  %6: f64[] = reduce_sum(%5) {axes = [0], dtype = f64}
  return %6, %4
})"),
            R"(graph(%x: f64[5], %y: f64[5], %a: f64[]) {
  %3: f64[5], %4: f64[] = fused(%x, %a, %y) {body = graph(%0: f64[], %1: f64[], %3: f64[]) {
    %2: f64[] = multiply(%0, %1)
    %4: f64[] = subtract(%3, %2)
    %5: f64[] = square(%4)
    return %4, %5
  }, reduce = "none; reduce_sum 0"}
  return %4, %3
}
)");
}

TEST(Fuse, LooksThroughUnitAxes) {
  EXPECT_EQ(after(fuse, R"(graph(%x: f64[5], %a: f64[1]) {
  %2: f64[1] = exp(%a)
  %3: f64[] = squeeze(%2) {axes = [0]}
  %4: f64[] = sqrt(%3)
  %5: f64[1,1] = expand_dims(%4) {axes = [0,1]}
  %6: f64[1,1] = negative(%5)
  %7: f64[5,1] = expand_dims(%x) {axes = [1]}
  %8: f64[5,1] = multiply(%7, %6)
  %9: f64[5] = squeeze(%8) {axes = [1]}
  %10: f64[5] = exp(%9)
  return %10, %8
})"),
            R"(graph(%x: f64[5], %a: f64[1]) {
  %2: f64[] = squeeze(%a) {axes = [0]}
  %3: f64[] = fused(%2) {body = graph(%0: f64[]) {
    %1: f64[] = exp(%0)
    %2: f64[] = sqrt(%1)
    %3: f64[] = negative(%2)
    return %3
  }}
  %4: f64[5], %5: f64[5] = fused(%x, %3) {body = graph(%0: f64[], %1: f64[]) {
    %2: f64[] = multiply(%0, %1)
    %3: f64[] = exp(%2)
    return %2, %3
  }}
  %6: f64[5,1] = expand_dims(%4) {axes = [1]}
  return %5, %6
}
)");
}

TEST(Fuse, BroadcastOperandsAreReadAsTheyAreStored) {
  EXPECT_EQ(after(fuse, R"(graph(%x: f64[3], %y: f64[2,3]) {
  %2: i64[] = constant() {value = i64[] 2}
  %3: i64[] = constant() {value = i64[] 3}
  %4: f64[2,3] = broadcast_to(%x, %2, %3)
  %5: f64[2,3] = add(%4, %y)
  %6: f64[2,3] = exp(%5)
  return %6
})"),
            R"(graph(%x: f64[3], %y: f64[2,3]) {
  %2: f64[1,3] = expand_dims(%x) {axes = [0]}
  %3: f64[2,3] = fused(%2, %y) {body = graph(%0: f64[], %1: f64[]) {
    %2: f64[] = add(%0, %1)
    %3: f64[] = exp(%2)
    return %3
  }}
  return %3
}
)");
}

// The way from the first exp to the last goes through a sum: two passes, and nothing in a circle.
TEST(Fuse, WhatReadsAReductionRunsAfterIt) {
  EXPECT_EQ(kernels_after(fuse, R"(graph(%x: f64[5]) {
  %1: f64[] = reduce_max(%x) {axes = [0]}
  %2: f64[1] = expand_dims(%1) {axes = [0]}
  %3: f64[5] = subtract(%x, %2)
  %4: f64[5] = exp(%3)
  %5: f64[] = reduce_sum(%4) {axes = [0], dtype = f64}
  %6: f64[1] = expand_dims(%5) {axes = [0]}
  %7: f64[5] = divide(%4, %6)
  %8: f64[5] = log(%7)
  return %8
})"),
            "reduce_max fused fused");
}

TEST(Fuse, CirclesBetweenShapesAreAvoided) {
  // Either shape could run as one pass, but not both: each would read what the other reduces.
  EXPECT_EQ(kernels_after(fuse, R"(graph(%x: f64[5], %y: f64[7]) {
  %2: f64[5] = exp(%x)
  %3: f64[7] = exp(%y)
  %4: f64[5] = cumsum(%2) {axis = 0}
  %5: f64[7] = cumsum(%3) {axis = 0}
  %6: f64[] = reduce_max(%4) {axes = [0]}
  %7: f64[] = reduce_max(%5) {axes = [0]}
  %8: f64[7] = multiply(%y, %6)
  %9: f64[5] = multiply(%x, %7)
  return %8, %9
})"),
            "exp cumsum reduce_max fused cumsum reduce_max multiply");
}

TEST(Fuse, AVectorThatAMatrixReadsStaysOutside) {
  EXPECT_EQ(kernels_after(fuse, R"(graph(%x: f64[3], %y: f64[2,3]) {
  %2: f64[3] = exp(%x)
  %3: f64[1,3] = expand_dims(%2) {axes = [0]}
  %4: f64[2,3] = add(%3, %y)
  %5: f64[2,3] = exp(%4)
  return %5
})"),
            "exp fused");
}

TEST(Fuse, ReductionsOverRowsAndColumnsAreTwoNodes) {
  EXPECT_EQ(kernels_after(fuse, R"(graph(%y: f64[2,3]) {
  %1: f64[2,3] = exp(%y)
  %2: f64[3] = reduce_sum(%1) {axes = [0], dtype = f64}
  %3: f64[2] = reduce_sum(%1) {axes = [1], dtype = f64}
  %4: f64[] = reduce_max(%1) {axes = [0,1]}
  return %2, %3, %4
})"),
            "fused reduce_sum");
}

TEST(Fuse, AccumulatorsAreCastsInTheBody) {
  EXPECT_EQ(after(fuse, R"(graph(%x: f32[5]) {
  %1: f32[5] = exp(%x)
  %2: f64[] = reduce_sum(%1) {axes = [0], dtype = f64}
  return %2
})"),
            R"(graph(%x: f32[5]) {
  %1: f64[] = fused(%x) {body = graph(%0: f32[]) {
    %1: f32[] = exp(%0)
    %2: f64[] = cast(%1) {dtype = f64}
    return %2
  }, reduce = "reduce_sum 0"}
  return %1
}
)");
}

TEST(Fuse, WhatAPassCannotReduceIsLeft) {
  EXPECT_EQ(kernels_after(fuse, R"(graph(%x: f16[5]) {
  %1: f16[5] = exp(%x)
  %2: f16[] = reduce_sum(%1) {axes = [0], dtype = f16}
  return %2
})"),
            "exp reduce_sum");
  EXPECT_EQ(kernels_after(fuse, R"(graph(%x: f64[5]) {
  %1: f64[5] = exp(%x)
  %2: i64[] = argmax(%1) {axes = [0]}
  return %2
})"),
            "exp argmax");
}

TEST(Fuse, SmallPassesRunTogetherLargeOnesWhenTheyShare) {
  const auto text = [](const std::string& size) {
    return "graph(%x: f64[" + size + "], %y: f64[" + size + "]) {\n" + "  %2: f64[" + size +
           "] = exp(%x)\n  %3: f64[" + size + "] = log(%y)\n  return %2, %3\n}";
  };
  EXPECT_EQ(kernels_after(fuse, text("100")), "fused");
  EXPECT_EQ(kernels_after(fuse, text("100000")), "exp log");
}

TEST(Fuse, GroupsHaveLimits) {
  std::string text = "graph(%x: f64[5]) {\n  %1: f64[5] = exp(%x)\n";
  for (int i = 2; i <= 200; ++i) {
    text += "  %" + std::to_string(i) + ": f64[5] = sin(%" + std::to_string(i - 1) + ")\n";
  }
  EXPECT_EQ(kernels_after(fuse, text + "  return %200\n}"), "fused fused fused");
  std::string results = "%1";
  for (int i = 2; i <= 40; ++i) results += ", %" + std::to_string(i);
  EXPECT_EQ(kernels_after(fuse, text + "  return " + results + "\n}"), "fused fused fused");
}

}  // namespace
}  // namespace gemmule
