#include "plan/linear_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>

#include "ir/error.h"
#include "plan/prepare_case.h"
#include "plan/random_graph.h"

namespace gemmule {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LinearProgram planned(const std::string& text, const PlanOptions& options = {}) {
  return plan(parse_graph(text), options);
}

std::string text_of(const std::string& text, const PlanOptions& options = {}) {
  return to_text(planned(text, options));
}

// The result of the instruction lies in the memory of its operand `i`.
bool in_place(const LinearProgram& program, std::size_t instruction, std::size_t i) {
  const Instruction& at = program.instructions.at(instruction);
  return at.results[0].buffer == at.operands.at(i).buffer;
}

std::vector<std::string> ops_of(const LinearProgram& program) {
  std::vector<std::string> ops;
  for (const Instruction& instruction : program.instructions) {
    ops.emplace_back(instruction.node == kNone ? "copy to output"
                                               : info(program.graph.nodes[instruction.node].op).name);
  }
  return ops;
}

// -- schedule ----------------------------------------------------------------------------------------

TEST(Schedule, ComputesAndFreesOneBranchBeforeTheNext) {
  const Graph graph = parse_graph(R"(graph(%x: f64[100], %y: f64[100]) {
  %2: f64[100] = exp(%x)
  %3: f64[100] = exp(%y)
  %4: f64[] = reduce_sum(%2) {axes = [0], dtype = f64}
  %5: f64[] = reduce_sum(%3) {axes = [0], dtype = f64}
  %6: f64[] = add(%4, %5)
  return %6
})");
  EXPECT_THAT(schedule(graph), ElementsAre(0, 2, 1, 3, 4));
  EXPECT_EQ(plan(graph).live_bytes, 808u);
}

TEST(Schedule, RunsEveryNodeAfterItsOperands) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const Graph graph = RandomGraph(seed, DType::f64).graph();
    const std::vector<NodeId> order = schedule(graph);
    ASSERT_EQ(order.size(), graph.nodes.size());
    std::set<ValueId> known(graph.inputs.begin(), graph.inputs.end());
    for (const NodeId id : order) {
      for (const ValueId operand : graph.nodes[id].inputs) ASSERT_TRUE(known.contains(operand));
      for (const ValueId output : graph.nodes[id].outputs) ASSERT_TRUE(known.insert(output).second);
    }
  }
}

TEST(Plan, LeavesOutWhatNoOutputNeeds) {
  const LinearProgram program = planned(R"(graph(%x: f64[100]) {
  %1: f64[100] = exp(%x)
  %2: f64[100] = negative(%1)
  %3: f64[100] = sin(%1)
  return %3
})");
  EXPECT_THAT(ops_of(program), ElementsAre("exp", "sin"));
}

// -- views -------------------------------------------------------------------------------------------

// Where the elements of a layout lie, in row-major order: offsets in elements.
std::vector<std::int64_t> offsets_of(const Layout& layout) {
  std::vector<std::int64_t> offsets;
  Extents index(layout.shape.size(), 0);
  for (std::int64_t i = 0; i < layout.count(); ++i) {
    std::int64_t offset = layout.offset / static_cast<std::int64_t>(size_of(layout.dtype));
    for (std::size_t axis = 0; axis < index.size(); ++axis) offset += index[axis] * layout.strides[axis];
    offsets.push_back(offset);
    for (std::size_t axis = index.size(); axis-- > 0;) {
      if (++index[axis] < layout.shape[axis]) break;
      index[axis] = 0;
    }
  }
  return offsets;
}

// Whether elements at these offsets are those of an array of this shape with strides.
bool have_strides(const std::vector<std::int64_t>& offsets, const Extents& shape) {
  if (offsets.empty()) return true;
  const Extents counts = row_major_strides(shape);
  Layout layout{0, offsets[0] * 8, DType::f64, shape, Extents(shape.size(), 0)};
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] > 1) layout.strides[axis] = offsets[static_cast<std::size_t>(counts[axis])] - offsets[0];
  }
  return offsets_of(layout) == offsets;
}

// One view of a random array.
class RandomView {
 public:
  explicit RandomView(std::uint32_t seed) : random_(seed) {
    Integers shape;
    for (std::int64_t i = 0, rank = below(4); i < rank; ++i) shape.push_back(below(9) == 0 ? 0 : 1 + below(4));
    const ValueId x = graph.add_input(static_type(DType::f64, shape), "x");
    operand = {0, 8 * below(5), DType::f64, shape, {}};
    for (std::size_t axis = 0; axis < shape.size(); ++axis) operand.strides.push_back(below(2) == 0 ? below(13) - 6 : 0);
    if (below(2) == 0) operand.strides = row_major_strides(shape);
    // Contiguous, but its axes the other way round.
    if (below(4) == 0) {
      std::int64_t stride = below(2) == 0 ? 1 : -2;
      for (std::size_t axis = 0; axis < shape.size(); ++axis) operand.strides[axis] = stride, stride *= std::max<std::int64_t>(1, shape[axis]);
    }
    graph.outputs = {add(x, shape)};
  }

  Graph graph;
  Layout operand;

 private:
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }
  std::vector<ValueId> with_numbers(ValueId x, const Integers& numbers) {
    std::vector<ValueId> operands{x};
    for (const std::int64_t number : numbers) {
      operands.push_back(graph.add_constant(Tensor::from_bytes(DType::i64, {}, &number)));
    }
    return operands;
  }

  ValueId add(ValueId x, const Integers& shape) {
    const auto rank = static_cast<std::int64_t>(shape.size());
    switch (below(7)) {
      case 0: {
        Integers perm;
        for (std::int64_t axis = 0; axis < rank; ++axis) perm.push_back(axis);
        std::ranges::shuffle(perm, random_);
        return graph.add(Op::transpose, {x}, {{"perm", perm}});
      }
      case 1:
        return graph.add(Op::expand_dims, {x}, {{"axes", Integers{below(rank + 1), -1}}});
      case 2: {
        Integers axes;
        for (std::int64_t axis = 0; axis < rank; ++axis) {
          if (shape[axis] == 1 && below(2) == 0) axes.push_back(axis);
        }
        return graph.add(Op::squeeze, {x}, {{"axes", axes}});
      }
      case 3: {
        Integers to;
        for (std::int64_t i = 0, more = below(2); i < more; ++i) to.push_back(below(3));
        for (const std::int64_t size : shape) to.push_back(size == 1 ? below(4) : size);
        return graph.add(Op::broadcast_to, with_numbers(x, to));
      }
      case 4: {
        Integers axes, bounds;
        for (std::int64_t axis = 0; axis < rank; ++axis) {
          if (below(2) == 0) continue;
          axes.push_back(axis);
          const std::int64_t step = below(2) == 0 ? 1 + below(3) : -1 - below(3);
          bounds.insert(bounds.end(), {below(11) - 5, below(11) - 5, below(9) == 0 ? INT64_MIN : step});
        }
        return graph.add(Op::slice, with_numbers(x, bounds), {{"axes", axes}});
      }
      case 5:
        if (rank > 1) {
          const std::int64_t axis1 = below(rank), axis2 = (axis1 + 1 + below(rank - 1)) % rank;
          return graph.add(Op::diagonal, {x}, {{"axis1", axis1}, {"axis2", axis2}, {"offset", below(9) - 4}});
        }
        [[fallthrough]];
      default: {
        // Sizes are joined, or split where that goes.
        Integers to;
        for (const std::int64_t size : shape) {
          if (!to.empty() && below(2) == 0) {
            to.back() *= size;
          } else if (size == 4) {
            to.insert(to.end(), {2, 2});
          } else {
            to.push_back(size);
          }
          if (below(4) == 0) to.push_back(1);
        }
        if (below(4) == 0) std::ranges::reverse(to);
        return graph.add(Op::reshape, with_numbers(x, to));
      }
    }
  }

  std::mt19937 random_;
};

TEST(ViewLayout, IsWhatTheOpSays) {
  std::map<Op, int> found;
  int copied = 0;
  for (std::uint32_t seed = 0; seed < 20000; ++seed) {
    const RandomView draw(seed);
    const Node& node = draw.graph.nodes.back();
    // The elements of x say where they lie.
    const std::vector<std::int64_t> offsets = offsets_of(draw.operand);
    Tensor x = Tensor::zeros(DType::f64, draw.operand.shape);
    auto* elements = reinterpret_cast<double*>(const_cast<std::byte*>(x.data.get()));
    for (std::size_t i = 0; i < offsets.size(); ++i) elements[i] = static_cast<double>(offsets[i]);
    const Tensor expected = evaluate(draw.graph, {x})[0];
    std::vector<std::int64_t> expected_offsets;
    for (std::int64_t i = 0; i < expected.count(); ++i) {
      expected_offsets.push_back(static_cast<std::int64_t>(expected.at<double>(i)));
    }
    const auto layout = view_layout(draw.graph, node, draw.operand);
    if (!layout) {
      ASSERT_EQ(node.op, Op::reshape) << to_text(draw.graph);
      ASSERT_FALSE(have_strides(expected_offsets, expected.shape)) << to_text(draw.graph);
      ++copied;
      continue;
    }
    ASSERT_EQ(layout->shape, expected.shape) << to_text(draw.graph);
    ASSERT_EQ(offsets_of(*layout), expected_offsets) << to_text(draw.graph) << "seed " << seed;
    ++found[node.op];
  }
  EXPECT_EQ(found.size(), 7u);
  for (const auto& [op, count] : found) EXPECT_GT(count, 100) << info(op).name;
  EXPECT_GT(copied, 100);
}

TEST(Views, TakeNoMemory) {
  EXPECT_EQ(text_of(R"(graph(%x: f64[4,6]) {
  %1: f64[6,4] = transpose(%x) {perm = [1,0]}
  %2: i64[] = constant() {value = i64[] 5}
  %3: i64[] = constant() {value = i64[] -7}
  %4: i64[] = constant() {value = i64[] -2}
  %5: f64[3,4] = slice(%1, %2, %3, %4) {axes = [0]}
  %6: f64[3] = diagonal(%5) {axis1 = 0, axis2 = 1, offset = 1}
  %7: f64[3] = exp(%6)
  return %7
})"),
            R"(f64[3] at output 0 = exp(input 0+88)
workspace: 0 bytes, of which 0 are alive at once at most
)");
}

TEST(Views, AReshapeOfWhatIsNotContiguousCopies) {
  const std::string text = R"(graph(%x: f64[4,6]) {
  %1: f64[6,4] = transpose(%x) {perm = [1,0]}
  %2: i64[] = constant() {value = i64[] 24}
  %3: f64[24] = reshape(%1, %2)
  %4: f64[24] = exp(%3)
  return %4
})";
  EXPECT_EQ(text_of(text), R"(f64[24] at output 0 = reshape(input 0)
f64[24] at output 0 = exp(output 0)  in place
workspace: 0 bytes, of which 0 are alive at once at most
)");
  // Not where x is stored by columns.
  EXPECT_THAT(ops_of(planned(text, {.input_strides = {{1, 4}}})), ElementsAre("exp"));
}

TEST(Views, BoundsAreConstants) {
  const std::string text = R"(graph(%x: f64[4], %n: i64[]) {
  %2: i64[] = constant() {value = i64[] 1}
  %3: f64[n] = slice(%x, %2, %n, %2) {axes = [0]}
  return %3
})";
  Graph graph = parse_graph(text);
  graph.values[3].type = static_type(DType::f64, {2});
  try {
    plan(graph);
    FAIL();
  } catch (const UnsupportedError& error) {
    EXPECT_STREQ(error.what(), "[slice] the bounds of the slice depend on computed data");
  }
}

// -- in place ----------------------------------------------------------------------------------------

TEST(InPlace, ElementwiseOps) {
  const LinearProgram program = planned(R"(graph(%x: f64[100]) {
  %1: f64[100] = exp(%x)
  %2: f64[100] = sin(%1)
  %3: f64[100] = multiply(%2, %2)
  %4: f64[] = reduce_sum(%3) {axes = [0], dtype = f64}
  return %4
})");
  EXPECT_FALSE(in_place(program, 0, 0));
  EXPECT_TRUE(in_place(program, 1, 0));
  EXPECT_TRUE(in_place(program, 2, 0));
  EXPECT_FALSE(in_place(program, 3, 0));
  EXPECT_EQ(program.workspace_bytes, 832u);
}

TEST(InPlace, NotWhereAnotherReaderFollows) {
  const LinearProgram program = planned(R"(graph(%x: f64[100]) {
  %1: f64[100] = exp(%x)
  %2: f64[100] = sin(%1)
  %3: f64[100] = add(%1, %2)
  return %3
})");
  EXPECT_FALSE(in_place(program, 1, 0));
  EXPECT_TRUE(in_place(program, 2, 0) || in_place(program, 2, 1));
}

TEST(InPlace, NotWhereAViewIsReadLater) {
  const LinearProgram program = planned(R"(graph(%x: f64[10,10]) {
  %1: f64[10,10] = exp(%x)
  %2: f64[10,10] = transpose(%1) {perm = [1,0]}
  %3: f64[10,10] = sin(%1)
  %4: f64[10,10] = matmul(%2, %3)
  return %4
})");
  EXPECT_FALSE(in_place(program, 1, 0));
}

TEST(InPlace, NotWhereTheSameMemoryIsReadInAnotherLayout) {
  const LinearProgram program = planned(R"(graph(%x: f64[10,10]) {
  %1: f64[10,10] = exp(%x)
  %2: f64[10,10] = transpose(%1) {perm = [1,0]}
  %3: f64[10,10] = add(%1, %2)
  return %3
})");
  EXPECT_FALSE(in_place(program, 1, 0));
}

TEST(InPlace, NotInADifferentlyLaidOutOperand) {
  const LinearProgram program = planned(R"(graph(%x: f64[10,20]) {
  %1: f64[10,20] = exp(%x)
  %2: f64[20,10] = transpose(%1) {perm = [1,0]}
  %3: f64[20,10] = sin(%2)
  return %3
})");
  EXPECT_FALSE(in_place(program, 1, 0));
}

TEST(InPlace, NotInAPartOfABuffer) {
  const LinearProgram program = planned(R"(graph(%x: f64[10]) {
  %1: f64[10] = exp(%x)
  %2: i64[] = constant() {value = i64[] 0}
  %3: i64[] = constant() {value = i64[] 5}
  %4: i64[] = constant() {value = i64[] 1}
  %5: f64[5] = slice(%1, %2, %3, %4) {axes = [0]}
  %6: f64[5] = sin(%5)
  return %6
})");
  EXPECT_FALSE(in_place(program, 1, 0));
}

TEST(InPlace, AddendsOfProducts) {
  const std::string head = R"(graph(%A: f64[8,8], %x: f64[8]) {
  %2: f64[] = constant() {value = f64[] 2}
  %3: f64[8,8] = exp(%A)
)";
  EXPECT_TRUE(in_place(planned(head + "  %4: f64[8,8] = gemm(%2, %A, %A, %2, %3)\n  return %4\n}"), 1, 4));
  // The factor is read while the result is written.
  EXPECT_FALSE(in_place(planned(head + "  %4: f64[8,8] = gemm(%2, %3, %A, %2, %A)\n  return %4\n}"), 1, 1));
  EXPECT_FALSE(in_place(planned(head + "  %4: f64[8,8] = gemm(%2, %3, %A, %2, %3)\n  return %4\n}"), 1, 4));
  EXPECT_TRUE(in_place(planned(head + "  %4: f64[8,8] = ger(%2, %x, %x, %3)\n  return %4\n}"), 1, 3));
  EXPECT_TRUE(in_place(planned(head + "  %4: f64[8,8] = cholesky(%3) {lower = true}\n  return %4\n}"), 1, 0));
  EXPECT_TRUE(in_place(planned(head + "  %4: f64[8,8] = solve(%A, %3)\n  return %4\n}"), 1, 1));
  EXPECT_FALSE(in_place(planned(head + "  %4: f64[8,8] = solve(%3, %A)\n  return %4\n}"), 1, 0));
  EXPECT_FALSE(in_place(planned(head + "  %4: f64[8,8] = matmul(%3, %A)\n  return %4\n}"), 1, 0));
  EXPECT_TRUE(in_place(planned(head + "  %4: f64[8,8] = cumsum(%3) {axis = 0}\n  return %4\n}"), 1, 0));
  EXPECT_FALSE(in_place(planned(head + "  %4: f64[8,8] = sort(%3) {axis = 0}\n  return %4\n}"), 1, 0));
}

TEST(InPlace, NotASumOnTheWay) {
  // Blocks of the pass read s after others have added to the sum.
  const LinearProgram program = planned(R"(graph(%x: f64[5000], %t: f64[]) {
  %2: f64[] = exp(%t)
  %3: f64[] = fused(%2, %x) {body = graph(%0: f64[], %1: f64[]) {
    %2: f64[] = multiply(%0, %1)
    return %2
  }, reduce = "reduce_sum 0"}
  return %3
})");
  EXPECT_FALSE(in_place(program, 1, 0));
}

// -- outputs -----------------------------------------------------------------------------------------

TEST(Outputs, AreCopiedWhereTheyAreNotComputed) {
  EXPECT_EQ(text_of(R"(graph(%x: f64[2,3]) {
  %1: f64[3] = constant() {value = f64[3] 1 2 3}
  %2: f64[2,3] = exp(%x)
  %3: f64[3,2] = transpose(%2) {perm = [1,0]}
  return %x, %1, %2, %2, %3
})"),
            R"(f64[2,3] at output 2 = exp(input 0)
f64[2,3] at output 0 = copy(input 0)
f64[3] at output 1 = copy(constant %1)
f64[2,3] at output 3 = copy(output 2)
f64[3,2] at output 4 = copy(output 2)
workspace: 0 bytes, of which 0 are alive at once at most
)");
}

TEST(Outputs, AReshapedResultIsComputedInItsPlace) {
  EXPECT_EQ(text_of(R"(graph(%x: f64[2,3]) {
  %1: f64[2,3] = exp(%x)
  %2: i64[] = constant() {value = i64[] 6}
  %3: f64[6] = reshape(%1, %2)
  return %3, %1
})"),
            R"(f64[2,3] at output 0 = exp(input 0)
f64[2,3] at output 1 = copy(output 0)
workspace: 0 bytes, of which 0 are alive at once at most
)");
}

// -- take-overs --------------------------------------------------------------------------------------

std::vector<std::pair<int, int>> take_overs(const std::string& text, PlanOptions options = {.donatable = {0}}) {
  std::vector<std::pair<int, int>> result;
  const LinearProgram program = planned(text, options);
  for (const TakeOver& take_over : program.take_overs) result.emplace_back(take_over.output, take_over.input);
  return result;
}

const std::string kGemm = R"(graph(%C: f64[8,8], %A: f64[8,8]) {
  %2: f64[] = constant() {value = f64[] 2}
  %3: f64[8,8] = gemm(%2, %A, %A, %2, %C)
  return %3
})";

// -- joined arrays -----------------------------------------------------------------------------------

TEST(Joined, PartsAreComputedInTheirPlaces) {
  EXPECT_EQ(text_of(R"(graph(%x: f64[3], %y: f64[2]) {
  %2: f64[3] = exp(%x)
  %3: f64[2] = sin(%y)
  %4: f64[5] = concatenate(%2, %3) {axis = 0}
  return %4
})"),
            "f64[2] at output 0+24 = sin(input 1)\n"
            "f64[3] at output 0 = exp(input 0)\n"
            "workspace: 0 bytes, of which 0 are alive at once at most\n");
}

TEST(Joined, InputsAreCopiedThere) {
  EXPECT_EQ(text_of(R"(graph(%x: f64[3], %y: f64[2]) {
  %2: f64[3] = exp(%x)
  %4: f64[5] = concatenate(%2, %y) {axis = -1}
  return %4
})"),
            "f64[3] at output 0 = exp(input 0)\n"
            "f64[2] at output 0+24 = copy(input 1)\n"
            "workspace: 0 bytes, of which 0 are alive at once at most\n");
}

TEST(Joined, NotWhereTheyAreReadLater) {
  const LinearProgram program = planned(R"(graph(%x: f64[3], %y: f64[2]) {
  %2: f64[3] = exp(%x)
  %3: f64[2] = sin(%y)
  %4: f64[5] = concatenate(%2, %3) {axis = 0}
  %5: f64[5] = cumsum(%4) {axis = 0}
  %6: f64[5] = concatenate(%2, %3) {axis = 0}
  %7: f64[5] = cumprod(%6) {axis = 0}
  return %5, %7
})");
  // The second of them, at the most, may have the parts in its place.
  EXPECT_THAT(ops_of(program), ::testing::Contains("concatenate"));
}

TEST(Joined, NotWhereTheyAreReadTwice) {
  EXPECT_THAT(ops_of(planned(R"(graph(%x: f64[3]) {
  %2: f64[3] = exp(%x)
  %4: f64[6] = concatenate(%2, %2) {axis = 0}
  return %4
})")),
              ElementsAre("exp", "concatenate"));
}

TEST(Joined, NotWhereRowsLieApart) {
  EXPECT_THAT(ops_of(planned(R"(graph(%x: f64[2,3], %y: f64[2,1]) {
  %2: f64[2,3] = exp(%x)
  %3: f64[2,1] = sin(%y)
  %4: f64[2,4] = concatenate(%2, %3) {axis = 1}
  return %4
})")),
              ElementsAre("sin", "exp", "concatenate"));
}

TEST(Joined, NotInTheMemoryOfAnInputThatIsStillRead) {
  const LinearProgram program = planned(R"(graph(%x: f64[5], %y: f64[3]) {
  %2: i64[] = constant() {value = i64[] 0}
  %3: i64[] = constant() {value = i64[] 2}
  %4: i64[] = constant() {value = i64[] 1}
  %5: f64[3] = exp(%y)
  %6: f64[2] = slice(%x, %2, %3, %4) {axes = [0]}
  %7: f64[2] = sin(%6)
  %8: f64[5] = concatenate(%5, %7) {axis = 0}
  return %8
})", {.input_strides = {}, .donatable = {0}});
  EXPECT_TRUE(program.take_overs.empty());
}

TEST(TakeOvers, OfTheAddend) {
  EXPECT_THAT(take_overs(kGemm), ElementsAre(std::pair(0, 0)));
  EXPECT_THAT(text_of(kGemm, {.donatable = {0}}), HasSubstr("\noutput 0 may lie in the memory of input 0\n"));
  EXPECT_THAT(take_overs(kGemm, {}), IsEmpty());
  EXPECT_THAT(take_overs(kGemm, {.donatable = {1}}), IsEmpty());  // a factor
  EXPECT_THAT(take_overs(kGemm, {.input_strides = {{1, 8}, {}}, .donatable = {0}}), IsEmpty());
}

TEST(TakeOvers, OfWhatIsReadBefore) {
  EXPECT_THAT(take_overs(R"(graph(%x: f64[8], %y: f64[8]) {
  %2: f64[] = dot(%x, %y)
  %3: f64[8] = multiply(%2, %y)
  return %3
})"),
              ElementsAre(std::pair(0, 0)));
}

TEST(TakeOvers, NotOfWhatIsReadLater) {
  EXPECT_THAT(take_overs(R"(graph(%x: f64[8], %y: f64[8]) {
  %2: f64[8] = add(%x, %y)
  %3: f64[] = dot(%2, %x)
  return %2, %3
})"),
              IsEmpty());
  EXPECT_THAT(take_overs(R"(graph(%x: f64[8]) {
  %1: f64[8] = exp(%x)
  return %1, %x
})"),
              ElementsAre(std::pair(1, 0)));
}

TEST(TakeOvers, NotOfOtherTypesAndLayouts) {
  EXPECT_THAT(take_overs("graph(%x: f64[8]) {\n  %1: bool[8] = isnan(%x)\n  return %1\n}"), IsEmpty());
  EXPECT_THAT(take_overs("graph(%x: f64[8]) {\n  %1: i64[8] = cast(%x) {dtype = i64}\n  return %1\n}"), IsEmpty());
  EXPECT_THAT(take_overs("graph(%x: f64[8,8]) {\n  %1: f64[8,8] = transpose(%x) {perm = [1,0]}\n  return %1\n}"),
              IsEmpty());
  EXPECT_THAT(take_overs(R"(graph(%x: f64[8,8]) {
  %1: f64[8,8] = transpose(%x) {perm = [1,0]}
  %2: f64[8,8] = add(%x, %1)
  return %2
})"),
              IsEmpty());
  EXPECT_THAT(take_overs("graph(%x: f64[0]) {\n  %1: f64[0] = exp(%x)\n  return %1\n}"), IsEmpty());
}

TEST(TakeOvers, NotBySumsOnTheWay) {
  EXPECT_THAT(take_overs(R"(graph(%s: f64[], %x: f64[5000]) {
  %2: f64[] = fused(%s, %x) {body = graph(%0: f64[], %1: f64[]) {
    %2: f64[] = multiply(%0, %1)
    return %2
  }, reduce = "reduce_sum 0"}
  return %2
})"),
              IsEmpty());
}

TEST(TakeOvers, OneOutputEach) {
  const std::string text = R"(graph(%x: f64[8], %y: f64[8]) {
  %2: f64[8] = add(%x, %y)
  %3: f64[8] = exp(%2)
  return %3, %2
})";
  EXPECT_THAT(take_overs(text, {.donatable = {0, 1}}), ElementsAre(std::pair(0, 0), std::pair(1, 1)));
}

// -- text --------------------------------------------------------------------------------------------

TEST(Text, InFull) {
  Graph graph = parse_graph(R"(graph(%C: f64[8,8], %A: f64[8,8], %x: f64[8]) {
  %3: f64[] = constant() {value = f64[] 2}
  %4: f64[8,8] = gemm(%3, %A, %A, %3, %C)
  %5: f64[8] = exp(%x)
  %6: f64[8] = matvec(%A, %5)
  %7: f64[8] = sin(%6)
  %8: f64[] = dot(%5, %7)
  %9: f64[], %10: f64[] = slogdet(%A)
  %11: f64[] = multiply(%8, %10)
  return %4, %11
})");
  graph.nodes[1].equation = "gemm: 2*A@A + 2*C";
  EXPECT_EQ(to_text(plan(graph, {.donatable = {0}})),
            R"(f64[] at workspace+0, f64[] at workspace+128 = slogdet(input 1)
f64[8] at workspace+0 = exp(input 2)
f64[8] at workspace+64 = matvec(input 1, workspace+0)
f64[8] at workspace+64 = sin(workspace+64)  in place
f64[] at output 1 = dot(workspace+0, workspace+64)
f64[] at output 1 = multiply(output 1, workspace+128)  in place
f64[8,8] at output 0 = gemm(constant %3, input 1, input 1, constant %3, input 0)  # 2*A@A + 2*C
workspace: 192 bytes, of which 136 are alive at once at most
output 0 may lie in the memory of input 0
)");
}

// -- workspace ---------------------------------------------------------------------------------------

// First and last instruction that touch each buffer of the workspace.
void expect_sound(const LinearProgram& program) {
  std::vector<int> first(program.buffers.size(), kNone), last(program.buffers.size(), kNone);
  std::vector<bool> written(program.buffers.size(), false);
  for (int at = 0; at < static_cast<int>(program.instructions.size()); ++at) {
    const Instruction& instruction = program.instructions[at];
    for (const Layout& operand : instruction.operands) {
      const Buffer& buffer = program.buffers[operand.buffer];
      const bool ready = buffer.memory == Memory::input || buffer.memory == Memory::constant;
      ASSERT_TRUE(ready || written[operand.buffer]) << to_text(program);
    }
    const auto touch = [&](const Layout& layout) {
      if (first[layout.buffer] == kNone) first[layout.buffer] = at;
      last[layout.buffer] = at;
      if (program.buffers[layout.buffer].memory == Memory::input) return;
      for (const std::int64_t offset : offsets_of(layout)) {
        ASSERT_GE(offset, 0);
        ASSERT_LE((static_cast<std::size_t>(offset) + 1) * size_of(layout.dtype),
                  program.buffers[layout.buffer].bytes);
      }
    };
    for (const Layout& operand : instruction.operands) touch(operand);
    for (const Layout& result : instruction.results) {
      touch(result);
      written[result.buffer] = true;
    }
  }
  for (std::size_t a = 0; a < program.buffers.size(); ++a) {
    const Buffer& x = program.buffers[a];
    if (x.memory != Memory::workspace || first[a] == kNone) continue;
    ASSERT_LE(x.offset + x.bytes, program.workspace_bytes);
    ASSERT_EQ(x.offset % std::min<std::size_t>(kAlignment, 8), 0u);
    if (x.bytes > 32) { ASSERT_EQ(x.offset % kAlignment, 0u); }
    for (std::size_t b = 0; b < a; ++b) {
      const Buffer& y = program.buffers[b];
      if (y.memory != Memory::workspace || first[b] == kNone) continue;
      if (first[a] > last[b] || first[b] > last[a]) continue;
      ASSERT_TRUE(x.offset + x.bytes <= y.offset || y.offset + y.bytes <= x.offset) << to_text(program);
    }
  }
}

TEST(Workspace, OfRandomGraphs) {
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    const Graph graph = RandomGraph(seed, seed % 2 == 0 ? DType::f64 : DType::f32).graph();
    for (const bool prepared : {false, true}) {
      const LinearProgram program = plan(prepared ? prepare(graph) : graph);
      expect_sound(program);
      if (program.live_bytes > 400) {
        EXPECT_LE(static_cast<double>(program.workspace_bytes), 1.25 * static_cast<double>(program.live_bytes))
            << "seed " << seed << "\n"
            << to_text(program);
      }
      if (HasFatalFailure()) FAIL() << "seed " << seed;
    }
  }
}

// Harder than what graphs give.
TEST(Workspace, OfManyBuffers) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<Buffer> buffers(40);
    std::vector<std::size_t> live(60, 0);
    for (Buffer& buffer : buffers) {
      buffer.bytes = random() % 3 == 0 ? 8 * (random() % 5) : 64 * (1 + random() % 60);
      buffer.first = static_cast<int>(random() % 50);
      buffer.last = buffer.first + static_cast<int>(random() % 10);
      for (int at = buffer.first; at <= buffer.last; ++at) live[at] += buffer.bytes;
    }
    const std::size_t total = assign_offsets(buffers);
    for (std::size_t a = 0; a < buffers.size(); ++a) {
      EXPECT_LE(buffers[a].offset + buffers[a].bytes, total);
      for (std::size_t b = 0; b < a; ++b) {
        const Buffer &x = buffers[a], &y = buffers[b];
        if (x.first > y.last || y.first > x.last || x.bytes == 0 || y.bytes == 0) continue;
        ASSERT_TRUE(x.offset + x.bytes <= y.offset || y.offset + y.bytes <= x.offset);
      }
    }
    EXPECT_LE(static_cast<double>(total), 1.25 * static_cast<double>(*std::ranges::max_element(live)));
  }
}

void expect_tight(const std::string& text) {
  for (const bool prepared : {false, true}) {
    const Graph graph = parse_graph(text);
    const LinearProgram program = plan(prepared ? prepare(graph) : graph);
    expect_sound(program);
    EXPECT_LE(static_cast<double>(program.workspace_bytes), 1.25 * static_cast<double>(program.live_bytes) + 64)
        << to_text(program);
  }
}

TEST(Workspace, OfALayeredNetwork) {
  expect_tight(R"(graph(%X: f32[50,20], %y: f32[50,5], %W1: f32[20,64], %b1: f32[1,64], %W2: f32[64,5]) {
  %5: f32[50,64] = matmul(%X, %W1)
  %6: f32[50,64] = add(%5, %b1)
  %7: f32[50,64] = tanh(%6)
  %8: f32[50,5] = matmul(%7, %W2)
  %9: f32[50,5] = subtract(%8, %y)
  %10: f32[50,5] = square(%9)
  %11: f32[] = reduce_sum(%10) {axes = [0,1], dtype = f32}
  %12: f32[64,5] = matmul(%7, %9) {trans_a = true}
  %13: f32[50,64] = matmul(%9, %W2) {trans_b = true}
  %14: f32[50,64] = square(%7)
  %15: f32[] = constant() {value = f32[] 1}
  %16: f32[50,64] = subtract(%15, %14)
  %17: f32[50,64] = multiply(%13, %16)
  %18: f32[20,64] = matmul(%X, %17) {trans_a = true}
  %19: f32[64] = reduce_sum(%17) {axes = [0], dtype = f32}
  return %11, %12, %18, %19
})");
}

TEST(Workspace, OfAHierarchicalModel) {
  expect_tight(R"(graph(%z: f64[100], %mu: f64[], %tau: f64[], %X: f64[500,3], %b: f64[3], %y: f64[500], %g: i64[500]) {
  %7: f64[] = exp(%tau)
  %8: f64[100] = multiply(%7, %z)
  %9: f64[100] = add(%mu, %8)
  %10: f64[500] = gather(%9, %g) {axes = [0]}
  %11: f64[500] = matvec(%X, %b)
  %12: f64[500] = add(%10, %11)
  %13: f64[500] = sigmoid(%12)
  %14: f64[500] = subtract(%y, %13)
  %15: f64[500] = softplus(%12)
  %16: f64[500] = multiply(%y, %12)
  %17: f64[500] = subtract(%16, %15)
  %18: f64[] = reduce_sum(%17) {axes = [0], dtype = f64}
  %19: f64[3] = matvec(%X, %14) {trans_a = true}
  %20: f64[100] = subtract(%z, %z)
  %21: f64[100] = scatter_add(%20, %14, %g) {axes = [0]}
  %22: f64[] = reduce_sum(%21) {axes = [0], dtype = f64}
  %23: f64[] = dot(%21, %z)
  return %18, %19, %21, %22, %23
})");
}

TEST(Workspace, OfAGaussianProcess) {
  expect_tight(R"(graph(%x: f64[60,1], %y: f64[60,1], %l: f64[]) {
  %3: f64[1,60] = transpose(%x) {perm = [1,0]}
  %4: f64[60,60] = subtract(%x, %3)
  %5: f64[60,60] = square(%4)
  %6: f64[60,60] = multiply(%5, %l)
  %7: f64[60,60] = negative(%6)
  %8: f64[60,60] = exp(%7)
  %9: f64[60,60] = cholesky(%8) {lower = true}
  %10: f64[60,1] = solve_triangular(%9, %y) {lower = true, trans = 0, unit_diagonal = false}
  %11: f64[60,1] = square(%10)
  %12: f64[] = reduce_sum(%11) {axes = [0,1], dtype = f64}
  %13: f64[60] = diagonal(%9) {axis1 = 0, axis2 = 1, offset = 0}
  %14: f64[60] = log(%13)
  %15: f64[] = reduce_sum(%14) {axes = [0], dtype = f64}
  %16: f64[] = add(%12, %15)
  return %16
})");
}

}  // namespace
}  // namespace gemmule
