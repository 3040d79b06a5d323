// One program, run by several threads at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cpu/program_case.h"
#include "ir/error.h"
#include "plan/prepare.h"
#include "plan/random_graph.h"

namespace gemmule {
namespace {

// Each thread has inputs of its own, runs `rounds` times and compares with what one thread finds.
void expect_same_on_threads(const CpuProgram& program, const std::vector<std::vector<Tensor>>& inputs, int rounds) {
  std::vector<std::vector<Tensor>> expected;
  for (const std::vector<Tensor>& of_thread : inputs) expected.push_back(run(program, of_thread));
  std::atomic<int> different = 0;
  std::barrier start(static_cast<std::ptrdiff_t>(inputs.size()));
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < inputs.size(); ++t) {
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      for (int round = 0; round < rounds; ++round) {
        const std::vector<Tensor> found = run(program, inputs[t]);
        for (std::size_t i = 0; i < found.size(); ++i) different += !found[i].same_bits(expected[t][i]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different, 0) << to_text(program.plan());
}

TEST(Threads, RandomGraphs) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    RandomGraph draw(seed, DType::f64);
    const PrepareOptions small{.cache_bytes = 800, .block_bytes = 1};
    const CpuProgram program(prepare(draw.graph(), small));
    std::vector<std::vector<Tensor>> inputs;
    for (int t = 0; t < (seed % 2 == 0 ? 2 : 4); ++t) inputs.push_back(draw.inputs());
    expect_same_on_threads(program, inputs, 30);
  }
}

TEST(Threads, EveryKindOfMemory) {
  // Products large enough for the library, LAPACK, blocks of rows, indices and a workspace.
  const Graph graph = parse_graph(R"(graph(%X: f64[200,40], %b: f64[40], %g: i64[200], %t: f64[5]) {
  %4: f64[200] = matvec(%X, %b)
  %5: f64[200] = gather(%t, %g) {axes = [0]}
  %6: f64[200] = add(%4, %5)
  %7: f64[40] = matvec(%X, %6) {trans_a = true}
  %8: f64[40,40] = matmul(%X, %X) {trans_a = true}
  %9: f64[40,40] = cholesky(%8) {lower = true}
  %10: f64[40,1] = expand_dims(%7) {axes = [1]}
  %11: f64[40,1] = solve_triangular(%9, %10) {lower = true, trans = 0, unit_diagonal = false}
  %12: f64[5] = scatter_add(%t, %6, %g) {axes = [0]}
  %13: f64[200] = sort(%6) {axis = 0}
  %14: f64[200] = cumsum(%13) {axis = 0}
  %15: f64[] = reduce_sum(%14) {axes = [0], dtype = f64}
  return %7, %11, %12, %15
})");
  std::mt19937 random(3);
  const CpuProgram program(prepare(graph, {.cache_bytes = 1 << 14, .block_bytes = 1 << 13}));
  for (const int threads : {2, 4}) {
    std::vector<std::vector<Tensor>> inputs;
    for (int t = 0; t < threads; ++t) inputs.push_back(random_inputs(graph, random));
    expect_same_on_threads(program, inputs, 100);
  }
}

TEST(Threads, AnErrorOfOneIsNoneOfTheOthers) {
  const Graph graph = parse_graph(R"(graph(%x: f64[3], %i: i64[2]) {
  %2: f64[2] = gather(%x, %i) {axes = [0]}
  %3: f64[2] = exp(%2)
  return %3
})");
  const CpuProgram program(prepare(graph));
  const Tensor x = Tensor::zeros(DType::f64, {3});
  const Tensor good = Tensor::integers({0, 2}), bad = Tensor::integers({0, 3});
  std::atomic<int> raised = 0, wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 300; ++round) {
        try {
          wrong += run(program, {x, t % 2 == 0 ? good : bad})[0].at<double>(0) != 1;
        } catch (const IndexError&) {
          ++raised;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(raised, 600);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace gemmule
