// One element at a time against the same program over blocks.
#include "kernels/scalar_code.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNumbers[] = {0.0, -0.0, 1.0, -1.5, 2.5, 1e300, -1e-300, kInf, -kInf, std::nan("")};

// The op on all pairs of numbers as one pass, and pair by pair.
void compare(Op op, DType result) {
  ElementwiseProgram program{.registers = {DType::f64, DType::f64, result}, .n_inputs = 2};
  program.code = {{op, {0, 1}, 2}};
  program.outputs = {2};
  const auto code = ScalarCode::of(program);
  ASSERT_TRUE(code) << info(op).name;
  std::vector<double> x, y;
  for (const double a : kNumbers) {
    for (const double b : kNumbers) x.push_back(a), y.push_back(b);
  }
  const auto count = static_cast<std::int64_t>(x.size());
  std::vector<double> expected(x.size());
  const View out{expected.data(), result, {count}, {1}};
  run(program, {{{x.data(), DType::f64, {count}, {1}}, {y.data(), DType::f64, {count}, {1}}}}, {{out}});
  const std::size_t size = size_of(result);
  for (std::size_t i = 0; i < x.size(); ++i) {
    double found = 0;
    const void* const in[] = {&x[i], &y[i]};
    void* const to[] = {&found};
    code->run(in, to);
    const std::byte* const whole = reinterpret_cast<const std::byte*>(expected.data()) + i * size;
    double wanted = 0;
    std::memcpy(&wanted, whole, size);
    if (result == DType::f64 && std::isnan(wanted) && std::isnan(found)) continue;
    EXPECT_EQ(std::memcmp(&found, whole, size), 0) << info(op).name << " of " << x[i] << ", " << y[i];
  }
}

TEST(ScalarCode, OpsOfNumbers) {
  for (const Op op : {Op::add, Op::subtract, Op::multiply, Op::divide, Op::maximum, Op::minimum, Op::negative,
                      Op::absolute, Op::square, Op::sqrt, Op::reciprocal, Op::floor, Op::sign}) {
    compare(op, DType::f64);
  }
  for (const Op op : {Op::equal, Op::not_equal, Op::less, Op::less_equal, Op::greater, Op::greater_equal, Op::isnan,
                      Op::isinf}) {
    compare(op, DType::bool_);
  }
}

TEST(ScalarCode, CallsTheLoopsOfFunctions) {
  ElementwiseProgram program{.registers = {DType::f64, DType::f64}, .n_inputs = 1};
  program.code = {{Op::exp, {0}, 1}};
  program.outputs = {1};
  const double x = 0.7;
  double y = 0;
  const void* const in[] = {&x};
  void* const out[] = {&y};
  ScalarCode::of(program)->run(in, out);
  EXPECT_NEAR(y, std::exp(0.7), 1e-15);
}

TEST(ScalarCode, LogicAndChoice) {
  // where((x < y) and not isnan(x) or x == y, x, 7)
  ElementwiseProgram program{.registers = std::vector<DType>(9, DType::bool_), .n_inputs = 2};
  for (const int number : {0, 1, 7, 8}) program.registers[number] = DType::f64;
  ElementwiseConstant seven{7, {}};
  const double value = 7;
  std::memcpy(seven.bits.data(), &value, sizeof value);
  program.constants = {seven};
  program.code = {{Op::less, {0, 1}, 2}, {Op::isnan, {0}, 3},           {Op::invert, {3}, 4}, {Op::bitwise_and, {2, 4}, 5},
                  {Op::equal, {0, 1}, 6}, {Op::where, {5, 0, 7}, 8}};
  program.outputs = {8, 5};
  const auto code = ScalarCode::of(program);
  ASSERT_TRUE(code);
  for (const double x : kNumbers) {
    for (const double y : kNumbers) {
      double result = x;
      bool holds = false;
      const void* const in[] = {&result, &y};  // in place
      void* const out[] = {&result, &holds};
      code->run(in, out);
      EXPECT_EQ(holds, x < y);
      EXPECT_EQ(result, x < y ? x : 7);
    }
  }
}

TEST(ScalarCode, OtherProgramsAreLeftToBlocks) {
  ElementwiseProgram program{.registers = {DType::f32, DType::f32}, .n_inputs = 1};
  program.code = {{Op::exp, {0}, 1}};
  program.outputs = {1};
  EXPECT_FALSE(ScalarCode::of(program));
  program.registers = {DType::f64, DType::i64};
  program.code = {{Op::cast, {0}, 1}};
  EXPECT_FALSE(ScalarCode::of(program));
  program.registers.assign(ScalarCode::kMostRegisters + 1, DType::f64);
  program.code = {{Op::exp, {0}, 1}};
  EXPECT_FALSE(ScalarCode::of(program));
}

}  // namespace
}  // namespace gemmule::kernels
