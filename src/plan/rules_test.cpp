// Every rule of the pipeline, tested from the list itself: its pattern is built on random inputs, the
// rule is applied, and both graphs are evaluated. A new rule needs nothing here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "ir/error.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/pipeline.h"
#include "plan/evaluate.h"

namespace gemmule {
namespace {

class RandomInstance {
 public:
  // Two sizes an instance: operands fit together often enough.
  explicit RandomInstance(std::uint32_t seed) : random_(seed), sizes_{below(5), below(5)} {}

  std::int64_t below(int n) { return static_cast<std::int64_t>(random_() % static_cast<unsigned>(n)); }
  std::int64_t size() { return sizes_[below(2)]; }

  // An input, or for a matrix also the product of two: some guards ask for one.
  ValueId value(Graph& graph, VariableClass variable_class, DType dtype, const std::string& name) {
    if (variable_class != VariableClass::matrix || below(3) > 0) {
      return graph.add_input(type(variable_class, dtype), name);
    }
    const std::int64_t rows = size(), inner = size(), columns = size();
    const ValueId a = graph.add_input(static_type(dtype, {rows, inner}));
    const ValueId b = graph.add_input(static_type(dtype, {inner, columns}));
    return graph.add(Op::matmul, {a, b});
  }

  Type type(VariableClass variable_class, DType dtype) {
    int rank = 0;
    switch (variable_class) {
      case VariableClass::any: rank = 2 + static_cast<int>(random_() % 2); break;
      case VariableClass::scalar: rank = 0; break;
      case VariableClass::vector: rank = 1; break;
      case VariableClass::matrix: rank = 2; break;
    }
    std::vector<std::int64_t> shape;
    for (int i = 0; i < rank; ++i) shape.push_back(size());
    return static_type(dtype, shape);
  }

  Tensor tensor(const Type& type) {
    Tensor result = Tensor::zeros(type.dtype, static_shape(type));
    std::normal_distribution<double> normal;
    auto* bytes = const_cast<std::byte*>(result.data.get());
    for (std::int64_t i = 0; i < result.count(); ++i) {
      const Tensor element = Tensor::scalar(type.dtype, normal(random_));
      std::memcpy(bytes + i * static_cast<std::int64_t>(size_of(type.dtype)), element.data.get(), size_of(type.dtype));
    }
    return result;
  }

 private:
  std::mt19937 random_;
  std::int64_t sizes_[2];
};

void collect(const Pattern& pattern, std::map<std::string, VariableClass>& classes) {
  if (pattern->kind == PatternKind::variable) classes[pattern->name] = pattern->variable_class;
  for (const Pattern& child : pattern->children) collect(child, classes);
}

// The pattern as a graph over random inputs; nothing when the drawn sizes do not fit together.
std::optional<Graph> instance(const Rule& rule, RandomInstance& random, DType dtype) {
  Graph graph;
  Match match;
  match.graph = &graph;
  match.root = graph.add_input(Type{dtype, {}});
  std::map<std::string, VariableClass> classes;
  collect(rule.pattern, classes);
  for (const auto& [name, variable_class] : classes) {
    match.bindings[name] = random.value(graph, variable_class, dtype, name);
  }
  try {
    graph.outputs = {instantiate(graph, rule.pattern, match)};
  } catch (const UserError&) {
    return std::nullopt;
  }
  return graph;
}

double difference(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (std::int64_t i = 0; i < a.count(); ++i) {
    const double x = a.dtype == DType::f64 ? a.at<double>(i) : a.at<float>(i);
    const double y = b.dtype == DType::f64 ? b.at<double>(i) : b.at<float>(i);
    largest = std::max(largest, std::abs(x - y) / std::max(1.0, std::abs(x)));
  }
  return largest;
}

// Applies `rule` alone to the graph, with what it leaves of flat sums expanded again.
Graph without_sums(Graph graph) {
  PassContext context;
  expand(graph, context);
  return graph;
}

class EveryRule : public testing::TestWithParam<const Rule*> {};

TEST_P(EveryRule, KeepsValues) {
  const Rule& rule = *GetParam();
  for (const DType dtype : {DType::f64, DType::f32}) {
    int fired = 0;
    for (std::uint32_t seed = 0; seed < 20000 && fired < 12; ++seed) {
      RandomInstance random(seed);
      const auto before = instance(rule, random, dtype);
      if (!before) continue;
      Graph after = *before;
      if (apply_rules(after, {rule}).fired.empty()) continue;
      ++fired;
      verify(after);
      std::vector<Tensor> inputs;
      for (const ValueId input : before->inputs) inputs.push_back(random.tensor(before->type(input)));
      const Tensor expected = evaluate(without_sums(*before), inputs)[0];
      const Tensor found = evaluate(without_sums(after), inputs)[0];
      ASSERT_EQ(expected.shape, found.shape) << rule.text();
      ASSERT_EQ(expected.dtype, found.dtype);
      ASSERT_LT(difference(expected, found), dtype == DType::f64 ? 1e-13 : 1e-5)
          << rule.text() << "\n" << to_text(*before) << to_text(after);
    }
    EXPECT_GE(fired, 3) << "no instance of the pattern made the rule fire: " << rule.text();
  }
}

INSTANTIATE_TEST_SUITE_P(Pipeline, EveryRule, testing::ValuesIn(all_rules()),
                         [](const auto& info) { return info.param->name; });

// Random sums of scaled products, addends and outer products: the whole pipeline keeps their value.
TEST(Pipeline, KeepsValuesOfRandomSums) {
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    RandomInstance draw(seed);
    Graph graph;
    const std::int64_t m = 1 + pick(4), n = 1 + pick(4), k = pick(4);
    const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
      return graph.add_input(static_type(DType::f64, {rows, columns}));
    };
    std::vector<ValueId> scalars, addends;
    for (int i = 0; i < 3; ++i) scalars.push_back(graph.add_input(static_type(DType::f64, {})));
    for (int i = 0; i < 2; ++i) addends.push_back(matrix(m, n));
    const ValueId u = graph.add_input(static_type(DType::f64, {m})), v = graph.add_input(static_type(DType::f64, {n}));
    std::vector<ValueId> pool = addends;
    for (int i = 0; i < 3; ++i) pool.push_back(graph.add(Op::matmul, {matrix(m, k), matrix(k, n)}));
    const ValueId column = graph.add(Op::expand_dims, {u}, {{"axes", Integers{1}}});
    const ValueId row = graph.add(Op::expand_dims, {v}, {{"axes", Integers{0}}});
    pool.push_back(graph.add(Op::multiply, {column, row}));
    for (int step = 0; step < 10; ++step) {
      const ValueId x = pool[pick(static_cast<int>(pool.size()))], y = pool[pick(static_cast<int>(pool.size()))];
      switch (pick(7)) {
        case 0: pool.push_back(graph.add(Op::add, {x, y})); break;
        case 1: pool.push_back(graph.add(Op::subtract, {x, y})); break;
        case 2: pool.push_back(graph.add(Op::negative, {x})); break;
        case 3: pool.push_back(graph.add(Op::multiply, {scalars[pick(3)], x})); break;
        case 4: pool.push_back(graph.add(Op::divide, {x, scalars[pick(3)]})); break;
        case 5: pool.push_back(graph.add(Op::add, {x, row})); break;
        default: pool.push_back(graph.add(Op::multiply, {x, y})); break;
      }
    }
    graph.outputs = {pool.back(), pool[pool.size() - 2]};
    const Graph after = optimise(graph).graph;
    std::vector<Tensor> inputs;
    for (const ValueId input : graph.inputs) inputs.push_back(draw.tensor(graph.type(input)));
    const auto expected = evaluate(graph, inputs), found = evaluate(after, inputs);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_LT(difference(expected[i], found[i]), 1e-10) << to_text(graph) << to_text(after);
    }
  }
}

}  // namespace
}  // namespace gemmule
