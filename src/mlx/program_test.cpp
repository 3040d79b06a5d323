#include "mlx/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <utility>
#include <vector>

#include "ir/text.h"
#include "mlx/inspect.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"

namespace gemmule {
namespace {

using ::testing::ElementsAre;

constexpr const char* kGemm = R"(graph(%A: f64[2,2], %B: f64[2,2], %C: f64[2,2]) {
  %3: f64[] = constant() {value = f64[] 0.5}
  %4: f64[] = constant() {value = f64[] 1}
  %5: f64[2,2] = gemm(%3, %A, %B, %4, %C)
  return %5
})";

mx::array matrix(double value) { return mx::full({2, 2}, value, mx::float64); }

std::vector<double> values(mx::array x) {
  x = mx::contiguous(x);
  x.eval();
  return {x.data<double>(), x.data<double>() + x.size()};
}

TEST(MlxProgram, IsOneKernelForOnePattern) {
  const MlxProgram program(parse_graph(kGemm), mx::Device::cpu);
  const std::vector<mx::array> out = program.run({matrix(1), matrix(2), matrix(3)});
  EXPECT_THAT(computing_primitives(out), ::testing::Contains("Gemm").Times(1));
  EXPECT_THAT(values(out[0]), ElementsAre(5, 5, 5, 5));
}

TEST(MlxProgram, WorksInTheMemoryOfAnInputThatNobodyElseHolds) {
  const MlxProgram program(parse_graph(kGemm), mx::Device::cpu);
  mx::array c = matrix(3);
  c = mx::contiguous(mx::add(c, matrix(0)));
  c.eval();
  const void* memory = c.data<double>();
  std::vector<mx::array> inputs = {matrix(1), matrix(2)};
  inputs.push_back(std::move(c));
  std::vector<mx::array> out = program.run(std::move(inputs));
  out[0].eval();
  EXPECT_EQ(out[0].data<double>(), memory);
}

TEST(MlxProgram, KeepsAnInputThatIsReadAgain) {
  const MlxProgram program(parse_graph(R"(graph(%A: f64[2,2], %C: f64[2,2]) {
  %2: f64[] = constant() {value = f64[] 1}
  %3: f64[2,2] = gemm(%2, %A, %A, %2, %C)
  %4: f64[2,2] = gemm(%2, %3, %C, %2, %C)
  return %4, %C
})"),
                           mx::Device::cpu);
  mx::array c = mx::add(matrix(1), matrix(0));
  c.eval();
  std::vector<mx::array> inputs = {matrix(1)};
  inputs.push_back(std::move(c));
  const std::vector<mx::array> out = program.run(std::move(inputs));
  EXPECT_THAT(values(out[0]), ElementsAre(7, 7, 7, 7));
  EXPECT_THAT(values(out[1]), ElementsAre(1, 1, 1, 1));
}

TEST(MlxProgram, RunsOnManyThreadsAtOnce) {
  const MlxProgram program(parse_graph(kGemm), mx::Device::cpu);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&program, t] {
      for (int i = 0; i < 100; ++i) {
        const mx::array c = mx::full({2, 2}, static_cast<double>(t), mx::float64);
        const std::vector<double> out = values(program.run({matrix(1), matrix(2), c})[0]);
        EXPECT_THAT(out, ElementsAre(t + 2, t + 2, t + 2, t + 2));
      }
      mx::clear_streams();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace gemmule
