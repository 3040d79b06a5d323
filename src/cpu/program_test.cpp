#include "cpu/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "cpu/program_case.h"
#include "cpu/random_case.h"
#include "ir/error.h"
#include "plan/prepare.h"
#include "plan/random_graph.h"

namespace gemmule {
namespace {

// -- every op ----------------------------------------------------------------------------------------

// Ops that evaluate() does not know, that stand for several others, and that no program has.
bool is_tested_elsewhere(Op op) {
  static const std::set<Op> ops{Op::fused,  Op::row_blocks, Op::dim,  Op::scaled_sum, Op::sort,    Op::argsort,
                                Op::cholesky, Op::solve_triangular, Op::solve, Op::inv, Op::slogdet, Op::eigh};
  return ops.contains(op);
}

class EveryOp : public testing::TestWithParam<int> {};

TEST_P(EveryOp, IsEvaluated) {
  const Op op = static_cast<Op>(GetParam());
  int ran = 0;
  for (int d = 0; d < kDTypeCount; ++d) {
    for (std::uint32_t seed = 0; seed < (is_elementwise(op) ? 8 : 40); ++seed) {
      std::optional<RandomCase> draw;
      try {
        draw.emplace(op, static_cast<DType>(d), seed);
      } catch (const UserError&) {
        continue;  // not for this dtype, or the maximum of nothing
      }
      std::vector<kernels::Layout> layouts;
      for (std::size_t i = 0; i < draw->inputs.size(); ++i) {
        layouts.push_back(static_cast<kernels::Layout>(draw->below(kernels::kLayoutCount)));
      }
      try {
        expect_evaluated(draw->graph, draw->inputs, layouts);
      } catch (const std::exception& error) {
        FAIL() << error.what() << "\n" << to_text(draw->graph);
      }
      if (HasFatalFailure()) {
        std::string names;
        for (const kernels::Layout layout : layouts) names += " " + std::to_string(static_cast<int>(layout));
        FAIL() << "layouts" << names << ", seed " << seed;
      }
      ++ran;
    }
  }
  EXPECT_GE(ran, 8);
}

std::vector<int> tested_ops() {
  std::vector<int> ops;
  for (int op = 0; op < kOpCount; ++op) {
    if (!is_tested_elsewhere(static_cast<Op>(op))) ops.push_back(op);
  }
  return ops;
}

INSTANTIATE_TEST_SUITE_P(CpuProgram, EveryOp, testing::ValuesIn(tested_ops()), [](const auto& info) {
  return std::string(gemmule::info(static_cast<Op>(info.param)).name);
});

// -- random graphs -----------------------------------------------------------------------------------

std::vector<kernels::Layout> random_layouts(const std::vector<Tensor>& inputs, std::mt19937& random) {
  std::vector<kernels::Layout> layouts;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    layouts.push_back(static_cast<kernels::Layout>(random() % kernels::kLayoutCount));
    // Equal row numbers would make the result of scatter_set depend on an order.
    if (!is_inexact(inputs[i].dtype)) layouts.back() = kernels::Layout::gaps;
  }
  return layouts;
}

TEST(CpuProgram, EvaluatesRandomGraphs) {
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    RandomGraph draw(seed, seed % 4 == 3 ? DType::f32 : DType::f64);
    const std::vector<Tensor> inputs = draw.inputs(seed % 3 == 2);
    expect_evaluated(draw.graph(), inputs, random_layouts(inputs, draw.random()), seed % 4 == 3 ? 1e-3 : 1e-10);
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

TEST(CpuProgram, EvaluatesPreparedGraphs) {
  const PrepareOptions small{.cache_bytes = 1, .block_bytes = 1};
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    RandomGraph draw(seed, seed % 4 == 3 ? DType::f32 : DType::f64);
    const Graph prepared = prepare(draw.graph(), seed % 2 == 0 ? small : PrepareOptions{});
    const std::vector<Tensor> inputs = draw.inputs(seed % 3 == 2 && seed % 4 != 3);
    expect_evaluated(prepared, inputs, random_layouts(inputs, draw.random()), seed % 4 == 3 ? 1e-3 : 1e-10);
    if (HasFatalFailure()) FAIL() << "seed " << seed;
    expect_close(evaluate(draw.graph(), inputs), run(CpuProgram(prepared), inputs), draw.graph(),
                 seed % 4 == 3 ? 1e-3 : 1e-10);
    if (HasFatalFailure()) FAIL() << "seed " << seed << "\n" << to_text(prepared);
  }
}

}  // namespace
}  // namespace gemmule
