// Passes that reduce on the way, against loops over the elements.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "kernels/elementwise.h"
#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

using enum DType;

Extents without(const Extents& shape, const std::vector<int>& axes) {
  Extents kept;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (std::find(axes.begin(), axes.end(), static_cast<int>(d)) == axes.end()) {
      kept.push_back(shape[d]);
    }
  }
  return kept;
}

std::vector<int> random_axes(std::mt19937& random, std::size_t rank) {
  std::vector<int> axes;
  const unsigned subset = random() % 3 == 0 ? ~0u : random();
  for (std::size_t d = 0; d < rank; ++d) {
    if (subset >> d & 1) axes.push_back(static_cast<int>(d));
  }
  return axes;
}

template <class T>
bool folds(Op op) {
  if (op == Op::reduce_any || op == Op::reduce_all) return std::same_as<T, bool>;
  return !Complex<T> || op == Op::reduce_sum || op == Op::reduce_prod;
}

template <class T>
T fold(Op op, T x, T y) {
  if (op == Op::reduce_sum || op == Op::reduce_any) return call<fn_add>(x, y);
  if (op == Op::reduce_prod || op == Op::reduce_all) return call<fn_multiply>(x, y);
  if constexpr (Ordered<T>) {
    return op == Op::reduce_max ? call<fn_maximum>(x, y) : call<fn_minimum>(x, y);
  }
  return x;
}

constexpr Op kReductions[] = {Op::reduce_sum, Op::reduce_prod, Op::reduce_max,
                              Op::reduce_min, Op::reduce_any,  Op::reduce_all};

// Small integers, whose sums are exact, and powers of two, whose products are.
template <class T>
void fill_exact(TestArray& x, std::mt19937& random, bool powers) {
  for_each_index(x.shape(), [&](const Extents& index) {
    const int sign = random() % 2 ? 1 : -1;
    const int power = random() % 4096 == 0 ? 2 * sign : sign;
    const int integer = static_cast<int>(random() % 9) - 4;
    x.set(index, detail::cast<T>(powers ? power : integer));
  });
}

// Outputs at random of x, y and x + y, each as it is or reduced over random axes.
template <class T>
void check_random_pass(DType dtype, const Extents& shape, std::mt19937& random, bool plain_layout) {
  const auto layout = [&](int count) {
    return plain_layout ? Layout::row_major : static_cast<Layout>(random() % count);
  };
  TestArray x(dtype, shape, layout(kLayoutCount)), y(dtype, shape, layout(kLayoutCount));
  fill_exact<T>(x, random, false);
  fill_exact<T>(y, random, true);

  ElementwiseProgram p;
  p.registers = {dtype, dtype, dtype};
  p.n_inputs = 2;
  p.code = {{Op::add, {0, 1}, 2}};
  std::vector<TestArray> out;
  const int count = 1 + static_cast<int>(random() % 4);
  for (int k = 0; k < count; ++k) {
    ElementwiseReduction reduction;
    int reg = static_cast<int>(random() % 3);
    if (random() % 4 != 0) {
      do reduction.op = kReductions[random() % 6];
      while (!folds<T>(reduction.op));
      reduction.axes = random_axes(random, shape.size());
      if (reduction.op == Op::reduce_prod) reg = 1;
    }
    p.outputs.push_back(reg);
    out.emplace_back(dtype, without(shape, reduction.axes), layout(kWritableLayoutCount));
    p.reductions.push_back(std::move(reduction));
  }
  std::vector<View> views;
  std::vector<const void*> in_data = {x.view().data, y.view().data};
  std::vector<void*> out_data;
  for (TestArray& o : out) {
    views.push_back(o.mutable_view());
    out_data.push_back(views.back().data);
  }
  const ElementwiseKernel kernel(p, shape, {{x.view(), y.view()}}, views);
  for (int repeat = 0; repeat < 2; ++repeat) kernel.run(in_data.data(), out_data.data());

  for (int k = 0; k < count; ++k) {
    const auto& [op, axes] = p.reductions[k];
    TestArray expected(dtype, out[k].shape(), Layout::row_major);
    TestArray seen(bool_, out[k].shape(), Layout::row_major);
    for_each_index(shape, [&](const Extents& index) {
      const Extents at = without(index, axes);
      const T values[] = {x.get<T>(index), y.get<T>(index),
                          call<fn_add>(x.get<T>(index), y.get<T>(index))};
      const T value = values[p.outputs[k]];
      expected.set(at, seen.get<bool>(at) ? fold(op, expected.get<T>(at), value) : value);
      seen.set(at, true);
    });
    for_each_index(out[k].shape(), [&](const Extents& index) {
      ASSERT_EQ(out[k].get<T>(index), expected.get<T>(index))
          << info(op).name << " of output " << k << " at " << ::testing::PrintToString(index)
          << ", shape " << ::testing::PrintToString(shape) << ", axes "
          << ::testing::PrintToString(axes) << ", " << name(dtype);
    });
    ASSERT_TRUE(out[k].margins_untouched());
  }
}

TEST(ElementwiseReduce, RandomPasses) {
  std::mt19937 random(0);
  const std::vector<Extents> shapes = {
      {},           {1},          {7},        {31},         {1023},       {1025},
      {9000},       {3, 4},       {1000, 3},  {3, 1000},    {70, 1030},   {300, 9},
      {2, 3, 4},    {5, 70, 6},   {50, 4, 4}, {1, 5, 1},    {200, 130},   {2, 1, 3, 2},
      {40, 3, 7},   {3, 2, 150},  {2, 2500},  {6, 3, 300},  {130, 129},   {4, 1, 9},
      {3, 2, 1100}, {2, 3, 2, 3}, {1500, 2},  {2, 1100, 3}, {90, 2, 2, 5}};
  for (const DType dtype : {f64, f32, i64, i32, i8, u16, bool_, c64, c128}) {
    for (const Extents& shape : shapes) {
      const int trials = element_count(shape) > 20000 ? 4 : dtype == f64 ? 40 : 10;
      for (int trial = 0; trial < trials; ++trial) {
        visit_dtype(dtype, [&]<class T>(T) {
          if constexpr (!std::same_as<T, Half>) {
            check_random_pass<T>(dtype, shape, random, trial % 4 == 0);
          }
        });
        if (HasFatalFailure()) return;
      }
    }
  }
}

// x*x summed over `axes`, with a row and a column broadcast into it.
TEST(ElementwiseReduce, BroadcastOperands) {
  std::mt19937 random(1);
  for (const Extents& shape : std::vector<Extents>{{40, 3}, {2000, 5}, {7, 900}, {30, 200}}) {
    for (const std::vector<int>& axes : std::vector<std::vector<int>>{{0}, {1}, {0, 1}}) {
      std::vector<double> x(element_count(shape)), row(shape[1]), column(shape[0]);
      for (auto* v : {&x, &row, &column}) {
        for (double& e : *v) e = static_cast<double>(random() % 7) - 3;
      }
      const double scale = 2;
      ElementwiseProgram p;  // (x - row) * column * scale
      p.registers = {f64, f64, f64, f64, f64, f64, f64};
      p.n_inputs = 4;
      p.code = {{Op::subtract, {0, 1}, 4}, {Op::multiply, {2, 3}, 5}, {Op::multiply, {4, 5}, 6}};
      p.outputs = {6, 5};
      p.reductions = {{Op::reduce_sum, axes}, {Op::reduce_max, axes}};
      const Extents kept = without(shape, axes);
      std::vector<double> sum(element_count(kept)), expected(sum), most(sum), expected_most(sum);
      std::fill(expected_most.begin(), expected_most.end(), -1e9);
      for (std::int64_t i = 0; i < shape[0]; ++i) {
        for (std::int64_t j = 0; j < shape[1]; ++j) {
          const auto at = axes.size() == 2 ? 0 : axes[0] == 0 ? j : i;
          expected[at] += (x[i * shape[1] + j] - row[j]) * (column[i] * scale);
          expected_most[at] = std::max(expected_most[at], column[i] * scale);
        }
      }
      const std::vector<ConstView> in = {{nullptr, f64, shape, {shape[1], 1}},
                                         {nullptr, f64, shape, {0, 1}},
                                         {nullptr, f64, shape, {1, 0}},
                                         {nullptr, f64, shape, {0, 0}}};
      const View out{nullptr, f64, kept, row_major_strides(kept)};
      const ElementwiseKernel kernel(p, shape, in, {{out, out}});
      const void* addresses[] = {x.data(), row.data(), column.data(), &scale};
      void* results[] = {sum.data(), most.data()};
      kernel.run(addresses, results);
      EXPECT_EQ(sum, expected);
      EXPECT_EQ(most, expected_most);
    }
  }
}

TEST(ElementwiseReduce, SumsArePairwise) {
  std::mt19937 random(2);
  std::uniform_real_distribution<float> uniform(0, 1);
  const std::int64_t rows = 3000, columns = 1000;
  std::vector<float> x(rows * columns);
  for (float& v : x) v = uniform(random);
  ElementwiseProgram p;
  p.registers = {f32};
  p.n_inputs = 1;
  p.outputs = {0, 0, 0};
  p.reductions = {{Op::reduce_sum, {0, 1}}, {Op::reduce_sum, {1}}, {Op::reduce_sum, {0}}};
  std::vector<float> total(1), by_row(rows), by_column(columns);
  const Extents shape = {rows, columns};
  const auto view = [](const std::vector<float>& v, bool scalar) {
    const auto n = static_cast<std::int64_t>(v.size());
    return scalar ? View{nullptr, f32, {}, {}} : View{nullptr, f32, {n}, {1}};
  };
  const ElementwiseKernel kernel(
      p, shape, {{ConstView{nullptr, f32, shape, {columns, 1}}}},
      {{view(total, true), view(by_row, false), view(by_column, false)}});
  const void* in[] = {x.data()};
  void* out[] = {total.data(), by_row.data(), by_column.data()};
  kernel.run(in, out);

  double sum = 0;
  std::vector<double> of_row(rows), of_column(columns);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      const double v = x[i * columns + j];
      sum += v, of_row[i] += v, of_column[j] += v;
    }
  }
  EXPECT_NEAR(total[0], sum, 3e-7 * sum);
  for (std::int64_t i = 0; i < rows; ++i) ASSERT_NEAR(by_row[i], of_row[i], 1e-6 * of_row[i]);
  for (std::int64_t j = 0; j < columns; ++j) {
    ASSERT_NEAR(by_column[j], of_column[j], 1e-6 * of_column[j]);
  }
}

TEST(ElementwiseReduce, NanWinsInMaximaAndMinima) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ElementwiseProgram p;
  p.registers = {f64};
  p.n_inputs = 1;
  p.outputs = {0, 0, 0, 0};
  p.reductions = {{Op::reduce_max, {0, 1}},
                  {Op::reduce_min, {0, 1}},
                  {Op::reduce_max, {0}},
                  {Op::reduce_min, {1}}};
  for (const Extents& shape :
       std::vector<Extents>{{4, 3}, {3, 4}, {5, 200}, {3000, 3}, {2, 3000}}) {
    for (const std::int64_t at :
         {std::int64_t{0}, element_count(shape) / 2, element_count(shape) - 1}) {
      std::vector<double> x(element_count(shape), 1), high(shape[1]), low(shape[0]);
      x[at] = nan;
      double most = 0, least = 0;
      const std::vector<View> views = {{nullptr, f64, {}, {}},
                                       {nullptr, f64, {}, {}},
                                       {nullptr, f64, {shape[1]}, {1}},
                                       {nullptr, f64, {shape[0]}, {1}}};
      const ElementwiseKernel kernel(
          p, shape, {{ConstView{nullptr, f64, shape, row_major_strides(shape)}}}, views);
      const void* in[] = {x.data()};
      void* out[] = {&most, &least, high.data(), low.data()};
      kernel.run(in, out);
      EXPECT_TRUE(std::isnan(most) && std::isnan(least));
      for (std::int64_t j = 0; j < shape[1]; ++j)
        EXPECT_EQ(std::isnan(high[j]), j == at % shape[1]);
      for (std::int64_t i = 0; i < shape[0]; ++i) EXPECT_EQ(std::isnan(low[i]), i == at / shape[1]);
    }
  }
}

// y = x*x takes the place of x while x is summed, and x moves on to z.
TEST(ElementwiseReduce, InPlaceResultsBesideReductions) {
  for (const std::int64_t n : {1, 5, 1000, 5000}) {
    std::vector<double> x(n);
    std::iota(x.begin(), x.end(), 1);
    const std::vector<double> before = x;
    const double expected = std::accumulate(x.begin(), x.end(), 0.0);
    ElementwiseProgram p;
    p.registers = {f64, f64, f64};
    p.n_inputs = 1;
    p.code = {{Op::multiply, {0, 0}, 1}, {Op::add, {0, 1}, 2}};
    p.outputs = {1, 0, 2};
    p.reductions = {{}, {Op::reduce_sum, {0}}, {Op::reduce_max, {0}}};
    const View view{nullptr, f64, {n}, {1}}, scalar{nullptr, f64, {}, {}};
    const ElementwiseKernel kernel(p, {n}, {{view}}, {{view, scalar, scalar}});
    double sum = 0, most = 0;
    const void* in[] = {x.data()};
    void* out[] = {x.data(), &sum, &most};
    kernel.run(in, out);
    EXPECT_EQ(sum, expected);
    EXPECT_EQ(most, static_cast<double>(n) * (n + 1));
    for (std::int64_t i = 0; i < n; ++i) ASSERT_EQ(x[i], before[i] * before[i]);
    // Elsewhere x stays.
    std::vector<double> y(n);
    in[0] = before.data(), out[0] = y.data();
    kernel.run(in, out);
    EXPECT_EQ(y, x);
    EXPECT_EQ(sum, expected);
  }
}

TEST(ElementwiseReduce, EmptyPasses) {
  ElementwiseProgram p;
  p.registers = {f64, bool_, f64};
  p.n_inputs = 2;
  p.code = {{Op::exp, {0}, 2}};
  p.outputs = {2, 2, 1, 1, 2};
  p.reductions = {{Op::reduce_sum, {0}},
                  {Op::reduce_prod, {0}},
                  {Op::reduce_any, {0}},
                  {Op::reduce_all, {0}},
                  {}};
  std::vector<double> sum(4, 7), product(4, 7);
  bool any[] = {true, true}, all[] = {false, false};
  const Extents shape = {0, 2};
  const std::vector<ConstView> in = {{nullptr, f64, shape, {2, 1}},
                                     {nullptr, bool_, shape, {2, 1}}};
  const std::vector<View> out = {{sum.data(), f64, {2}, {2}},
                                 {product.data(), f64, {2}, {1}},
                                 {any, bool_, {2}, {1}},
                                 {all, bool_, {2}, {1}},
                                 {nullptr, f64, shape, {2, 1}}};
  run(p, in, out);
  EXPECT_EQ(sum, (std::vector<double>{0, 7, 0, 7}));
  EXPECT_EQ(product, (std::vector<double>{1, 1, 7, 7}));
  EXPECT_FALSE(any[0] || any[1]);
  EXPECT_TRUE(all[0] && all[1]);

  // A kept part that is empty: nothing is written.
  p.outputs = {2};
  p.reductions = {{Op::reduce_max, {0}}};
  const Extents no_columns = {2, 0};
  const ElementwiseKernel kernel(p, no_columns,
                                 {{ConstView{nullptr, f64, no_columns, {0, 1}},
                                   ConstView{nullptr, bool_, no_columns, {0, 1}}}},
                                 {{View{nullptr, f64, {0}, {1}}}});
  const void* addresses[] = {nullptr, nullptr};
  void* results[] = {nullptr};
  kernel.run(addresses, results);
}

std::string error_of(const ElementwiseProgram& p, const Extents& shape, const View& out) {
  try {
    const ElementwiseKernel kernel(
        p, shape, {{ConstView{nullptr, p.registers[0], shape, row_major_strides(shape)}}}, {{out}});
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST(ElementwiseReduce, Messages) {
  ElementwiseProgram p;
  p.registers = {f64};
  p.n_inputs = 1;
  p.outputs = {0};
  const View scalar{nullptr, f64, {}, {}};
  p.reductions = {{Op::reduce_max, {0}}};
  EXPECT_EQ(error_of(p, {0}, scalar),
            "[reduce_max] zero-size array to reduction operation maximum which has no identity");
  EXPECT_EQ(error_of(p, {3}, scalar), "");
  EXPECT_EQ(error_of(p, {3, 2}, scalar), "[elementwise] output 0 has shape [], the pass [3,2]");
  p.reductions = {{Op::reduce_min, {1}}};
  EXPECT_EQ(error_of(p, {3, 0}, View{nullptr, f64, {3}, {1}}),
            "[reduce_min] zero-size array to reduction operation minimum which has no identity");
  EXPECT_EQ(error_of(p, {3}, scalar), "[elementwise] output 0 is reduced over axis 1 of 1");
  p.reductions = {{Op::reduce_sum, {1, 0}}};
  EXPECT_EQ(error_of(p, {3, 2}, scalar),
            "[elementwise] output 0 (reduce_sum): axes are not ascending from 0 on");
  p.reductions = {{Op::argmax, {0}}};
  EXPECT_EQ(error_of(p, {3}, scalar), "[elementwise] output 0 (argmax): not a reduction");
  p.reductions = {{Op::reduce_any, {0}}};
  EXPECT_EQ(error_of(p, {3}, scalar),
            "[elementwise] output 0 (reduce_any): not defined for float64");
  p.reductions = {{Op::reduce_sum, {0}}, {}};
  EXPECT_EQ(error_of(p, {3}, scalar), "[elementwise] 2 reductions for 1 outputs");
  p.reductions = {{Op::reduce_sum, {0}}};
  p.registers = {f16};
  EXPECT_EQ(error_of(p, {3}, View{nullptr, f16, {}, {}}),
            "[elementwise] output 0 (reduce_sum): not defined for float16");
  p.registers = {c64};
  p.reductions = {{Op::reduce_max, {0}}};
  EXPECT_EQ(error_of(p, {3}, View{nullptr, c64, {}, {}}),
            "[elementwise] output 0 (reduce_max): not defined for complex64");
  p.registers = {f64};
  p.reductions = {{}};
  EXPECT_EQ(error_of(p, {3}, View{nullptr, f64, {3}, {0}}),
            "[elementwise] output 0 has a stride of 0");
}

}  // namespace
}  // namespace gemmule::kernels
