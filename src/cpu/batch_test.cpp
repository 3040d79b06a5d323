// Graphs for many chains against the graph for one, chain by chain, on the native executor.
#include "passes/batch.h"

#include "cpu/program_case.h"
#include "ir/error.h"
#include "ir/verify.h"
#include "passes/pipeline.h"
#include "plan/random_graph.h"
#include "plan/specialise.h"

namespace gemmule {
namespace {

// From the graph as the frontend makes it to results.
std::vector<Tensor> computed(const Graph& graph, const std::vector<Tensor>& inputs) {
  std::vector<Type> types;
  std::vector<const Tensor*> values(inputs.size(), nullptr);
  for (const Tensor& input : inputs) types.push_back(static_type(input.dtype, input.shape));
  for (const int input : static_value_inputs(graph)) values[input] = &inputs[input];
  return run(CpuProgram(prepare(specialise_unfused(optimise(graph).graph, types, values))), inputs);
}

Tensor row(const Tensor& tensor, std::int64_t index) {
  const std::vector<std::int64_t> shape(tensor.shape.begin() + 1, tensor.shape.end());
  Tensor result = Tensor::zeros(tensor.dtype, shape);
  return Tensor::from_bytes(tensor.dtype, shape,
                            tensor.data.get() + static_cast<std::size_t>(index) * result.bytes());
}

Tensor stacked(const std::vector<Tensor>& rows) {
  std::vector<std::int64_t> shape = rows[0].shape;
  shape.insert(shape.begin(), static_cast<std::int64_t>(rows.size()));
  std::vector<std::byte> bytes;
  for (const Tensor& r : rows) bytes.insert(bytes.end(), r.data.get(), r.data.get() + r.bytes());
  return Tensor::from_bytes(rows[0].dtype, shape, bytes.data());
}

bool is_batched(const BatchOptions& options, int input) {
  return std::find(options.inputs.begin(), options.inputs.end(), input) != options.inputs.end();
}

// `inputs` has the chains as the first axis of those that are batched.
void expect_chain_by_chain(const Graph& graph, const BatchOptions& options,
                           const std::vector<Tensor>& inputs, std::int64_t chains) {
  const Graph many = batched(graph, options);
  verify(many);
  const std::vector<Tensor> found = computed(many, inputs);
  ASSERT_EQ(found.size(), graph.outputs.size());
  for (const Tensor& output : found) ASSERT_EQ(output.shape.at(0), chains);
  for (std::int64_t chain = 0; chain < chains; ++chain) {
    std::vector<Tensor> own;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      own.push_back(is_batched(options, static_cast<int>(i)) ? row(inputs[i], chain) : inputs[i]);
    }
    const std::vector<Tensor> expected = computed(graph, own);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_LT(error_of(expected[i], row(found[i], chain)), tolerance_of(expected[i].dtype))
          << "chain " << chain << ", output " << i << "\n"
          << to_text(graph) << to_text(many);
    }
  }
}

// The graph of `text`, whose sizes are known, for every set of batched inputs, and for one, three
// and any number of chains.
void expect_every_way(const std::string& text, bool special = false) {
  const Graph graph = parse_graph(text);
  const int count = static_cast<int>(graph.inputs.size());
  std::mt19937 random(3);
  for (int set = 1; set < (1 << count); ++set) {
    BatchOptions options;
    for (int i = 0; i < count; ++i) {
      if (set >> i & 1) options.inputs.push_back(i);
    }
    for (const std::int64_t chains : {1, 3}) {
      std::vector<Tensor> inputs;
      for (int i = 0; i < count; ++i) {
        Type type = graph.type(graph.inputs[i]);
        if (is_batched(options, i)) type.shape.insert(type.shape.begin(), Dim::known(chains));
        inputs.push_back(random_tensor(type, random, special));
      }
      for (const bool known : {true, false}) {
        options.chains = known ? std::optional(chains) : std::nullopt;
        expect_chain_by_chain(graph, options, inputs, chains);
        if (testing::Test::HasFatalFailure())
          FAIL() << "set " << set << ", " << chains << " chains, known: " << known;
      }
    }
  }
}

std::string with_matrices(const std::string& body) {
  return "graph(%A: f64[3,4], %B: f64[4,2], %x: f64[4], %y: f64[3], %a: f64[]) {\n" + body + "}\n";
}

TEST(Batch, Products) {
  expect_every_way(with_matrices("  %0: f64[3,2] = matmul(%A, %B)\n  return %0\n"));
  expect_every_way(with_matrices("  %0: f64[3,2] = matmul(%A, %B, %a)\n  return %0\n"));
  expect_every_way(
      "graph(%A: f64[4,3], %B: f64[2,4]) {\n  %0: f64[3,2] = matmul(%A, %B) {trans_a = true, "
      "trans_b = true}\n  return %0\n}");
  expect_every_way(
      "graph(%A: i32[4,3], %B: i32[4,2]) {\n  %0: i32[3,2] = matmul(%A, %B) {trans_a = true}\n  "
      "return %0\n}");
  expect_every_way(
      with_matrices("  %0: f64[3] = matvec(%A, %x)\n  %1: f64[4] = matvec(%A, %y, %a) {trans_a = "
                    "true}\n  return %0, %1\n"));
  expect_every_way(
      with_matrices("  %0: f64[] = dot(%x, %x)\n  %1: f64[3,4] = outer(%y, %x)\n  %2: f64[3,4] = "
                    "outer(%y, %x, %a)\n  return %0, %1, %2\n"));
  expect_every_way(
      "graph(%x: bool[4], %y: bool[4]) {\n  %0: bool[] = dot(%x, %y)\n  %1: bool[4,4] = outer(%x, "
      "%y)\n  return %0, %1\n}");
  expect_every_way(
      "graph(%A: f64[2,3,4], %B: f64[2,4,3], %a: f64[]) {\n  %0: f64[2,3,3] = batched_matmul(%A, "
      "%B, %a)\n  return %0\n}");
}

TEST(Batch, ProductsWithAddends) {
  expect_every_way(
      "graph(%a: f64[], %A: f64[3,4], %B: f64[4,2], %b: f64[], %C: f64[3,2]) {\n  %0: f64[3,2] = "
      "gemm(%a, %A, %B, %b, %C)\n  return %0\n}");
  expect_every_way(
      "graph(%a: f64[], %A: f64[4,3], %x: f64[4], %b: f64[], %y: f64[3]) {\n  %0: f64[3] = "
      "gemv(%a, %A, %x, %b, %y) {trans_a = true}\n  return %0\n}");
  expect_every_way(
      "graph(%a: f64[], %x: f64[3], %y: f64[2], %A: f64[3,2]) {\n  %0: f64[3,2] = ger(%a, %x, %y, "
      "%A)\n  return %0\n}");
  expect_every_way(
      "graph(%a: f64[], %A: f64[2,3,4], %B: f64[2,4,2], %b: f64[], %C: f64[2,3,2]) {\n  %0: "
      "f64[2,3,2] = batched_gemm(%a, %A, %B, %b, %C)\n  return %0\n}");
}

TEST(Batch, ElementwiseOpsAlignRanks) {
  expect_every_way(R"(graph(%x: f64[3,4], %r: f64[1,4], %a: f64[], %c: bool[3,1]) {
  %0: f64[3,4] = add(%x, %r)
  %1: f64[3,4] = multiply(%a, %0)
  %2: f64[3,4] = where(%c, %1, %a)
  %3: f64[1,4] = clip(%r, %a, %a)
  %4: f64[3,4] = hyp2f1(%a, %a, %a, %2)
  return %2, %3, %a
})");
}

TEST(Batch, Reductions) {
  expect_every_way(R"(graph(%x: f64[3,2,4]) {
  %0: f64[2] = reduce_sum(%x) {axes = [0,-1]}
  %1: f64[3,4] = reduce_max(%x) {axes = [1]}
  %2: i64[3] = argmin(%x) {axes = [1,2]}
  %3: f64[3,2,4] = cumsum(%x) {axis = -2}
  %4: f64[3,2,4] = sort(%x) {axis = 0}
  %5: i64[3,2,4] = argsort(%x) {axis = -1}
  %6: f64[] = reduce_prod(%x) {axes = [0,1,2]}
  return %0, %1, %2, %3, %4, %5, %6
})",
                   true);
}

TEST(Batch, Views) {
  expect_every_way(R"(graph(%x: f64[3,4], %y: f64[2], %a: f64[]) {
  %0: i64[] = constant() {value = i64[] -1}
  %1: i64[] = constant() {value = i64[] 2}
  %2: i64[] = constant() {value = i64[] 9223372036854775807}
  %3: i64[] = constant() {value = i64[] -2}
  %4: i64[] = constant() {value = i64[] 5}
  %t: f64[4,3] = transpose(%x) {perm = [1,-2]}
  %r: f64[2,6] = reshape(%x, %1, %0)
  %e: f64[3,1,4,1] = expand_dims(%x) {axes = [1,-1]}
  %s: f64[3,4] = squeeze(%e) {axes = [-1,1]}
  %l: f64[3,1] = slice(%s, %0, %3, %0) {axes = [-1]}
  %d: f64[2] = diagonal(%x) {offset = -1}
  %b: f64[5,2] = broadcast_to(%y, %4, %1)
  %n: f64[2] = broadcast_to(%a, %1)
  %c: f64[4] = concatenate(%n, %y) {axis = -1}
  %k: f64[2] = stack(%a, %a) {dtype = f64}
  %z: f64[3,4] = copy(%x)
  %i: i64[] = dim(%x) {axis = -1}
  return %t, %r, %e, %l, %d, %b, %c, %k, %z, %i
})");
}

TEST(Batch, Updates) {
  expect_every_way(R"(graph(%x: f64[3,4], %y: f64[2], %a: f64[]) {
  %0: i64[] = constant() {value = i64[] 0}
  %1: i64[] = constant() {value = i64[] 2}
  %2: i64[] = constant() {value = i64[] 1}
  %s: f64[3,4] = slice_set(%x, %y, %0, %1, %2) {axes = [1]}
  %t: f64[3,4] = slice_add(%s, %a, %0, %1, %2) {axes = [0]}
  return %s, %t
})");
}

TEST(Batch, Indices) {
  expect_every_way(R"(graph(%x: f64[2,3,3,2], %i: i64[4], %j: i64[5,1]) {
  %0: f64[2,5,4,2] = gather(%x, %i, %j) {axes = [1,2]}
  %1: f64[4,3,3,2] = gather(%x, %i) {axes = [0]}
  %2: f64[2,3,5,1,2] = gather(%x, %j) {axes = [-2]}
  return %0, %2
})");
  expect_every_way(R"(graph(%x: f64[2,3,3], %y: f64[4,3], %i: i64[4], %a: f64[]) {
  %0: f64[2,3,3] = scatter_add(%x, %y, %i) {axes = [1]}
  %1: f64[2,3,3] = scatter_set(%0, %a, %i, %i) {axes = [1,2]}
  return %0, %1
})");
  expect_every_way(R"(graph(%s: f64[6], %v: f64[2,3]) {
  %t: f64[6] = sort(%s) {axis = 0}
  %0: i64[2,3] = searchsorted(%t, %v) {right = true}
  return %0
})");
}

TEST(Batch, LinearAlgebra) {
  expect_every_way(R"(graph(%A: f64[3,3], %b: f64[3,2]) {
  %t: f64[3,3] = matmul(%A, %A) {trans_b = true}
  %0: i64[] = constant() {value = i64[] 0}
  %3: i64[] = constant() {value = i64[] 3}
  %i: f64[3,3] = eye(%3, %3, %0) {dtype = f64}
  %p: f64[3,3] = add(%t, %i)
  %l: f64[3,3] = cholesky(%p) {lower = true}
  %x: f64[3,2] = solve_triangular(%l, %b) {lower = true}
  %y: f64[3,2] = solve(%p, %b)
  %s: f64[], %d: f64[] = slogdet(%p)
  %v: f64[3,3] = inv(%p)
  %w: f64[3], %u: f64[3,3] = eigh(%p) {lower = true}
  %m: f64[3,3] = expm(%A)
  return %l, %x, %y, %s, %d, %v, %w, %m
})");
}

TEST(Batch, WhatHasNoRuleRunsChainByChain) {
  expect_every_way(R"(graph(%x: i64[6], %y: f64[2,3], %d: f64[4]) {
  %u: i64[6], %f: i64[6], %i: i64[6], %c: i64[6], %n: i64[] = unique(%x)
  %p: i64[2,6], %m: i64[] = nonzero(%y)
  return %u, %i, %c, %n, %p, %m
})");
}

TEST(Batch, Choices) {
  expect_every_way(R"(graph(%c: bool[], %x: f64[3], %y: f64[3]) {
  %0: f64[3] = choose_branch(%c, %x, %y)
  return %0
})");
}

TEST(Batch, Loops) {
  // A walk whose steps differ between chains, and a counter that does not; the counter decides
  // which element is read.
  expect_every_way(R"(graph(%x: f64[1,2], %s: f64[4,2], %c: f64[2], %z: i64[1]) {
  %n: i64[] = constant() {value = i64[] 4}
  %m: i64[] = constant() {value = i64[] 5}
  %k: i64[] = constant() {value = i64[] 2}
  %t: f64[5,2] = broadcast_to(%x, %m, %k)
  %r: f64[5,2], %i: i64[1], %o: f64[4] = scan(%n, %s, %t, %z, %n, %c) {sequences = 1, states = "trace 0 -> 1; update 0 -> 0; output -> 0", body = graph(%e: f64[2], %p: f64[2], %j: i64[], %q: f64[2]) {
    %1: f64[2] = multiply(%p, %q)
    %2: f64[2] = add(%1, %e)
    %3: i64[] = constant() {value = i64[] 1}
    %4: i64[] = add(%j, %3)
    %5: f64[] = dot(%2, %q)
    return %2, %4, %5
  }}
  return %r, %i, %o
})");
  // Chains stop when their own condition says so.
  expect_every_way(R"(graph(%x: f64[5], %l: f64[]) {
  %n: i64[] = constant() {value = i64[] 4}
  %r: f64[5], %i: i64[] = scan(%n, %x, %l) {sequences = 0, states = "trace 0 -> 1", until = true, body = graph(%p: f64[], %q: f64[]) {
    %1: f64[] = constant() {value = f64[] 1}
    %2: f64[] = add(%p, %1)
    %3: bool[] = greater(%2, %q)
    return %2, %3
  }}
  return %r, %i
})");
}

TEST(Batch, LoopsOverScalars) {
  expect_every_way(R"(graph(%n: i64[], %x: f64[3], %c: f64[]) {
  %r: f64[3], %d: bool[3] = scalar_loop(%n, %x, %c) {until = true, body = graph(%p: f64[], %q: f64[]) {
    %1: f64[] = add(%p, %q)
    %2: f64[] = constant() {value = f64[] 2}
    %3: bool[] = greater(%1, %2)
    return %1, %3
  }}
  return %r
})");
}

TEST(Batch, SpecialValuesStayInTheirChain) {
  const Graph graph =
      parse_graph(with_matrices("  %0: f64[3] = matvec(%A, %x)\n  %1: f64[4] = matvec(%A, %0) "
                                "{trans_a = true}\n  return %0, %1\n"));
  std::mt19937 random(5);
  std::vector<Tensor> inputs = random_inputs(graph, random);
  Tensor x = random_tensor(static_type(DType::f64, {3, 4}), random);
  auto* numbers = reinterpret_cast<double*>(const_cast<std::byte*>(x.data.get()));
  numbers[5] = NAN, numbers[8] = INFINITY;
  inputs[2] = x;
  expect_chain_by_chain(graph, {.inputs = {2}, .chains = 3}, inputs, 3);
}

TEST(Batch, NoChains) {
  const Graph graph = parse_graph(with_matrices(R"(  %m: i64[] = constant() {value = i64[] -1}
  %0: f64[3] = matvec(%A, %x)
  %1: f64[12] = reshape(%A, %m)
  %2: f64[3] = reduce_max(%A) {axes = [1]}
  return %0, %1, %2
)"));
  std::mt19937 random(5);
  std::vector<Tensor> inputs = random_inputs(graph, random);
  inputs[0] = Tensor::zeros(DType::f64, {0, 3, 4});
  inputs[2] = Tensor::zeros(DType::f64, {0, 4});
  for (const bool known : {true, false}) {
    const Graph many = batched(
        graph, {.inputs = {0, 2}, .chains = known ? std::optional<std::int64_t>(0) : std::nullopt});
    const std::vector<Tensor> found = computed(many, inputs);
    EXPECT_EQ(found[0].shape, (std::vector<std::int64_t>{0, 3}));
    EXPECT_EQ(found[1].shape, (std::vector<std::int64_t>{0, 12}));
    EXPECT_EQ(found[2].shape, (std::vector<std::int64_t>{0, 3}));
  }
}

TEST(Batch, RandomGraphs) {
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    RandomGraph random(seed, seed % 3 == 0 ? DType::f32 : DType::f64);
    const Graph& graph = random.graph();
    const std::int64_t chains = seed % 4;
    BatchOptions options{.inputs = {},
                         .chains = seed % 2 == 0 ? std::optional(chains) : std::nullopt};
    std::vector<Tensor> inputs = random.inputs(seed % 5 == 0);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (random.random()() % 2 == 0 && !(i + 1 == inputs.size() && options.inputs.empty()))
        continue;
      options.inputs.push_back(static_cast<int>(i));
      std::vector<Tensor> rows;
      for (std::int64_t chain = 0; chain < chains; ++chain)
        rows.push_back(random.inputs(seed % 5 == 0)[i]);
      if (chains > 0) {
        inputs[i] = stacked(rows);
      } else {
        std::vector<std::int64_t> shape = inputs[i].shape;
        shape.insert(shape.begin(), 0);
        inputs[i] = Tensor::zeros(inputs[i].dtype, shape);
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_chain_by_chain(graph, options, inputs, chains))
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace gemmule
