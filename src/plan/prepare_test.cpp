// Random graphs: every pass by itself, and all of them, keep values.
#include "plan/prepare_case.h"
#include "plan/specialise.h"
#include "plan/unit_views.h"

namespace gemmule {
namespace {

// Elementwise ops, reductions, views and products over rows [n], columns [k] and matrices [n,k].
class RandomGraph {
 public:
  RandomGraph(std::uint32_t seed, DType dtype) : random_(seed), dtype_(dtype) {
    const std::int64_t sizes[] = {0, 1, 2, 3, 7, 40, 40, 40};
    rows_ = sizes[below(8)], columns_ = sizes[below(5)];
    for (const Integers& shape :
         {Integers{}, Integers{}, Integers{rows_}, Integers{rows_}, Integers{columns_},
          Integers{rows_, columns_}, Integers{rows_, columns_}, Integers{rows_, 1}}) {
      values_.push_back(graph_.add_input(static_type(dtype_, shape)));
    }
    const std::int64_t groups = 2;
    values_.push_back(graph_.add_input(static_type(dtype_, {groups})));
    Tensor index = Tensor::integers(Integers(static_cast<std::size_t>(rows_), below(2)));
    index_ = graph_.add_constant(std::move(index));
    for (int i = 0; i < 24; ++i) {
      if (const ValueId value = step(); value != kNone) values_.push_back(value);
    }
    for (int i = 0; i < 5; ++i) graph_.outputs.push_back(values_[values_.size() - 1 - below(10)]);
  }

  const Graph& graph() const { return graph_; }
  std::mt19937& random() { return random_; }

 private:
  std::int64_t below(std::size_t n) { return static_cast<std::int64_t>(random_() % n); }
  ValueId any() { return values_[static_cast<std::size_t>(below(values_.size()))]; }
  // A value of these sizes; kNone where chance finds none.
  ValueId of_shape(const Integers& sizes) {
    for (int i = 0; i < 12; ++i) {
      if (const ValueId value = any(); static_shape(graph_.type(value)) == sizes) return value;
    }
    return kNone;
  }
  bool fit(ValueId x, ValueId y) const {
    const Integers a = static_shape(graph_.type(x)), b = static_shape(graph_.type(y));
    if (a.empty() || b.empty()) return true;
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i] && a[i] != 1 && b[i] != 1) return false;
    }
    return true;
  }

  ValueId step() {
    const ValueId x = any(), y = any();
    const Type type = graph_.type(x);
    switch (below(14)) {
      case 0:
      case 1:
      case 2: {
        if (!fit(x, y)) return kNone;
        const Op ops[] = {Op::add, Op::subtract, Op::multiply, Op::maximum};
        return graph_.add(ops[below(4)], {x, y});
      }
      case 3: {
        const Op ops[] = {Op::negative, Op::tanh, Op::square, Op::sigmoid};
        return graph_.add(ops[below(4)], {x});
      }
      case 4: {
        const ValueId z = any();
        if (!fit(x, y) || !fit(x, z) || !fit(y, z)) return kNone;
        return graph_.add(Op::where, {graph_.add(Op::less, {x, y}), x, z});
      }
      case 5:
      case 6: {
        Integers axes;
        std::int64_t count = 1;
        for (int axis = 0; axis < type.rank(); ++axis) {
          if (below(2) == 0) axes.push_back(axis), count *= type.shape[axis].size;
        }
        if (below(3) == 0 && count > 0) return graph_.add(Op::reduce_max, {x}, {{"axes", axes}});
        return graph_.add(Op::reduce_sum, {x}, {{"axes", axes}, {"dtype", dtype_}});
      }
      case 7:
        if (type.rank() > 1) return kNone;
        return graph_.add(Op::expand_dims, {x},
                          {{"axes", Integers{below(2) == 0 ? 0 : type.rank()}}});
      case 8: {
        Integers axes;
        for (int axis = 0; axis < type.rank(); ++axis) {
          if (type.shape[axis].is_one()) axes.push_back(axis);
        }
        return graph_.add(Op::squeeze, {x}, {{"axes", axes}});
      }
      case 9: {
        const Integers target = static_shape(graph_.type(y));
        if (!fit(x, y) || type.rank() > static_cast<int>(target.size())) return kNone;
        for (int axis = 0; axis < type.rank(); ++axis) {
          if (!type.shape[axis].is_one() && type.shape[axis].size != target[axis]) return kNone;
        }
        return broadcast_view(graph_, x, target);
      }
      case 10:
        return type.rank() == 2 ? graph_.add(Op::transpose, {x}, {{"perm", Integers{1, 0}}})
                                : kNone;
      case 11: {
        const ValueId table = of_shape({2});
        return table == kNone ? kNone
                              : graph_.add(Op::gather, {table, index_}, {{"axes", Integers{0}}});
      }
      default: {
        const ValueId matrix = of_shape({rows_, columns_});
        if (matrix == kNone) return kNone;
        const bool transposed = below(2) == 0;
        const ValueId vector = of_shape({transposed ? rows_ : columns_});
        if (vector == kNone) return kNone;
        const ValueId product = graph_.add(Op::matvec, {matrix, vector}, {{"trans_a", transposed}});
        return graph_.add(Op::tanh, {product});
      }
    }
  }

  std::mt19937 random_;
  DType dtype_;
  std::int64_t rows_, columns_;
  Graph graph_;
  std::vector<ValueId> values_;
  ValueId index_ = kNone;
};

class EveryPreparePass : public testing::TestWithParam<const PreparePass*> {};

TEST_P(EveryPreparePass, KeepsValues) {
  const PrepareOptions small{.cache_bytes = 1, .block_bytes = 1};
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    RandomGraph draw(seed, DType::f64);
    Graph prepared = draw.graph();
    GetParam()->run(prepared, small);
    verify(prepared);
    expect_equal_values(draw.graph(), prepared, draw.random());
    expect_equal_values(draw.graph(), prepared, draw.random(), true);
    if (HasFatalFailure()) return;
  }
}

std::vector<const PreparePass*> pointers() {
  std::vector<const PreparePass*> result;
  for (const PreparePass& pass : prepare_passes()) result.push_back(&pass);
  return result;
}

TEST(Prepare, RandomGraphsHaveRowBlocks) {
  int found = 0;
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const Graph prepared =
        prepare(RandomGraph(seed, DType::f64).graph(), {.cache_bytes = 1, .block_bytes = 1});
    found += kernels_of(prepared).find("row_blocks") != std::string::npos;
  }
  EXPECT_GT(found, 10);
}

INSTANTIATE_TEST_SUITE_P(Prepare, EveryPreparePass, testing::ValuesIn(pointers()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(Prepare, KeepsValues) {
  const PrepareOptions small{.cache_bytes = 1, .block_bytes = 1};
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    RandomGraph draw(seed, seed % 2 == 0 ? DType::f64 : DType::f32);
    const Graph prepared = prepare(draw.graph(), small);
    verify(prepared);
    const double tolerance = seed % 2 == 0 ? 1e-11 : 1e-3;
    expect_equal_values(draw.graph(), prepared, draw.random(), false, tolerance);
    if (seed % 2 == 0) expect_equal_values(draw.graph(), prepared, draw.random(), true);
    if (HasFatalFailure()) return;
  }
}

// Passes that reduce are taken apart again where a graph is specialised.
TEST(Prepare, PreparedGraphsCanBeSpecialised) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    RandomGraph draw(seed, DType::f64);
    const Graph prepared = prepare(draw.graph());
    std::vector<Type> types;
    for (const ValueId input : prepared.inputs) types.push_back(prepared.type(input));
    const Graph again =
        specialise_unfused(prepared, types, std::vector<const Tensor*>(types.size()));
    EXPECT_EQ(kernels_of(again).find("fused"), std::string::npos);
    expect_equal_values(draw.graph(), again, draw.random());
    if (HasFatalFailure()) return;
  }
}

TEST(Prepare, PassesCanBeSwitchedOff) {
  const Graph graph = parse_graph(R"(graph(%x: f64[5]) {
  %1: f64[5] = exp(%x)
  %2: f64[5] = negative(%1)
  return %2
})");
  EXPECT_EQ(kernels_of(prepare(graph)), "fused");
  EXPECT_EQ(kernels_of(prepare(graph, {.disabled = {"fuse", "gemm"}})), "exp negative");
}

}  // namespace
}  // namespace gemmule
