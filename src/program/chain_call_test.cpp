#include "program/chain_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "ir/error.h"
#include "ir/text.h"
#include "passes/batch.h"
#include "passes/pipeline.h"

namespace gemmule {
namespace {

using Failed = ChainCall::Failed;

// The program of `text`, whose inputs are called a, b, ..., with "many" for those that are batched.
// With `checks` the last output says whether they hold.
std::shared_ptr<const LoadedProgram> program_of(const std::string& text,
                                                const std::vector<bool>& batched_inputs,
                                                bool checks = false) {
  const Graph graph = parse_graph(text);
  std::vector<std::string> inputs, outputs;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i)
    inputs.push_back(std::string(1, static_cast<char>('a' + i)));
  const std::size_t count = graph.outputs.size() - (checks ? 1 : 0);
  for (std::size_t i = 0; i < count; ++i) outputs.push_back("out" + std::to_string(i));
  const auto packed = [&](const std::string& name, const Graph& from) {
    PackedFunction function{name, optimise(from).graph, inputs, outputs, {}, {}};
    if (checks) {
      Graph conditions = from;
      conditions.outputs = {from.outputs.back()};
      function.checks = Checks{optimise(conditions).graph, {"x must be positive"}};
    }
    return function;
  };
  auto package = std::make_shared<Package>();
  package->functions.push_back(packed("one", graph));
  BatchOptions options;
  for (std::size_t i = 0; i < batched_inputs.size(); ++i) {
    if (batched_inputs[i]) options.inputs.push_back(static_cast<int>(i));
  }
  if (!options.inputs.empty()) {
    Graph many = batched(graph, options);
    if (checks)
      many.outputs.back() =
          many.add(Op::reduce_all, {many.outputs.back()}, {{"axes", Integers{0}}});
    package->functions.push_back(packed("many", many));
  }
  return std::make_shared<const LoadedProgram>(package);
}

constexpr const char* kInverse = R"(graph(%A: f64[n,n]) {
  %0: f64[n,n] = inv(%A) {raises = true}
  %1: f64[] = reduce_sum(%0) {axes = [0,1]}
  %2: i64[] = dim(%A) {axis = 0}
  %3: i64[] = copy(%2)
  return %1, %0, %3
})";

struct Result {
  std::vector<double> sums, inverses;
  std::vector<std::int64_t> sizes;
};

Result inverted(const ChainCall& call, const std::vector<double>& matrices, bool many) {
  const auto chains = static_cast<std::int64_t>(matrices.size() / 4);
  const std::vector<ArgumentLayout> layouts{
      {DType::f64, many ? Extents{chains, 2, 2} : Extents{2, 2}, {}}};
  Result result{std::vector<double>(chains, 7), std::vector<double>(4 * chains, 7),
                std::vector<std::int64_t>(chains, 7)};
  const void* inputs[] = {matrices.data()};
  void* outputs[] = {result.sums.data(), result.inverses.data(), result.sizes.data()};
  call.run(layouts, inputs, outputs);
  return result;
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing";
}

const std::vector<double> kOne{1, 0, 0, 1}, kSingular{0, 0, 0, 0},
    kThree{1, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 2};

TEST(ChainCall, OneChain) {
  const ChainCall call(program_of(kInverse, {false}), {false}, Failed::raise);
  const Result result = inverted(call, kOne, false);
  EXPECT_EQ(result.sums, std::vector<double>{2});
  EXPECT_EQ(result.inverses, kOne);
  EXPECT_EQ(result.sizes, std::vector<std::int64_t>{2});
  EXPECT_THROW(inverted(call, kSingular, false), LinAlgError);
}

TEST(ChainCall, OutputsForSizes) {
  const ChainCall call(program_of(kInverse, {true}), {true}, Failed::raise);
  const ArgumentLayout layout{DType::f64, {5, 3, 3}, {}};
  const std::vector<Type> types = call.outputs({&layout, 1});
  ASSERT_EQ(types.size(), 3u);
  EXPECT_EQ(types[0], static_type(DType::f64, {5}));
  EXPECT_EQ(types[1], static_type(DType::f64, {5, 3, 3}));
  EXPECT_EQ(types[2], static_type(DType::i64, {5}));
  const ArgumentLayout wrong{DType::f32, {5, 3, 3}, {}};
  EXPECT_THROW(call.outputs({&wrong, 1}), DTypeError);
}

TEST(ChainCall, AChainIsRejected) {
  const ChainCall one(program_of(kInverse, {false}), {false}, Failed::reject);
  EXPECT_EQ(inverted(one, kSingular, false).sums, std::vector<double>{-INFINITY});
  const ChainCall many(program_of(kInverse, {true}), {true}, Failed::reject);
  const Result result = inverted(many, kThree, true);
  EXPECT_EQ(result.sums, (std::vector<double>{2, -INFINITY, 1}));
  EXPECT_EQ(result.inverses, (std::vector<double>{1, 0, 0, 1, 0, 0, 0, 0, 0.5, 0, 0, 0.5}));
  EXPECT_EQ(result.sizes, (std::vector<std::int64_t>{2, 0, 2}));
}

TEST(ChainCall, AnErrorNamesTheChain) {
  const ChainCall many(program_of(kInverse, {true}), {true}, Failed::raise);
  EXPECT_THAT(error_of([&] { inverted(many, kThree, true); }), testing::EndsWith(" (chain 1)"));
  const ChainCall checked(program_of(R"(graph(%x: f64[]) {
  %0: f64[] = constant() {value = f64[] 0}
  %1: bool[] = greater(%x, %0)
  %2: f64[] = log(%x)
  return %2, %1
})",
                                     {true}, true),
                          {true}, Failed::raise);
  const std::vector<ArgumentLayout> layouts{{DType::f64, {3}, {}}};
  const double x[] = {1, 2, -3};
  double y[3];
  const void* inputs[] = {x};
  void* outputs[] = {y};
  EXPECT_EQ(error_of([&] { checked.run(layouts, inputs, outputs); }),
            "x must be positive (chain 2)");
}

TEST(ChainCall, Errors) {
  EXPECT_EQ(error_of([] { ChainCall(program_of(kInverse, {false}), {}, Failed::raise); }),
            "the function takes 1 inputs, 0 are described");
  EXPECT_NE(error_of([] { ChainCall(program_of(kInverse, {false}), {true}, Failed::raise); }),
            "nothing");
  EXPECT_EQ(error_of([] {
              ChainCall(
                  program_of("graph(%n: i64[]) {\n  %0: i64[] = constant() {value = i64[] 0}\n  "
                             "%1: i64[] = constant() {value = i64[] 1}\n"
                             "  %2: i64[s] = arange(%0, %n, %1) {dtype = i64}\n  return %2\n}",
                             {false}),
                  {false}, Failed::raise);
            }),
            "a size is made of the value of an input");
}

TEST(RejectFailed, OneChain) {
  Graph graph = parse_graph("graph(%x: f64[], %y: f64[n], %c: bool[]) {\n  return %x, %y, %c\n}");
  reject_failed(graph);
  EXPECT_EQ(to_text(graph), R"(graph(%x: f64[], %y: f64[n], %c: bool[]) {
  %3: f64[] = constant() {value = f64[] -inf}
  %4: f64[] = where(%c, %x, %3)
  %5: f64[] = constant() {value = f64[] 0}
  %6: f64[n] = where(%c, %y, %5)
  return %4, %6, %c
}
)");
}

}  // namespace
}  // namespace gemmule
