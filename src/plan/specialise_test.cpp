#include "plan/specialise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/text.h"
#include "plan/evaluate.h"

namespace gemmule {
namespace {

Graph specialised(const std::string& text, const std::vector<std::vector<std::int64_t>>& shapes,
                  std::vector<const Tensor*> values = {}) {
  const Graph graph = parse_graph(text);
  std::vector<Type> types;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    types.push_back(static_type(graph.type(graph.inputs[i]).dtype, shapes[i]));
  }
  values.resize(shapes.size(), nullptr);
  return specialise(graph, types, values);
}

template <class Error>
std::string error_of(const std::string& text, const std::vector<std::vector<std::int64_t>>& shapes) {
  try {
    specialised(text, shapes);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Specialise, FoldsWhatFollowsFromShapes) {
  const Graph graph = specialised(R"(graph(%x: f64[n]) {
  %d: i64[] = dim(%x) {axis = 0}
  %z: i64[] = constant() {value = i64[] 0}
  %o: i64[] = constant() {value = i64[] 1}
  %r: i64[n] = arange(%z, %d, %o) {dtype = i64}
  %f: f64[n] = cast(%r) {dtype = f64}
  %s: f64[n] = add(%f, %x)
  return %s
})",
                                  {{3}});
  EXPECT_EQ(to_text(graph), R"(graph(%x: f64[3]) {
  %1: f64[3] = constant() {value = f64[3] 0 1 2}
  %2: f64[3] = add(%1, %x)
  return %2
}
)");
}

TEST(Specialise, FoldsInsideFusedChains) {
  const Graph graph = specialised(R"(graph(%x: f64[n]) {
  %d: i64[] = dim(%x) {axis = 0}
  %f: f64[n] = fused(%x, %d) {body = graph(%x: f64[], %d: i64[]) {
    %c: f64[] = cast(%d) {dtype = f64}
    %l: f64[] = log(%c)
    %e: f64[] = exp(%x)
    %s: f64[] = subtract(%e, %l)
    return %s
  }}
  return %f
})",
                                  {{1}});
  EXPECT_EQ(to_text(graph), R"(graph(%x: f64[1]) {
  %1: f64[1] = fused(%x) {body = graph(%0: f64[]) {
    %1: f64[] = exp(%0)
    %2: f64[] = constant() {value = f64[] 0}
    %3: f64[] = subtract(%1, %2)
    return %3
  }}
  return %1
}
)");
}

TEST(Specialise, SizesGivenAsArgumentsAreReadFromThem) {
  const std::string text = R"(graph(%x: f64[], %n: i64[]) {
  %o: i64[] = constant() {value = i64[] 1}
  %m: i64[] = add(%n, %o)
  %b: f64[q] = broadcast_to(%x, %m)
  return %b
})";
  EXPECT_EQ(static_value_inputs(parse_graph(text)), std::vector<int>{1});
  const Tensor n = Tensor::scalar(DType::i64, 4);
  const Graph graph = specialised(text, {{}, {}}, {nullptr, &n});
  EXPECT_EQ(to_text(graph.type(graph.outputs[0])), "f64[5]");
  EXPECT_THAT(error_of<UnsupportedError>(text, {{}, {}}), testing::HasSubstr("[broadcast_to] the size of the result"));
}

TEST(Specialise, ArgumentsAreChecked) {
  const std::string text = "graph(%A: f64[n,3]) {\n  return %A\n}";
  EXPECT_EQ(error_of<ShapeError>(text, {{3}}),
            "[call] input 0 \"A\" is f64[3], the graph declares f64[n,3]: the number of dimensions differs");
  EXPECT_EQ(error_of<ShapeError>(text, {{2, 4}}),
            "[call] input 0 \"A\" is f64[2,4], the graph declares f64[n,3]: sizes of axis 1 differ");
}

TEST(Specialise, RuntimeOnesAreNotStretched) {
  const std::string text = "graph(%x: f64[n]) {\n  %k: i64[] = constant() {value = i64[] 3}\n"
                           "  %y: f64[3] = broadcast_to(%x, %k)\n  return %y\n}";
  EXPECT_EQ(error_of<ShapeError>(text, {{1}}),
            "[broadcast_to] x is f64[1], the result f64[3]: runtime broadcasting is not allowed; "
            "declare the axis as broadcastable");
}

TEST(Specialise, RuntimeOnesDoNotBroadcast) {
  const std::string text = "graph(%x: f64[n], %y: f64[m]) {\n  %s: f64[n] = add(%x, %y)\n  return %s\n}";
  EXPECT_EQ(error_of<ShapeError>(text, {{1}, {3}}),
            "[add] operand 0 is f64[1] and axis 0 of another operand has size 3: runtime broadcasting is not allowed; "
            "declare the axis as broadcastable");
  EXPECT_EQ(error_of<ShapeError>(text, {{0}, {1}}),
            "[add] operand 1 is f64[1] and axis 0 of another operand has size 0: runtime broadcasting is not allowed; "
            "declare the axis as broadcastable");
  EXPECT_EQ(error_of<ShapeError>(text, {{1}, {1}}), "no error");
}

TEST(Specialise, ProductsAreCheckedAgain) {
  const std::string text = R"(graph(%a: f64[], %A: f64[m,k], %B: f64[l,n], %C: f64[p,n]) {
  %s: f64[m,n] = gemm(%a, %A, %B, %a, %C) {origin = "mu"}
  return %s
})";
  EXPECT_EQ(error_of<ShapeError>(text, {{}, {2, 3}, {4, 5}, {2, 5}}),
            "[gemm] A is f64[2,3], B is f64[4,5]: inner dimensions 3 and 4 differ (node \"mu\")");
  EXPECT_EQ(error_of<ShapeError>(text, {{}, {2, 3}, {3, 5}, {1, 5}}),
            "[gemm] C is f64[1,5], the product is f64[2,5]: shapes must be equal (node \"mu\")");
}

TEST(Evaluate, ProductsAndViews) {
  const Graph graph = parse_graph(R"(graph(%A: f64[2,3]) {
  %t: f64[3,2] = transpose(%A) {perm = [1,0]}
  %p: f64[2,2] = matmul(%A, %t)
  %d: f64[2] = diagonal(%p)
  %s: f64[] = reduce_sum(%d) {axes = [0], dtype = f64}
  return %s
})");
  const double values[] = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(evaluate(graph, {Tensor::from_bytes(DType::f64, {2, 3}, values)})[0].at<double>(0), 91);
}

TEST(Evaluate, IntegerProductsAreExact) {
  const Graph graph = parse_graph("graph(%A: i64[1,2], %B: i64[2,1]) {\n  %p: i64[1,1] = matmul(%A, %B)\n  return %p\n}");
  const std::int64_t a[] = {(std::int64_t{1} << 53) + 1, 1}, b[] = {1, 2};
  EXPECT_EQ(evaluate(graph, {Tensor::from_bytes(DType::i64, {1, 2}, a), Tensor::from_bytes(DType::i64, {2, 1}, b)})[0]
                .at<std::int64_t>(0),
            (std::int64_t{1} << 53) + 3);
}

}  // namespace
}  // namespace gemmule
