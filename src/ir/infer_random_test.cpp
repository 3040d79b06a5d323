#include <gtest/gtest.h>

#include "ir/distributions.h"
#include "ir/error.h"
#include "ir/text.h"

namespace gemmule {
namespace {

class InferRandom : public testing::Test {
 protected:
  ValueId f64(const std::vector<std::int64_t>& shape) {
    return graph.add_input(static_type(DType::f64, shape));
  }
  ValueId i64(std::int64_t value) {
    return graph.add_scalar(DType::i64, static_cast<double>(value));
  }

  // The type of the draws, or the error.
  std::string draws(const std::string& name, std::vector<ValueId> operands, std::int64_t sizes = -1,
                    Attributes more = {}) {
    operands.insert(operands.begin(), generator);
    more.set("distribution", name);
    more.set("sizes", sizes);
    try {
      const auto results = graph.add_all(Op::random, operands, more, "x");
      EXPECT_EQ(to_text(graph.type(results[0]), &graph), "u64[]");
      return to_text(graph.type(results[1]), &graph);
    } catch (const UserError& error) {
      return error.what();
    }
  }

  Graph graph;
  ValueId generator = graph.add_input(static_type(DType::u64, {}));
};

TEST_F(InferRandom, ParametersBroadcastUnlessSizesAreGiven) {
  EXPECT_EQ(draws("normal", {f64({}), f64({})}), "f64[]");
  EXPECT_EQ(draws("normal", {f64({3, 1}), f64({4})}), "f64[3,4]");
  EXPECT_EQ(draws("poisson", {f64({3})}), "i64[3]");
  EXPECT_EQ(draws("normal", {i64(2), i64(3), f64({}), f64({3})}, 2), "f64[2,3]");
  EXPECT_EQ(draws("normal", {f64({}), f64({})}, 0), "f64[]");
  const Dim n = Dim::unknown(graph.add_symbol("n")), m = Dim::unknown(graph.add_symbol("m"));
  const ValueId x = graph.add_input({DType::f64, {n}}), y = graph.add_input({DType::f64, {m}});
  EXPECT_EQ(draws("normal", {x, x}), "f64[n]");
  EXPECT_EQ(draws("normal", {x, f64({1})}), "f64[n]");
  EXPECT_EQ(draws("normal", {x, f64({3})}), "f64[3]");
  EXPECT_NE(draws("normal", {x, y}), "f64[n]");  // either may turn out to be 1
}

TEST_F(InferRandom, VectorsAndItems) {
  EXPECT_EQ(draws("dirichlet", {f64({5, 3})}), "f64[5,3]");
  EXPECT_EQ(draws("dirichlet", {i64(2), f64({3})}, 1), "f64[2,3]");
  EXPECT_EQ(draws("multinomial", {i64(4), f64({5, 3})}), "i64[5,3]");
  EXPECT_EQ(draws("categorical", {f64({5, 3})}), "i64[5]");
  EXPECT_EQ(draws("permutation", {f64({5, 3})}, -1, {{"core", std::int64_t{2}}}), "f64[5,3]");
  EXPECT_EQ(draws("choice", {i64(2), f64({5, 3})}, 1, {{"core", std::int64_t{2}}}), "f64[2,3]");
  EXPECT_EQ(draws("choice", {i64(2), i64(9)}, 1, {{"core", std::int64_t{0}}}), "i64[2]");
  EXPECT_EQ(draws("weighted_choice", {i64(7), i64(2), f64({5}), f64({7, 5})}, 2), "f64[7,2]");
  EXPECT_EQ(draws("copy", {}), "u64[]");
}

TEST_F(InferRandom, Errors) {
  EXPECT_EQ(draws("nothing", {}), "[random] there is no distribution 'nothing' (node \"x\")");
  EXPECT_EQ(draws("normal", {f64({3}), f64({4})}),
            "[random] the parameters do not broadcast together (node \"x\")");
  EXPECT_EQ(draws("normal", {i64(2), f64({3}), f64({})}, 1),
            "[random] Output size [2] is not compatible with broadcast dimensions of inputs [3] "
            "(node \"x\")");
  EXPECT_EQ(draws("normal", {f64({3}), f64({})}, 0),
            "[random] Output size [] is not compatible with broadcast dimensions of inputs [3] "
            "(node \"x\")");
  EXPECT_EQ(draws("poisson", {i64(3)}), "[random] lam is i64[], it must be f64 (node \"x\")");
  EXPECT_THROW(graph.add(Op::random, {f64({})}, {{"distribution", std::string("copy")}}),
               DTypeError);
}

}  // namespace
}  // namespace gemmule
