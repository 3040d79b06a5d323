#include "kernels/elementwise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <thread>

#include "kernels/elementwise_loops.h"
#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

using ::testing::HasSubstr;
using enum DType;

ElementwiseConstant constant(int reg, double value) {
  ElementwiseConstant c{reg, {}};
  std::memcpy(c.bits.data(), &value, sizeof value);
  return c;
}

// y = where(x0 > 0, exp(x0 * x1) + c, cast(x2)); z = y * y
ElementwiseProgram sample_program() {
  ElementwiseProgram p;
  p.registers = {f64, f64, i32, f64, bool_, f64, f64, f64, f64, f64, f64, f64};
  p.n_inputs = 3;
  p.constants = {constant(3, 0.5), constant(10, 0.0)};
  p.code = {{Op::greater, {0, 10}, 4}, {Op::multiply, {0, 1}, 5}, {Op::exp, {5}, 6},
            {Op::add, {6, 3}, 7},      {Op::cast, {2}, 8},        {Op::where, {4, 7, 8}, 9},
            {Op::multiply, {9, 9}, 11}};
  p.outputs = {9, 11};
  return p;
}

double sample_y(double x0, double x1, double x2) { return x0 > 0 ? std::exp(x0 * x1) + 0.5 : x2; }

void check_sample(const TestArray& x0, const TestArray& x1, const TestArray& x2, TestArray& y,
                  TestArray& z) {
  run(sample_program(), {{x0.view(), x1.view(), x2.view()}},
      {{y.mutable_view(), z.mutable_view()}});
  for_each_index(y.shape(), [&](const Extents& index) {
    const double expected =
        sample_y(x0.get<double>(index), x1.get<double>(index), x2.get<std::int32_t>(index));
    ASSERT_NEAR(y.get<double>(index), expected, 1e-14 * std::abs(expected));
    ASSERT_NEAR(z.get<double>(index), expected * expected, 1e-14 * expected * expected);
  });
}

TEST(Elementwise, AllLayoutsAndSizes) {
  std::mt19937 random(0);
  const std::vector<Extents> shapes = {{},        {0},       {1},         {7},         {127},
                                       {128},     {129},     {511},       {1023},      {1024},
                                       {1025},    {5000},    {3, 5},      {200, 3},    {3, 200},
                                       {2, 0, 3}, {4, 1, 9}, {5, 130, 2}, {2, 3, 4, 5}};
  for (const Extents& shape : shapes) {
    for (int layout = 0; layout < 40; ++layout) {
      const auto pick = [&] { return static_cast<Layout>(random() % kLayoutCount); };
      const auto writable = [&] { return static_cast<Layout>(random() % kWritableLayoutCount); };
      TestArray x0(f64, shape, pick()), x1(f64, shape, pick()), x2(i32, shape, pick());
      TestArray y(f64, shape, layout ? writable() : Layout::row_major),
          z(f64, shape, layout ? writable() : Layout::row_major);
      x0.fill(random), x1.fill(random), x2.fill(random);
      check_sample(x0, x1, x2, y, z);
    }
  }
}

TEST(Elementwise, InPlace) {
  for (const std::int64_t n : {1, 16, 1000, 5000}) {
    std::vector<double> x(n), a(n);
    for (std::int64_t i = 0; i < n; ++i) x[i] = i, a[i] = 2 * i;
    // y = (x + a) * x reads x after the first result, so y may not be written at once.
    ElementwiseProgram p;
    p.registers = {f64, f64, f64, f64};
    p.n_inputs = 2;
    p.code = {{Op::add, {0, 1}, 2}, {Op::multiply, {2, 0}, 3}};
    p.outputs = {3, 2};
    const View vx{x.data(), f64, {n}, {1}}, va{a.data(), f64, {n}, {1}};
    run(p, {{vx, va}}, {{va, vx}});
    for (std::int64_t i = 0; i < n; ++i) {
      ASSERT_EQ(a[i], 3.0 * i * i);
      ASSERT_EQ(x[i], 3.0 * i);
    }
  }
}

TEST(Elementwise, OutputsThatAreOperandsOrConstantsOrEqual) {
  std::vector<double> x = {1, 2, 3}, a(3), b(3), c(3), d(3);
  ElementwiseProgram p;
  p.registers = {f64, f64, f64};
  p.n_inputs = 1;
  p.constants = {constant(1, 7)};
  p.code = {{Op::negative, {0}, 2}};
  p.outputs = {0, 1, 2, 2};
  const auto view = [](std::vector<double>& v) { return View{v.data(), f64, {3}, {1}}; };
  run(p, {{view(x)}}, {{view(a), view(b), view(c), view(d)}});
  EXPECT_EQ(a, x);
  EXPECT_EQ(b, (std::vector<double>{7, 7, 7}));
  EXPECT_EQ(c, (std::vector<double>{-1, -2, -3}));
  EXPECT_EQ(d, c);
  // x moves out while -x takes its place.
  const std::vector<double> before = x;
  p.outputs = {2, 0};
  run(p, {{view(x)}}, {{view(x), view(a)}});
  EXPECT_EQ(a, before);
  EXPECT_EQ(x, c);
}

TEST(Elementwise, KernelIsReentrant) {
  const std::int64_t n = 3000;
  ElementwiseProgram p;
  p.registers = {f64, f64, f64};
  p.n_inputs = 1;
  p.code = {{Op::exp, {0}, 1}, {Op::log, {1}, 2}};
  p.outputs = {2};
  const ElementwiseKernel kernel(p, {{ConstView{nullptr, f64, {n}, {1}}}},
                                 {{View{nullptr, f64, {n}, {1}}}});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&kernel, t] {
      std::vector<double> x(n, t), y(n);
      for (int k = 0; k < 50; ++k) {
        const void* in[] = {x.data()};
        void* out[] = {y.data()};
        kernel.run(in, out);
        for (const double v : y) ASSERT_NEAR(v, t, 1e-14);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Elementwise, LongProgramsReuseRegisters) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 50; ++trial) {
    ElementwiseProgram p;
    p.registers = {f64, f64, f32};
    p.n_inputs = 3;
    const std::vector<Op> binary = {Op::add, Op::subtract, Op::multiply, Op::maximum};
    for (int k = 0; k < 40; ++k) {
      const int out = static_cast<int>(p.registers.size());
      const auto any = [&] { return static_cast<int>(random() % out); };
      const int a = any();
      if (random() % 4 == 0) {
        p.registers.push_back(p.registers[a] == f64 ? f32 : f64);
        p.code.push_back({Op::cast, {a}, out});
      } else {
        int b = any();
        while (p.registers[b] != p.registers[a]) b = any();
        p.registers.push_back(p.registers[a]);
        p.code.push_back({binary[random() % binary.size()], {a, b}, out});
      }
    }
    const int last = static_cast<int>(p.registers.size()) - 1;
    p.outputs = {last, last - 5, last - 17};
    const Extents shape = {37, 41};
    std::vector<TestArray> arrays;  // one per register, computed one op at a time
    for (std::size_t r = 0; r < p.registers.size(); ++r) {
      arrays.emplace_back(p.registers[r], shape,
                          r < 3 ? static_cast<Layout>(random() % kLayoutCount) : Layout::row_major);
      if (r < 3) arrays.back().fill(random);
    }
    for (const ElementwiseInstruction& i : p.code) {
      std::vector<ConstView> in;
      for (int a = 0; a < info(i.op).arity; ++a) in.push_back(arrays[i.in[a]].view());
      apply(i.op, in, arrays[i.out].mutable_view());
    }
    std::vector<TestArray> results;
    std::vector<ConstView> in;
    std::vector<View> out;
    for (int k = 0; k < 3; ++k) in.push_back(arrays[k].view());
    for (const int r : p.outputs) results.emplace_back(p.registers[r], shape, Layout::row_major);
    for (TestArray& r : results) out.push_back(r.mutable_view());
    run(p, in, out);
    for (std::size_t k = 0; k < results.size(); ++k) {
      EXPECT_TRUE(same_bits(results[k], arrays[p.outputs[k]])) << "trial " << trial;
    }
  }
}

std::string error_of(const ElementwiseProgram& p) {
  try {
    validate(p);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST(Elementwise, Messages) {
  ElementwiseProgram p;
  p.registers = {f64, f32, f64};
  p.n_inputs = 2;
  p.outputs = {2};
  EXPECT_EQ(error_of(p), "[elementwise] output: register 2 is read before it is written");
  p.code = {{Op::add, {0, 1}, 2}};
  EXPECT_EQ(error_of(p), "[elementwise] instruction 0 (add): operands are float64 and float32");
  p.code = {{Op::less, {0, 0}, 2}};
  EXPECT_EQ(error_of(p), "[elementwise] instruction 0 (less): the result is bool, not float64");
  p.code = {{Op::bitwise_and, {0, 0}, 2}};
  EXPECT_EQ(error_of(p), "[elementwise] instruction 0 (bitwise_and): not defined for float64");
  p.code = {{Op::where, {0, 0, 0}, 2}};
  EXPECT_EQ(error_of(p), "[elementwise] instruction 0 (where): the condition is float64, not bool");
  p.code = {{Op::exp, {5}, 2}};
  EXPECT_EQ(error_of(p), "[elementwise] instruction 0 (exp): register 5 of 3");
  p.code = {{Op::exp, {0}, 0}};
  EXPECT_EQ(error_of(p), "[elementwise] instruction 0 (exp): register 0 is written twice");
  p.code = {{Op::gemm, {0}, 2}};
  EXPECT_EQ(error_of(p), "[elementwise] instruction 0 (gemm): not an elementwise op");
  p.n_inputs = 9;
  EXPECT_EQ(error_of(p), "[elementwise] 9 inputs, but 3 registers");
  p.n_inputs = 2;
  p.code = {{Op::exp, {0}, 2}};
  EXPECT_EQ(error_of(p), "");

  const auto error_of_run = [&](const Extents& shape, DType dtype,
                                std::size_t count) -> std::string {
    std::vector<double> memory(100);
    const View x{memory.data(), f64, {2}, {1}}, w{memory.data(), f32, {2}, {1}};
    const View y{memory.data(), dtype, shape, row_major_strides(shape)};
    try {
      run(p, std::vector<ConstView>{x, w}, std::vector<View>(count, y));
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(error_of_run({3}, f64, 1), "[elementwise] input 0 has shape [2], output 0 [3]");
  EXPECT_EQ(error_of_run({2}, f32, 1), "[elementwise] output 0 is float32, its register float64");
  EXPECT_THAT(error_of_run({2}, f64, 2), HasSubstr("2 inputs and 1 outputs, not 2 and 2"));
}

}  // namespace
}  // namespace gemmule::kernels
