#include "cpu/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <utility>
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
  static const std::set<Op> ops{Op::fused, Op::row_blocks, Op::dim};
  return !evaluates(op) || ops.contains(op);
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
        evaluate(draw->graph, draw->inputs);
      } catch (const std::exception&) {  // it has no meaning for the dtype
        EXPECT_THROW(CpuProgram(draw->graph), UnsupportedError) << to_text(draw->graph);
        continue;
      }
      expect_evaluated(draw->graph, draw->inputs, layouts);
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

// -- LAPACK ------------------------------------------------------------------------------------------

// Programs over A (Hermitian, positive definite), B and G (any); their results are residuals.
struct Identity {
  const char* name;
  std::string body;
};

// Types are written as letters: M for [2,m,m], B for [2,m,3], T for the dtype, U for its real one.
std::vector<Identity> identities() {
  return {
      {"cholesky_lower", R"(  %3: M = cholesky(%A) {lower = true}
  %4: M = conj(%3)
  %5: M = batched_matmul(%3, %4) {trans_b = true}
  %6: M = subtract(%5, %A)
)"},
      {"cholesky_upper", R"(  %3: M = cholesky(%A) {lower = false}
  %4: M = conj(%3)
  %5: M = batched_matmul(%4, %3) {trans_a = true}
  %6: M = subtract(%5, %A)
)"},
      {"solve", R"(  %3: B = solve(%G, %B)
  %4: B = batched_matmul(%G, %3)
  %6: B = subtract(%4, %B)
)"},
      {"solve_triangular", R"(  %3: M = cholesky(%A) {lower = true}
  %4: B = solve_triangular(%3, %B) {lower = true, trans = 0, unit_diagonal = false}
  %5: B = batched_matmul(%3, %4)
  %6: B = subtract(%5, %B)
)"},
      {"solve_triangular_adjoint", R"(  %3: M = cholesky(%A) {lower = true}
  %4: B = solve_triangular(%3, %B) {lower = true, trans = 2, unit_diagonal = false}
  %5: M = conj(%3)
  %7: B = batched_matmul(%5, %4) {trans_a = true}
  %6: B = subtract(%7, %B)
)"},
      {"inv", R"(  %3: M = inv(%G)
  %4: M = batched_matmul(%3, %G)
  %5: M = batched_matmul(%4, %A)
  %6: M = subtract(%5, %A)
)"},
      {"eigh", R"(  %3: R, %4: M = eigh(%A) {lower = true}
  %5: D = expand_dims(%3) {axes = [1]}
  %7: D2 = cast(%5) {dtype = T}
  %8: M = multiply(%4, %7)
  %9: M = batched_matmul(%A, %4)
  %6: M = subtract(%9, %8)
)"},
      {"slogdet", R"(  %3: S, %4: L = slogdet(%A)
  %5: R, %7: M = eigh(%A) {lower = true}
  %8: R = log(%5)
  %9: L = reduce_sum(%8) {axes = [1], dtype = U}
  %10: L = subtract(%9, %4)
  %11: S = cast(%10) {dtype = T}
  %12: U[] = constant() {value = U[] 1}
  %14: T[] = cast(%12) {dtype = T}
  %13: S = subtract(%3, %14)
  %6: S = add(%11, %13)
)"},
  };
}

std::string replaced(std::string text, const std::vector<std::pair<std::string, std::string>>& words) {
  for (const auto& [from, to] : words) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

TEST(CpuProgram, LapackIdentities) {
  std::mt19937 random(5);
  for (const DType dtype : {DType::f32, DType::f64, DType::c64, DType::c128}) {
    for (const std::int64_t m : {0, 1, 2, 3, 10, 40}) {
      const std::string t(name(dtype)), u(name(real_part(dtype))), n = std::to_string(m);
      const Type matrix = static_type(dtype, {2, m, m}), tall = static_type(dtype, {2, m, 3});
      Tensor g = random_tensor(matrix, random);
      const Tensor b = random_tensor(tall, random);
      // G + 10 I, and G G^H + m I.
      const std::string shift = replaced(R"(graph(%G: M) {
  %1: i64[] = constant() {value = i64[] N}
  %2: i64[] = constant() {value = i64[] 0}
  %3: T[N,N] = eye(%1, %1, %2) {dtype = T}
  %4: T[1,N,N] = expand_dims(%3) {axes = [0]}
  %5: U[] = constant() {value = U[] 10}
  %11: T[] = cast(%5) {dtype = T}
  %6: T[1,N,N] = multiply(%11, %4)
  %7: M = add(%G, %6)
  %8: M = conj(%G)
  %9: M = batched_matmul(%G, %8) {trans_b = true}
  %10: M = add(%9, %6)
  return %7, %10
})",
                                          {{"M", t + "[2," + n + "," + n + "]"}, {"N", n}, {"T", t}, {"U", u}});
      const std::vector<Tensor> made = run(shift, {g});
      for (const Identity& identity : identities()) {
        std::string text = "graph(%A: M, %B: B, %G: M) {\n" + identity.body + "  return %6\n}";
        text = replaced(text, {{": M", ": " + t + "[2," + n + "," + n + "]"},
                               {": B", ": " + t + "[2," + n + ",3]"},
                               {": D2", ": " + t + "[2,1," + n + "]"},
                               {": D", ": " + u + "[2,1," + n + "]"},
                               {": R", ": " + u + "[2," + n + "]"},
                               {": S", ": " + t + "[2]"},
                               {": L", ": " + u + "[2]"},
                               {"dtype = T", "dtype = " + t},
                               {"dtype = U", "dtype = " + u},
                               {"T[]", t + "[]"},
                               {"U[]", u + "[]"}});
        for (const kernels::Layout layout :
             {kernels::Layout::row_major, kernels::Layout::permuted, kernels::Layout::reversed}) {
          PlanOptions options;
          std::vector<kernels::TestArray> arrays;
          for (const Tensor& input : {made[1], b, made[0]}) arrays.push_back(laid_out(input, layout));
          std::vector<const void*> addresses;
          for (const kernels::TestArray& array : arrays) {
            addresses.push_back(array.view().data);
            options.input_strides.push_back(array.view().strides);
          }
          const CpuProgram program(parse_graph(text), options);
          for (int round = 0; round < 2; ++round) {
            const Tensor residual = run(program, addresses)[0];
            const Tensor zero = Tensor::zeros(residual.dtype, residual.shape);
            EXPECT_LT(error_of(zero, residual), real_part(dtype) == DType::f64 ? 1e-11 : 1e-2)
                << identity.name << " " << t << " m=" << m;
          }
        }
      }
    }
  }
}

TEST(CpuProgram, SortsAsNumPy) {
  const Tensor x = Tensor::from_bytes(DType::f64, {2, 3}, std::array{3.0, double(NAN), -1.0, 2.0, 2.0, 1.0}.data());
  const std::vector<Tensor> sorted = run(R"(graph(%x: f64[2,3]) {
  %1: f64[2,3] = sort(%x) {axis = 1}
  %2: i64[2,3] = argsort(%x) {axis = 1}
  %3: f64[2,3] = sort(%x) {axis = 0}
  return %1, %2, %3
})",
                                         {x});
  EXPECT_EQ(error_of(sorted[0], Tensor::from_bytes(DType::f64, {2, 3},
                                                   std::array{-1.0, 3.0, double(NAN), 1.0, 2.0, 2.0}.data())),
            0);
  Tensor order = Tensor::integers({2, 0, 1, 2, 0, 1});
  order.shape = {2, 3};
  EXPECT_TRUE(sorted[1].same_bits(order));
  EXPECT_EQ(error_of(sorted[2], Tensor::from_bytes(DType::f64, {2, 3},
                                                   std::array{2.0, 2.0, -1.0, 3.0, double(NAN), 1.0}.data())),
            0);
}

// -- indices -----------------------------------------------------------------------------------------

std::string error_of_run(const CpuProgram& program, const std::vector<Tensor>& inputs) {
  try {
    run(program, inputs);
  } catch (const IndexError& error) {
    return error.what();
  }
  return "";
}

TEST(CpuProgram, SaysWhichIndexIsOutOfBounds) {
  const std::string heads[] = {
      R"(graph(%x: f64[3,2], %i: i64[2]) {
  %2: f64[2,2] = gather(%x, %i) {axes = [0]}
  return %2
})",
      R"(graph(%x: f64[3,2], %i: i64[2]) {
  %2: f64[] = constant() {value = f64[] 1}
  %3: f64[3,2] = scatter_add(%x, %2, %i) {axes = [0]}
  return %3
})",
      R"(graph(%x: f64[3,2], %i: i64[2]) {
  %2: f64[] = constant() {value = f64[] 1}
  %3: f64[3,2] = scatter_set(%x, %2, %i) {axes = [0]}
  return %3
})"};
  std::mt19937 random(1);
  for (const std::string& text : heads) {
    const Graph graph = parse_graph(text);
    const CpuProgram program(prepare(graph));
    const Tensor x = random_tensor(graph.type(0), random);
    const std::vector<Tensor> good{x, Tensor::integers({2, -3})};
    const std::vector<Tensor> expected = evaluate(graph, good);
    expect_close(expected, run(program, good), graph);
    EXPECT_EQ(error_of_run(program, {x, Tensor::integers({0, 3})}),
              "index 3 is out of bounds for axis 0 with size 3");
    EXPECT_EQ(error_of_run(program, {x, Tensor::integers({-4, 0})}),
              "index -4 is out of bounds for axis 0 with size 3");
    expect_close(expected, run(program, good), graph);
  }
}

TEST(CpuProgram, ConstantIndicesOutOfBoundsRaiseInTheCall) {
  const CpuProgram program(prepare(parse_graph(R"(graph(%x: f64[3]) {
  %1: i64[2] = constant() {value = i64[2] 0 5}
  %2: f64[2] = gather(%x, %1) {axes = [0]}
  return %2
})")));
  EXPECT_EQ(error_of_run(program, {Tensor::zeros(DType::f64, {3})}), "index 5 is out of bounds for axis 0 with size 3");
  const CpuProgram folded(prepare(parse_graph(R"(graph() {
  %0: f64[3] = constant() {value = f64[3] 1 2 3}
  %1: i64[2] = constant() {value = i64[2] 0 5}
  %2: f64[2] = gather(%0, %1) {axes = [0]}
  return %2
})")));
  EXPECT_EQ(error_of_run(folded, {}), "index 5 is out of bounds for axis 0 with size 3");
}

TEST(CpuProgram, ErrorsInBlocksOfRowsLeaveTheProgramUsable) {
  const Graph graph = parse_graph(R"(graph(%X: f64[100,3], %b: f64[3], %t: f64[5], %g: i64[100]) {
  %4: f64[100] = matvec(%X, %b)
  %5: f64[100] = gather(%t, %g) {axes = [0]}
  %6: f64[100] = add(%4, %5)
  %7: f64[3] = matvec(%X, %6) {trans_a = true}
  return %7
})");
  const Graph prepared = prepare(graph, {.cache_bytes = 2400, .block_bytes = 1});
  ASSERT_THAT(kernels_of(prepared), testing::HasSubstr("row_blocks"));
  const CpuProgram program(prepared);
  std::mt19937 random(2);
  std::vector<Tensor> inputs = random_inputs(graph, random);
  Integers rows(100, 4);
  const std::vector<Tensor> expected = evaluate(graph, inputs);
  expect_close(expected, run(program, inputs), graph);
  rows[70] = 5;
  EXPECT_EQ(error_of_run(program, {inputs[0], inputs[1], inputs[2], Tensor::integers(rows)}),
            "index 5 is out of bounds for axis 0 with size 5");
  expect_close(expected, run(program, inputs), graph);
}

// -- in place ----------------------------------------------------------------------------------------

// Each output of a random graph in the memory of an input where the plan says so.
TEST(CpuProgram, TakesOverInputs) {
  int taken = 0;
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    RandomGraph draw(seed, DType::f64);
    PlanOptions options;
    for (int i = 0; i < static_cast<int>(draw.graph().inputs.size()); ++i) options.donatable.push_back(i);
    const CpuProgram program(seed % 2 == 0 ? draw.graph() : prepare(draw.graph()), options);
    const std::vector<Tensor> inputs = draw.inputs();
    const std::vector<Tensor> expected = evaluate(draw.graph(), inputs);
    std::vector<Tensor> copies, outputs;
    std::vector<void*> in, out;
    for (const Tensor& input : inputs) {
      copies.push_back(Tensor::from_bytes(input.dtype, input.shape, input.data.get()));
      in.push_back(const_cast<std::byte*>(copies.back().data.get()));
    }
    for (const Layout& output : program.plan().outputs) {
      outputs.push_back(Tensor::zeros(output.dtype, output.shape));
      out.push_back(const_cast<std::byte*>(outputs.back().data.get()));
    }
    for (const TakeOver& take_over : program.plan().take_overs) {
      outputs[take_over.output] = copies[take_over.input];
      out[take_over.output] = in[take_over.input];
      ++taken;
    }
    program.run(in.data(), out.data());
    expect_close(expected, outputs, program.graph(), 1e-10);
    if (HasFatalFailure()) FAIL() << "seed " << seed << "\n" << to_text(program.plan());
  }
  EXPECT_GT(taken, 1000);
}

TEST(CpuProgram, UpdatesC) {
  std::mt19937 random(4);
  for (const std::int64_t n : {1, 3, 20, 100}) {
    const std::string m = std::to_string(n);
    const Graph graph = parse_graph(replaced(R"(graph(%C: f64[N,N], %a: f64[], %A: f64[N,N], %B: f64[N,N]) {
  %4: f64[] = constant() {value = f64[] 1}
  %5: f64[N,N] = gemm(%a, %A, %B, %4, %C)
  return %5
})",
                                             {{"N", m}}));
    const CpuProgram program(prepare(graph), {.donatable = {0}});
    ASSERT_EQ(program.plan().take_overs.size(), 1u);
    std::vector<Tensor> inputs = random_inputs(graph, random);
    for (int round = 0; round < 3; ++round) {
      const std::vector<Tensor> expected = evaluate(graph, inputs);
      std::vector<const void*> in;
      for (const Tensor& input : inputs) in.push_back(input.data.get());
      void* const out[] = {const_cast<void*>(in[0])};
      program.run(in.data(), out);
      expect_close(expected, {inputs[0]}, graph);
      inputs[0] = Tensor::from_bytes(inputs[0].dtype, inputs[0].shape, inputs[0].data.get());
    }
  }
}

// -- blocks of rows ----------------------------------------------------------------------------------

TEST(CpuProgram, RowsInBlocksOfEverySize) {
  std::mt19937 random(6);
  const std::string by_rows = R"(graph(%X: f64[N,3], %b: f64[3], %y: f64[N], %W: f64[3,4], %g: i64[N], %t: f64[5]) {
  %6: f64[N] = matvec(%X, %b)
  %7: f64[N] = gather(%t, %g) {axes = [0]}
  %8: f64[N] = add(%6, %7)
  %9: f64[N] = subtract(%y, %8)
  %10: f64[N] = square(%9)
  %11: f64[] = reduce_sum(%10) {axes = [0], dtype = f64}
  %12: f64[3] = matvec(%X, %9) {trans_a = true}
  %13: f64[N,4] = matmul(%X, %W)
  %14: f64[N,4] = tanh(%13)
  %15: f64[4] = reduce_sum(%14) {axes = [0], dtype = f64}
  return %9, %11, %12, %14, %15
})";
  // The same matrix by columns: results are cut along axis 1.
  const std::string by_columns = R"(graph(%X: f64[3,N], %b: f64[3], %y: f64[N], %W: f64[3,4]) {
  %4: f64[N] = matvec(%X, %b) {trans_a = true}
  %5: f64[N] = subtract(%y, %4)
  %6: f64[3] = matvec(%X, %5)
  %7: f64[4,N] = matmul(%W, %X) {trans_a = true}
  %8: f64[4,N] = tanh(%7)
  %9: f64[3,4] = matmul(%X, %8) {trans_b = true}
  return %5, %6, %8, %9
})";
  int blocks = 0;
  for (const std::string& text : {by_rows, by_columns}) {
    for (const std::int64_t rows : {0, 1, 16, 17, 32, 33, 100}) {
      const Graph graph = parse_graph(replaced(text, {{"N", std::to_string(rows)}}));
      for (const std::size_t block_bytes : {1, 480, 1000, 1 << 20}) {
        const Graph prepared = 
            prepare(graph, {.cache_bytes = static_cast<std::size_t>(24 * rows), .block_bytes = block_bytes});
        blocks += kernels_of(prepared).find("row_blocks") != std::string::npos;
        const std::vector<Tensor> inputs = random_inputs(graph, random);
        const std::vector<Tensor> expected = evaluate(graph, inputs);
        expect_close(expected, run(CpuProgram(prepared), inputs), graph);
        for (const kernels::Layout layout : {kernels::Layout::column_major, kernels::Layout::gaps, kernels::Layout::reversed}) {
          expect_evaluated(prepared, inputs, std::vector<kernels::Layout>(inputs.size(), layout));
        }
        if (HasFatalFailure()) FAIL() << to_text(prepared);
      }
    }
  }
  EXPECT_GT(blocks, 20);
}

TEST(CpuProgram, NoRows) {
  const Graph graph = parse_graph(R"(graph(%X: f64[0,3], %b: f64[3], %y: f64[0]) {
  %3: f64[], %4: f64[3], %5: f64[0], %6: f64[3,0] = row_blocks(%X, %b, %y) {body = graph(%X: f64[rows,3], %b: f64[3], %y: f64[rows]) {
    %3: f64[rows] = matvec(%X, %b)
    %4: f64[rows] = subtract(%y, %3)
    %5: f64[] = reduce_sum(%4) {axes = [0], dtype = f64}
    %6: f64[3] = matvec(%X, %4) {trans_a = true}
    %7: f64[3,rows] = transpose(%X) {perm = [1,0]}
    return %5, %6, %4, %7
  }, block = 16, operand_axes = [0,-1,0], result_axes = [-1,-1,0,1]}
  return %3, %4, %5, %6
})");
  std::mt19937 random(8);
  const std::vector<Tensor> inputs = random_inputs(graph, random);
  expect_close(evaluate(graph, inputs), run(CpuProgram(graph), inputs), graph);
}

TEST(CpuProgram, SumsOfIntegersOverBlocks) {
  const Graph graph = parse_graph(R"(graph(%X: f64[100,3], %b: f64[3], %n: i64[100]) {
  %3: f64[100] = matvec(%X, %b)
  %4: f64[3] = matvec(%X, %3) {trans_a = true}
  %5: i64[100] = cast(%3) {dtype = i64}
  %6: i64[100] = multiply(%5, %n)
  %7: i64[] = reduce_sum(%6) {axes = [0], dtype = i64}
  return %4, %7
})");
  std::mt19937 random(7);
  const Graph prepared = prepare(graph, {.cache_bytes = 2400, .block_bytes = 1});
  ASSERT_THAT(kernels_of(prepared), testing::HasSubstr("row_blocks"));
  const std::vector<Tensor> inputs = random_inputs(graph, random);
  expect_close(evaluate(graph, inputs), run(CpuProgram(prepared), inputs), graph);
}

// -- passes that keep every bit -------------------------------------------------------------------------

template <class T>
std::vector<T> special_numbers() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> numbers{T(0), T(-0.0), Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(),
                         Limits::denorm_min(), -Limits::denorm_min(), Limits::min(), -Limits::min(),
                         Limits::max(), Limits::lowest(), Limits::epsilon(), -Limits::epsilon()};
  for (double x = -800; x <= 800; x += 0.37) numbers.push_back(static_cast<T>(x));
  for (double x = 1e-20; x < 1; x *= 3) numbers.insert(numbers.end(), {static_cast<T>(x), static_cast<T>(-x)});
  return numbers;
}

// share: its formulas are those of the functions.
template <class T>
void expect_shared_values(DType dtype) {
  const std::vector<T> numbers = special_numbers<T>();
  const std::string n = std::to_string(numbers.size());
  const std::string type = std::string(name(dtype)) + "[" + n + "]";
  const Graph graph = parse_graph(replaced(R"(graph(%x: T) {
  %1: T = negative(%x)
  %2: T = sigmoid(%x)
  %3: T = sigmoid(%1)
  %4: T = softplus(%x)
  %5: T = softplus(%1)
  return %2, %3, %4, %5
})",
                                           {{"T", type}}));
  const Tensor x = Tensor::from_bytes(dtype, {static_cast<std::int64_t>(numbers.size())}, numbers.data());
  Graph shared = graph;
  share(shared, {});
  ASSERT_EQ(kernels_of(shared).find("sigmoid"), std::string::npos);
  for (const bool fused : {false, true}) {
    Graph before = graph, after = shared;
    if (fused) {
      fuse(before, {});
      fuse(after, {});
    }
    const auto expected = run(CpuProgram(before), {x}), found = run(CpuProgram(after), {x});
    for (std::size_t k = 0; k < expected.size(); ++k) {
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        const T a = expected[k].template at<T>(static_cast<std::int64_t>(i));
        const T b = found[k].template at<T>(static_cast<std::int64_t>(i));
        if (std::isnan(a) && std::isnan(b)) continue;
        EXPECT_EQ(std::memcmp(&a, &b, sizeof(T)), 0)
            << name(dtype) << " function " << k << " of " << numbers[i] << ": " << a << ", shared " << b;
      }
    }
  }
}

TEST(CpuProgram, SharedExponentialsKeepValues) {
  expect_shared_values<float>(DType::f32);
  expect_shared_values<double>(DType::f64);
}

// -- large passes --------------------------------------------------------------------------------------

TEST(CpuProgram, PassesOverTransposedMatrices) {
  std::mt19937 random(9);
  for (const auto& [m, n] : {std::pair(100, 90), std::pair(3000, 3), std::pair(3, 3000), std::pair(700, 20)}) {
    const Graph graph = parse_graph(replaced(R"(graph(%x: f64[N,M], %y: f64[M,N], %r: f64[1,N]) {
  %3: f64[M,N] = transpose(%x) {perm = [1,0]}
  %4: f64[M,N] = multiply(%3, %3)
  %5: f64[M,N] = add(%4, %y)
  %6: f64[N,M] = transpose(%5) {perm = [1,0]}
  %7: f64[N,M] = subtract(%6, %x)
  %8: f64[M,N] = add(%3, %r)
  %9: f64[M,N] = tanh(%8)
  %10: f64[N] = reduce_sum(%9) {axes = [0], dtype = f64}
  %11: f64[M] = reduce_max(%5) {axes = [1]}
  return %5, %7, %10, %11
})",
                                             {{"M", std::to_string(m)}, {"N", std::to_string(n)}}));
    const std::vector<Tensor> inputs = random_inputs(graph, random);
    expect_evaluated(graph, inputs);
    expect_close(evaluate(graph, inputs), run(CpuProgram(prepare(graph)), inputs), graph);
    for (const kernels::Layout layout : {kernels::Layout::column_major, kernels::Layout::gaps, kernels::Layout::reversed}) {
      expect_evaluated(graph, inputs, std::vector<kernels::Layout>(inputs.size(), layout));
      expect_evaluated(prepare(graph), inputs, std::vector<kernels::Layout>(inputs.size(), layout));
    }
  }
}

}  // namespace
}  // namespace gemmule
