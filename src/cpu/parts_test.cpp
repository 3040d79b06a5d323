// Work that several threads share gives what one thread gives.
#include <gmock/gmock.h>

#include "cpu/program_case.h"
#include "ir/error.h"
#include "kernels/blas.h"

namespace gemmule {
namespace {

class Parts : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { kernels::set_blas_threads(GetParam()); }
  void TearDown() override { kernels::set_blas_threads(before_); }

  // What the evaluator gives, twice the same to the last bit.
  void expect_right(const std::string& text) {
    const Graph graph = parse_graph(text);
    std::mt19937 random(7);
    const std::vector<Tensor> inputs = random_inputs(graph, random);
    const CpuProgram program(prepare(graph));
    const std::vector<Tensor> found = run(program, inputs);
    expect_close(evaluate(graph, inputs), found, graph);
    const std::vector<Tensor> again = run(program, inputs);
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(found[i].same_bits(again[i])) << i;
  }

 private:
  int before_ = kernels::blas_threads();
};

TEST_P(Parts, Passes) {
  expect_right(R"(graph(%x: f64[37,20011], %y: f64[1,20011], %c: f64[37,1]) {
  %0: f64[37,20011] = add(%x, %y)
  %1: f64[37,20011] = exp(%0)
  %2: f64[37,20011] = multiply(%1, %c)
  %3: f64[37] = reduce_sum(%2) {axes = [1], dtype = f64}
  %4: f64[37] = reduce_max(%0) {axes = [1]}
  return %2, %3, %4
})");
  // Only the second axis can be cut; no axis can.
  expect_right(R"(graph(%x: f64[37,20011]) {
  %0: f64[37,20011] = sigmoid(%x)
  %1: f64[37,20011] = log1p(%0)
  %2: f64[20011] = reduce_sum(%1) {axes = [0], dtype = f64}
  return %1, %2
})");
  expect_right(R"(graph(%x: f64[37,20011]) {
  %0: f64[37,20011] = sigmoid(%x)
  %1: f64[37,20011] = log1p(%0)
  %2: f64[20011] = reduce_sum(%1) {axes = [0], dtype = f64}
  %3: f64[37] = reduce_max(%1) {axes = [1]}
  return %2, %3
})");
  expect_right(
      "graph(%x: f64[700001]) {\n  %0: f64[700001] = exp(%x)\n  %1: f64[700001] = log1p(%0)\n  "
      "return %1\n}");
}

TEST_P(Parts, ViewsAreCutWithTheirStrides) {
  expect_right(R"(graph(%x: f64[1500,1200]) {
  %0: f64[1200,1500] = transpose(%x) {perm = [1,0]}
  %a: i64[] = constant() {value = i64[] 9223372036854775807}
  %b: i64[] = constant() {value = i64[] -9223372036854775808}
  %c: i64[] = constant() {value = i64[] -1}
  %1: f64[1200,1500] = slice(%0, %a, %b, %c) {axes = [0]}
  %2: f64[1200,1500] = tanh(%1)
  return %2
})");
}

TEST_P(Parts, Products) {
  expect_right(
      "graph(%A: f64[300,400], %B: f64[400,500], %C: f64[300,500], %a: f64[], %b: f64[]) {\n  %0: "
      "f64[300,500] = gemm(%a, %A, %B, %b, %C)\n  return %0\n}");
  expect_right(
      "graph(%A: f32[900,400], %B: f32[200,900]) {\n  %0: f32[400,200] = matmul(%A, %B) {trans_a = "
      "true, trans_b = true}\n  return %0\n}");
}

// Rows by blocks: results along the rows, along the columns, and sums over all rows.
TEST_P(Parts, BlocksOfRows) {
  const std::string text = R"(graph(%X: f64[20011,100], %q: f64[8,100], %y: f64[1,20011]) {
  %0: f64[8,20011] = matmul(%q, %X) {trans_b = true}
  %1: f64[8,20011] = sigmoid(%0)
  %2: f64[8,20011] = subtract(%y, %1)
  %3: f64[8,100] = matmul(%2, %X)
  %4: f64[8] = reduce_sum(%1) {axes = [1], dtype = f64}
  %5: f64[8] = reduce_max(%2) {axes = [1]}
  return %2, %3, %4
})";
  ASSERT_THAT(kernels_of(prepare(parse_graph(text))), testing::HasSubstr("row_blocks"));
  expect_right(text);
}

TEST_P(Parts, ErrorsOfBlocksOfRows) {
  const Graph graph =
      parse_graph(R"(graph(%X: f64[60000,100], %b: f64[100], %t: f64[5], %g: i64[60000]) {
  %4: f64[60000] = matvec(%X, %b)
  %5: f64[60000] = gather(%t, %g) {axes = [0]}
  %6: f64[60000] = add(%4, %5)
  %7: f64[100] = matvec(%X, %6) {trans_a = true}
  return %7
})");
  const Graph prepared = prepare(graph);
  ASSERT_THAT(kernels_of(prepared), testing::HasSubstr("row_blocks"));
  const CpuProgram program(prepared);
  std::mt19937 random(2);
  std::vector<Tensor> inputs = random_inputs(graph, random);
  Integers rows(60000, 4);
  rows[1000] = 5, rows[59000] = 6;
  std::vector<Tensor> wrong = inputs;
  wrong[3] = Tensor::integers(rows);
  for (int round = 0; round < 3; ++round) {
    try {
      run(program, wrong);
      FAIL();
    } catch (const IndexError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("index 5 is out of bounds"));
    }
    expect_close(evaluate(graph, inputs), run(program, inputs), graph);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, Parts, testing::Values(1, 3));

}  // namespace
}  // namespace gemmule
