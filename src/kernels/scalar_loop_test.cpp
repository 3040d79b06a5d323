#include "kernels/scalar_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "ir/error.h"
#include "kernels/hyp2f1.h"
#include "kernels/special_functions.h"
#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

using ::testing::HasSubstr;
using enum DType;

template <class T>
ElementwiseConstant constant(int reg, T value) {
  ElementwiseConstant c{reg, {}};
  std::memcpy(c.bits.data(), &value, sizeof value);
  return c;
}

// States x, y, k (i16); constants c, d: x, y, k = x * c + d * d, x, k + 1; done when x > 100.
// y becomes the old x, d * d is computed once for each element, and 100 is a literal.
ScalarLoopBody sample_body(bool until) {
  ScalarLoopBody body;
  body.states = 3;
  body.until = until;
  ElementwiseProgram& p = body.program;
  p.registers = {f64, f64, i16, f64, f64, f64, f64, f64, i16, i16, f64, bool_};
  p.n_inputs = 5;
  p.constants = {constant<std::int16_t>(8, 1), constant(10, 100.0)};
  p.code = {{Op::multiply, {4, 4}, 5},
            {Op::multiply, {0, 3}, 6},
            {Op::add, {6, 5}, 7},
            {Op::add, {2, 8}, 9},
            {Op::greater, {7, 10}, 11}};
  p.outputs = {7, 0, 9};
  if (until) p.outputs.push_back(11);
  return body;
}

struct Sample {
  double x, y;
  std::int16_t k;
  bool done;
};

Sample expected(bool until, std::int64_t n, Sample s, double c, double d) {
  s.done = false;
  for (std::int64_t i = 0; i < n && !s.done; ++i) {
    const double x = s.x * c + d * d;
    s = {x, s.x, static_cast<std::int16_t>(s.k + 1), until && x > 100};
  }
  return s;
}

TEST(ScalarLoop, AgreesWithALoopForEachElement) {
  std::mt19937 random(0);
  const std::vector<Extents> shapes = {{},    {0},   {1},   {7},    {63},     {64},     {65},
                                       {255}, {256}, {257}, {1000}, {5, 130}, {3, 1, 4}};
  for (const bool until : {false, true}) {
    for (const Extents& shape : shapes) {
      for (int trial = 0; trial < 12; ++trial) {
        const auto layout = [&](int count) {
          return static_cast<Layout>(random() % static_cast<unsigned>(count));
        };
        const auto input = [&](DType dtype, double low, double high) {
          TestArray array(dtype, shape, layout(kLayoutCount));
          for_each_index(shape, [&](const Extents& index) {
            const double value = std::uniform_real_distribution(low, high)(random);
            if (dtype == i64)
              array.set(index, static_cast<std::int64_t>(value));
            else if (dtype == i16)
              array.set(index, static_cast<std::int16_t>(value));
            else
              array.set(index, value);
          });
          return array;
        };
        const TestArray n = input(i64, until ? -3 : 0, 40), x = input(f64, -2, 2),
                        y = input(f64, -2, 2), k = input(i16, 0, 9), c = input(f64, 0.5, 2),
                        d = input(f64, 0, 2);
        const auto output = [&](DType dtype) {
          return TestArray(dtype, shape, layout(kWritableLayoutCount));
        };
        TestArray new_x = output(f64), new_y = output(f64), new_k = output(i16),
                  done = output(bool_);
        const std::vector<ConstView> in = {n.view(), x.view(), y.view(),
                                           k.view(), c.view(), d.view()};
        std::vector<View> out = {new_x.mutable_view(), new_y.mutable_view(), new_k.mutable_view()};
        if (until) out.push_back(done.mutable_view());
        std::vector<const void*> from;
        std::vector<void*> to;
        for (const ConstView& view : in) from.push_back(view.data);
        for (const View& view : out) to.push_back(view.data);
        const std::vector<bool> wanted =
            trial % 3 == 0 ? std::vector<bool>{true, false, true} : std::vector<bool>{};
        ScalarLoopKernel(sample_body(until), shape, in, out, wanted).run(from.data(), to.data());
        for_each_index(shape, [&](const Extents& index) {
          const Sample before{x.get<double>(index), y.get<double>(index),
                              k.get<std::int16_t>(index), false};
          const Sample after = expected(until, n.get<std::int64_t>(index), before,
                                        c.get<double>(index), d.get<double>(index));
          ASSERT_EQ(new_x.get<double>(index), after.x);
          ASSERT_EQ(new_y.get<double>(index), wanted.empty() ? after.y : 0);
          ASSERT_EQ(new_k.get<std::int16_t>(index), after.k);
          if (until) {
            ASSERT_EQ(done.get<bool>(index), after.done);
          }
        });
        EXPECT_TRUE(new_x.margins_untouched() && new_y.margins_untouched() &&
                    new_k.margins_untouched() && done.margins_untouched());
      }
    }
  }
}

// States that swap, a state that becomes a constant, one that becomes a literal, twice the same
// value.
TEST(ScalarLoop, OutputsOfAllKinds) {
  ScalarLoopBody body;
  body.states = 5;
  ElementwiseProgram& p = body.program;
  p.registers.assign(8, f64);
  p.n_inputs = 6;  // a, b, c, d, e; constant f
  p.constants = {constant(6, 7.0)};
  p.code = {{Op::add, {0, 1}, 7}};
  p.outputs = {1, 0, 5, 6, 7};
  const std::int64_t n = 3;
  const double values[] = {1, 2, 3, 4, 5, 6};
  std::vector<ConstView> in = {{&n, i64, {}, {}}};
  std::vector<const void*> from = {&n};
  double results[5];
  std::vector<View> out;
  std::vector<void*> to;
  for (const double& value : values) in.push_back({&value, f64, {}, {}}), from.push_back(&value);
  for (double& result : results) out.push_back({&result, f64, {}, {}}), to.push_back(&result);
  ScalarLoopKernel(body, {}, in, out).run(from.data(), to.data());
  EXPECT_THAT(results, testing::ElementsAre(2, 1, 6, 7, 3));
  p.outputs = {7, 7, 7, 7, 7};
  ScalarLoopKernel(body, {}, in, out).run(from.data(), to.data());
  EXPECT_THAT(results, testing::Each(12));
}

TEST(ScalarLoop, NegativeStepsNeedACondition) {
  const std::int64_t n = -1;
  const double x = 1, y = 2;
  const std::int16_t k = 3;
  double new_x, new_y;
  std::int16_t new_k;
  const std::vector<ConstView> in = {{&n, i64, {}, {}}, {&x, f64, {}, {}}, {&y, f64, {}, {}},
                                     {&k, i16, {}, {}}, {&x, f64, {}, {}}, {&y, f64, {}, {}}};
  const std::vector<View> out = {
      {&new_x, f64, {}, {}}, {&new_y, f64, {}, {}}, {&new_k, i16, {}, {}}};
  const ScalarLoopKernel kernel(sample_body(false), {}, in, out);
  const void* const from[] = {&n, &x, &y, &k, &x, &y};
  void* const to[] = {&new_x, &new_y, &new_k};
  try {
    kernel.run(from, to);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_STREQ(
        error.what(),
        "[scalar_loop] the number of steps is -1 and the loop has no condition that ends it");
  }
}

TEST(ScalarLoop, ChecksBodyAndViews) {
  const double x = 0;
  const std::vector<ConstView> in = {{&x, f64, {}, {}}};
  const auto message = [&](const ScalarLoopBody& body) -> std::string {
    try {
      ScalarLoopKernel(body, {}, in, {});
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  ScalarLoopBody body = sample_body(true);
  EXPECT_THAT(message(body), HasSubstr("do not fit the body"));
  body.states = 4;
  EXPECT_THAT(message(body), HasSubstr("5 inputs and 4 outputs for 4 states"));
}

TEST(Hyp2f1, AllLayouts) {
  std::mt19937 random(1);
  for (const DType dtype : {f64, f32}) {
    for (const Extents& shape : std::vector<Extents>{{}, {0}, {5}, {3, 4}}) {
      for (int trial = 0; trial < 10; ++trial) {
        std::vector<TestArray> in;
        std::vector<ConstView> views;
        std::vector<const void*> from;
        for (int i = 0; i < 4; ++i) {
          in.emplace_back(dtype, shape, static_cast<Layout>(random() % kLayoutCount));
          for_each_index(shape, [&](const Extents& index) {
            const double value = std::uniform_real_distribution(0.1, 0.9)(random);
            if (dtype == f64)
              in.back().set(index, value);
            else
              in.back().set(index, static_cast<float>(value));
          });
        }
        for (const TestArray& array : in)
          views.push_back(array.view()), from.push_back(array.view().data);
        TestArray out(dtype, shape, static_cast<Layout>(random() % kWritableLayoutCount));
        Hyp2f1Kernel(views, out.mutable_view()).run(from.data(), out.mutable_view().data);
        for_each_index(shape, [&](const Extents& index) {
          const auto x = [&](int i) {
            return dtype == f64 ? in[i].get<double>(index)
                                : static_cast<double>(in[i].get<float>(index));
          };
          const double expected = special::hyp2f1(x(0), x(1), x(2), x(3));
          if (dtype == f64) {
            ASSERT_EQ(out.get<double>(index), expected);
          } else {
            ASSERT_EQ(out.get<float>(index), static_cast<float>(expected));
          }
        });
        EXPECT_TRUE(out.margins_untouched());
      }
    }
  }
}

}  // namespace
}  // namespace gemmule::kernels
