// A call of a program allocates nothing once it has a frame and its thread has scratch memory.

// The sanitizers have operators of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "cpu/program_case.h"
#include "kernels/counted_allocations.h"
#include "plan/prepare.h"

namespace gemmule {
namespace {

// In the third call and later ones. Row numbers are 0, 1 and 2: in bounds everywhere below.
long allocations_of(const Graph& graph) {
  const CpuProgram program(graph);
  std::mt19937 random(1);
  const std::vector<Tensor> inputs = random_inputs(graph, random);
  std::vector<const void*> in;
  for (const Tensor& input : inputs) in.push_back(input.data.get());
  std::vector<Tensor> outputs;
  std::vector<void*> out;
  for (const Layout& output : program.plan().outputs) {
    outputs.push_back(Tensor::zeros(output.dtype, output.shape));
    out.push_back(const_cast<std::byte*>(outputs.back().data.get()));
  }
  std::vector<double> seconds(program.plan().instructions.size());
  for (int round = 0; round < 2; ++round) program.run(in.data(), out.data());
  const long before = allocations;
  for (int round = 0; round < 3; ++round) {
    program.run(in.data(), out.data());
    program.run_timed(in.data(), out.data(), seconds);
  }
  return allocations - before;
}

void expect_none(const std::string& text, const PrepareOptions& options = {}) {
  const Graph graph = parse_graph(text);
  EXPECT_EQ(allocations_of(graph), 0) << text;
  EXPECT_EQ(allocations_of(prepare(graph, options)), 0) << "prepared: " << text;
}

TEST(ProgramAllocation, IsCounted) {
  const long before = allocations;
  std::vector<int> v(10);
  v.resize(1000);
  EXPECT_EQ(allocations - before, 2);
}

TEST(ProgramAllocation, ElementwiseAndReductions) {
  for (const std::string n : {"3", "5000"}) {
    expect_none("graph(%x: f64[" + n + ",4], %y: f64[1,4]) {\n  %2: f64[" + n + ",4] = multiply(%x, %y)\n  %3: f64[" +
                n + ",4] = gammaln(%2)\n  %4: f64[4] = reduce_sum(%3) {axes = [0], dtype = f64}\n  %5: f64[" + n +
                "] = reduce_max(%3) {axes = [1]}\n  %6: i64[] = argmax(%3) {axes = [0,1]}\n" +
                "  return %3, %4, %5, %6\n}");
  }
}

TEST(ProgramAllocation, Products) {
  for (const std::string n : {"3", "70", "300"}) {
    std::string text = R"(graph(%A: f64[N,N], %x: f64[N], %a: f64[], %T: f64[2,N,N]) {
  %4: f64[N,N] = matmul(%A, %A) {trans_a = true}
  %5: f64[N,N] = gemm(%a, %4, %A, %a, %A)
  %6: f64[N] = gemv(%a, %5, %x, %a, %x)
  %7: f64[N,N] = ger(%a, %x, %6, %A)
  %8: f64[N,N] = outer(%x, %6)
  %9: f64[] = dot(%6, %x)
  %10: f64[N] = matvec(%7, %x) {trans_a = true}
  %11: f64[2,N,N] = batched_matmul(%T, %T)
  %12: f64[2,N,N] = batched_gemm(%a, %T, %11, %a, %T)
  return %8, %9, %10, %12
})";
    for (std::size_t at; (at = text.find("N")) != std::string::npos;) text.replace(at, 1, n);
    expect_none(text);
  }
}

TEST(ProgramAllocation, IntegerProducts) {
  expect_none(R"(graph(%A: i64[5,7], %x: i64[7]) {
  %2: i64[5] = matvec(%A, %x)
  %3: i64[7,7] = matmul(%A, %A) {trans_a = true}
  %4: i64[7,7] = outer(%x, %x)
  return %2, %3, %4
})");
}

TEST(ProgramAllocation, Lapack) {
  for (const std::string n : {"3", "90"}) {
    std::string text = R"(graph(%G: f64[2,N,N], %B: f64[2,N,3]) {
  %2: f64[2,N,N] = batched_matmul(%G, %G) {trans_b = true}
  %3: f64[2,N,N] = cholesky(%2) {lower = true}
  %4: f64[2,N,3] = solve_triangular(%3, %B) {lower = true, trans = 0, unit_diagonal = false}
  %5: f64[2,N,3] = solve(%G, %4)
  %6: f64[2,N,N] = inv(%G)
  %7: f64[2], %8: f64[2] = slogdet(%G)
  %9: f64[2,N], %10: f64[2,N,N] = eigh(%2) {lower = true}
  return %5, %6, %7, %8, %9, %10
})";
    for (std::size_t at; (at = text.find("N")) != std::string::npos;) text.replace(at, 1, n);
    expect_none(text);
  }
}

TEST(ProgramAllocation, Movement) {
  expect_none(R"(graph(%x: f64[50,4], %y: f64[20,4], %i: i64[20]) {
  %3: i64[] = constant() {value = i64[] 0}
  %4: i64[] = constant() {value = i64[] 40}
  %5: i64[] = constant() {value = i64[] 2}
  %6: i64[3] = constant() {value = i64[3] 2 -1 0}
  %7: f64[20,4] = gather(%x, %i) {axes = [0]}
  %8: f64[3,4] = gather(%x, %6) {axes = [0]}
  %9: f64[50,4] = scatter_add(%x, %y, %i) {axes = [0]}
  %10: f64[50,4] = scatter_set(%9, %8, %6) {axes = [0]}
  %11: f64[50,4] = slice_set(%10, %y, %3, %4, %5) {axes = [0]}
  %12: f64[50,4] = slice_add(%x, %7, %3, %4, %5) {axes = [0]}
  %13: f64[100,4] = concatenate(%11, %12) {axis = 0}
  %14: f64[100,4] = sort(%13) {axis = 0}
  %15: i64[100,4] = argsort(%13) {axis = 0}
  %16: f64[100,4] = cumsum(%14) {axis = 0}
  %17: f64[4,100] = transpose(%16) {perm = [1,0]}
  %19: i64[] = constant() {value = i64[] 400}
  %18: f64[400] = reshape(%17, %19)
  %20: f64[100,4] = copy(%16)
  %21: f64[] = reduce_sum(%18) {axes = [0], dtype = f64}
  %22: f64[2] = stack(%21, %21) {dtype = f64}
  return %15, %18, %20, %22
})");
}

TEST(ProgramAllocation, Sequences) {
  expect_none(R"(graph(%x: f64[5,5]) {
  %1: i64[] = constant() {value = i64[] 5}
  %2: i64[] = constant() {value = i64[] 0}
  %3: i64[] = constant() {value = i64[] 1}
  %4: f64[5,5] = eye(%1, %1, %2) {dtype = f64}
  %5: f64[5] = arange(%2, %1, %3) {dtype = f64}
  %6: f64[5,5] = add(%x, %4)
  return %5, %6
})");
}

TEST(ProgramAllocation, BlocksOfRows) {
  const std::string text = R"(graph(%X: f64[100,3], %b: f64[3], %t: f64[5], %g: i64[100], %W: f64[3,4]) {
  %5: f64[100] = matvec(%X, %b)
  %6: f64[100] = gather(%t, %g) {axes = [0]}
  %7: f64[100] = add(%5, %6)
  %8: f64[3] = matvec(%X, %7) {trans_a = true}
  %9: f64[100,4] = matmul(%X, %W)
  %10: f64[100,4] = tanh(%9)
  %11: f64[4] = reduce_sum(%10) {axes = [0], dtype = f64}
  return %7, %8, %11
})";
  const PrepareOptions options{.cache_bytes = 2400, .block_bytes = 1};
  ASSERT_NE(kernels_of(prepare(parse_graph(text), options)).find("row_blocks"), std::string::npos);
  expect_none(text, options);
}

}  // namespace
}  // namespace gemmule

#endif
