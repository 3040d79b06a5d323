// Random graphs: every pass by itself, and all of them, keep values.
#include "plan/prepare_case.h"
#include "plan/random_graph.h"
#include "plan/specialise.h"

namespace gemmule {
namespace {

class EveryPreparePass : public testing::TestWithParam<const PreparePass*> {};

TEST_P(EveryPreparePass, KeepsValues) {
  const PrepareOptions small{.cache_bytes = 1, .block_bytes = 1};
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    RandomGraph draw(seed, DType::f64);
    Graph prepared = draw.graph();
    GetParam()->run(prepared, small);
    verify(prepared);
    expect_equal_values(draw.graph(), prepared, draw.inputs());
    expect_equal_values(draw.graph(), prepared, draw.inputs(true));
    if (HasFatalFailure()) return;
  }
}

std::vector<const PreparePass*> pointers() {
  std::vector<const PreparePass*> result;
  for (const PreparePass& pass : prepare_passes()) result.push_back(&pass);
  return result;
}

TEST(Prepare, RandomGraphsHaveRowBlocks) {
  int found = 0;
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const Graph prepared =
        prepare(RandomGraph(seed, DType::f64).graph(), {.cache_bytes = 1, .block_bytes = 1});
    found += kernels_of(prepared).find("row_blocks") != std::string::npos;
  }
  EXPECT_GT(found, 10);
}

INSTANTIATE_TEST_SUITE_P(Prepare, EveryPreparePass, testing::ValuesIn(pointers()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(Prepare, KeepsValues) {
  const PrepareOptions small{.cache_bytes = 1, .block_bytes = 1};
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    RandomGraph draw(seed, seed % 2 == 0 ? DType::f64 : DType::f32);
    const Graph prepared = prepare(draw.graph(), small);
    verify(prepared);
    const double tolerance = seed % 2 == 0 ? 1e-11 : 1e-3;
    expect_equal_values(draw.graph(), prepared, draw.inputs(), tolerance);
    if (seed % 2 == 0) expect_equal_values(draw.graph(), prepared, draw.inputs(true));
    if (HasFatalFailure()) return;
  }
}

// Passes that reduce are taken apart again where a graph is specialised.
TEST(Prepare, PreparedGraphsCanBeSpecialised) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    RandomGraph draw(seed, DType::f64);
    const Graph prepared = prepare(draw.graph());
    std::vector<Type> types;
    for (const ValueId input : prepared.inputs) types.push_back(prepared.type(input));
    const Graph again =
        specialise_unfused(prepared, types, std::vector<const Tensor*>(types.size()));
    EXPECT_EQ(kernels_of(again).find("fused"), std::string::npos);
    expect_equal_values(draw.graph(), again, draw.inputs());
    if (HasFatalFailure()) return;
  }
}

TEST(Prepare, PassesCanBeSwitchedOff) {
  const Graph graph = parse_graph(R"(graph(%x: f64[5]) {
  %1: f64[5] = exp(%x)
  %2: f64[5] = negative(%1)
  return %2
})");
  EXPECT_EQ(kernels_of(prepare(graph)), "fused");
  EXPECT_EQ(kernels_of(prepare(graph, {.disabled = {"fuse", "gemm"}})), "exp negative");
}

}  // namespace
}  // namespace gemmule
