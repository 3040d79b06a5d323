#include "kernels/elementwise_loops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/scalar_functions.h"

namespace gemmule::kernels {
namespace {

// Values at which functions change their behaviour.
template <class T>
std::vector<T> interesting_values() {
  using Limits = std::numeric_limits<Compute<T>>;
  if constexpr (std::same_as<T, bool>) {
    return {false, true};
  } else if constexpr (Integer<T>) {
    const T low = Limits::min(), high = Limits::max();
    return {T(0),  T(1), T(2), T(3),        T(7),       T(-1),       T(-2),
            T(-7), high, low,  T(high - 1), T(low + 1), T(high / 2), T(100)};
  } else if constexpr (Complex<T>) {
    std::vector<T> values;
    for (const auto re : interesting_values<typename T::value_type>())
      values.emplace_back(re, re / 2 + 1);
    values.insert(values.end(), {T(0, 0), T(0, 1), T(-1, 0), T(-1, -0.0f), T(2, -3)});
    return values;
  } else {
    std::vector<T> values;
    for (const double v :
         {0.0,    -0.0,   0.5,    -0.5,   1.0,   -1.0, 1.5,  -1.5,  2.5,    3.0,    -3.0,  0.001,
          -0.001, 17.25,  -17.25, 40.0,   -40.0, 88.5, 88.9, -87.5, -103.5, -104.5, 700.0, 709.7,
          709.9,  -708.5, -745.0, -746.0, 1e4,   -1e4, 1e9,  -1e9,  1e19,   3e38}) {
      values.push_back(T(static_cast<Compute<T>>(v)));
    }
    for (const auto v : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(),
                         Limits::denorm_min(), -Limits::denorm_min(), Limits::min(), Limits::max(),
                         Limits::lowest(), Limits::epsilon()}) {
      values.push_back(T(v));
    }
    return values;
  }
}

// Vector and scalar versions of the same function differ by a few units in the last place.
template <class T>
bool close(T a, T b) {
  if constexpr (std::same_as<T, Half>) {
    return close(static_cast<float>(a), static_cast<float>(b)) ||
           std::abs(int(a.bits) - int(b.bits)) <= 1;
  } else if constexpr (Complex<T>) {
    return close(a.real(), b.real()) && close(a.imag(), b.imag());
  } else if constexpr (Floating<T>) {
    if (detail::is_nan(a) || detail::is_nan(b)) return detail::is_nan(a) && detail::is_nan(b);
    using Limits = std::numeric_limits<T>;
    return a == b ||
           std::abs(a - b) <= 8 * Limits::epsilon() * std::abs(b) + 4 * Limits::denorm_min();
  } else {
    return a == b;
  }
}

// The scalar functions in a loop that is not vectorised.
template <class Fn, class... In>
void scalar_loop(const void* const* in, void* out, std::int64_t n) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    using Out = decltype(call<Fn>(In{}...));
    for (std::int64_t i = 0; i < n; ++i) {
      static_cast<Out*>(out)[i] = call<Fn>(static_cast<const In*>(in[I])[i]...);
      asm volatile("" ::: "memory");
    }
  }(std::index_sequence_for<In...>{});
}

template <class Fn, class... In>
constexpr Loop scalar_loop_if_defined() {
  if constexpr (is_defined<Fn, In...>)
    return scalar_loop<Fn, In...>;
  else
    return nullptr;
}

template <class Fn, int arity, ResultRule rule, class T>
constexpr Loop scalar_loop_of_row() {
  if constexpr (rule == ResultRule::cast)
    return nullptr;
  else if constexpr (rule == ResultRule::select)
    return scalar_loop_if_defined<Fn, bool, T, T>();
  else if constexpr (arity == 1)
    return scalar_loop_if_defined<Fn, T>();
  else if constexpr (arity == 2)
    return scalar_loop_if_defined<Fn, T, T>();
  else
    return scalar_loop_if_defined<Fn, T, T, T>();
}

using Bytes = std::vector<std::byte>;

// Every pair of interesting values (for three operands, a third that goes with them), in columns.
template <class T>
std::array<Bytes, 3> operand_columns(bool selects) {
  const std::vector<T> values = interesting_values<T>();
  std::array<Bytes, 3> columns;
  const auto append = [](Bytes& column, auto value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    column.insert(column.end(), bytes, bytes + sizeof value);
  };
  std::size_t i = 0;
  for (const T x : values) {
    for (const T y : values) {
      if (selects)
        append(columns[0], i % 3 == 0);
      else
        append(columns[0], x);
      append(columns[1], y);
      append(columns[2], selects ? x : T(values[i * 31 % values.size()]));
      ++i;
    }
  }
  return columns;
}

void check(const OpInfo& op, DType dtype, Loop loop, Loop reference,
           const std::array<Bytes, 3>& columns) {
  ASSERT_EQ(loop == nullptr, reference == nullptr) << op.name << " " << name(dtype);
  if (loop == nullptr) return;
  const DType out_dtype = result_dtype(*parse_op(op.name), dtype);
  const std::size_t size = size_of(out_dtype), rows = columns[1].size() / size_of(dtype);
  const void* in[] = {columns[0].data(), columns[1].data(), columns[2].data()};
  Bytes expected(rows * size);
  reference(in, expected.data(), static_cast<std::int64_t>(rows));
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{7}, rows}) {
    if (n > rows) continue;
    Bytes out(n * size + 1, std::byte{0x5a});
    loop(in, out.data(), static_cast<std::int64_t>(n));
    EXPECT_EQ(out.back(), std::byte{0x5a}) << op.name << " wrote past its end";
    visit_dtype(out_dtype, [&]<class Out>(Out) {
      for (std::size_t i = 0; i < n; ++i) {
        Out a, b;
        std::memcpy(&a, out.data() + i * size, size);
        std::memcpy(&b, expected.data() + i * size, size);
        EXPECT_TRUE(close(a, b)) << op.name << " " << name(dtype) << ", row " << i << " of " << n
                                 << ": " << ::testing::PrintToString(a) << ", not "
                                 << ::testing::PrintToString(b);
      }
    });
  }
}

template <class T>
void check_all(DType dtype) {
  const std::array<Bytes, 3> columns = operand_columns<T>(false),
                             selection = operand_columns<T>(true);
#define ELEMENTWISE(name, arity, result, properties)                       \
  if (ResultRule::result != ResultRule::cast) {                            \
    check(info(Op::name), dtype, loop(Op::name, dtype),                    \
          scalar_loop_of_row<fn_##name, arity, ResultRule::result, T>(),   \
          ResultRule::result == ResultRule::select ? selection : columns); \
  }
#include "ir/ops.def"
}

TEST(ElementwiseLoops, AgreeWithTheScalarFunctions) {
  for (int d = 0; d < kDTypeCount; ++d) {
    visit_dtype(static_cast<DType>(d), [d]<class T>(T) { check_all<T>(static_cast<DType>(d)); });
  }
}

TEST(ElementwiseLoops, Casts) {
  for (int from = 0; from < kDTypeCount; ++from) {
    for (int to = 0; to < kDTypeCount; ++to) {
      visit_dtype(static_cast<DType>(from), [&]<class From>(From) {
        visit_dtype(static_cast<DType>(to), [&]<class To>(To) {
          const std::vector<From> values = interesting_values<From>();
          const std::size_t n = values.size();
          const auto in = std::make_unique<From[]>(n);
          const auto out = std::make_unique<To[]>(n);
          std::copy(values.begin(), values.end(), in.get());
          const void* operands[] = {in.get()};
          cast_loop(static_cast<DType>(from), static_cast<DType>(to))(operands, out.get(),
                                                                      static_cast<std::int64_t>(n));
          for (std::size_t i = 0; i < n; ++i) {
            EXPECT_TRUE(close(out[i], fn_cast::to<To>(in[i])))
                << from << " -> " << to << ", value " << i;
          }
        });
      });
    }
  }
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(ScalarFunctions, Integers) {
  using i8 = std::int8_t;
  EXPECT_EQ(fn_add{}(i8(127), i8(1)), -128);
  EXPECT_EQ(fn_multiply{}(std::uint16_t(65535), std::uint16_t(65535)), 1);
  EXPECT_EQ(fn_negative{}(std::numeric_limits<std::int64_t>::min()),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(fn_absolute{}(i8(-128)), -128);
  EXPECT_EQ(fn_floor_divide{}(-7, 2), -4);
  EXPECT_EQ(fn_floor_divide{}(7, -2), -4);
  EXPECT_EQ(fn_floor_divide{}(7, 0), 0);
  EXPECT_EQ(fn_floor_divide{}(std::numeric_limits<int>::min(), -1),
            std::numeric_limits<int>::min());
  EXPECT_EQ(fn_remainder{}(-7, 3), 2);
  EXPECT_EQ(fn_remainder{}(7, -3), -2);
  EXPECT_EQ(fn_remainder{}(7, 0), 0);
  EXPECT_EQ(fn_remainder{}(std::numeric_limits<int>::min(), -1), 0);
  EXPECT_EQ(fn_power{}(3, 4), 81);
  EXPECT_EQ(fn_power{}(std::int64_t(3), std::int64_t(64)), std::int64_t(8733086111712066817));
  EXPECT_EQ(fn_power{}(2, -1), 0);
  EXPECT_EQ(fn_power{}(-1, -3), -1);
}

TEST(ScalarFunctions, Floats) {
  EXPECT_EQ(fn_remainder{}(-5.0, 3.0), 1.0);
  EXPECT_EQ(fn_remainder{}(5.0, -3.0), -1.0);
  EXPECT_EQ(fn_remainder{}(-1.0, kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(fn_remainder{}(1.0, 0.0)));
  EXPECT_EQ(fn_floor_divide{}(-5.0, 3.0), -2.0);
  EXPECT_EQ(fn_floor_divide{}(1.0, 0.0), kInfinity);
  EXPECT_TRUE(std::isnan(fn_maximum{}(1.0, kNaN)) && std::isnan(fn_minimum{}(kNaN, 1.0)));
  EXPECT_TRUE(std::isnan(fn_sign{}(kNaN)) && std::isnan(fn_clip{}(kNaN, 0.0, 1.0)));
  EXPECT_EQ(fn_clip{}(2.0, 0.0, 1.0), 1.0);
  EXPECT_EQ(fn_rint{}(0.5), 0.0);
  EXPECT_EQ(fn_rint{}(1.5), 2.0);
  EXPECT_EQ(fn_round_away{}(-0.5), -1.0);
  EXPECT_EQ(fn_round_away{}(0.49999999999999994), 0.0);
  EXPECT_EQ(fn_sigmoid{}(-740.0), std::exp(-740.0));
  EXPECT_EQ(fn_sigmoid{}(800.0), 1.0);
  EXPECT_EQ(fn_softplus{}(1000.0), 1000.0);
  EXPECT_EQ(fn_softplus{}(-740.0), std::exp(-740.0));
  EXPECT_EQ(fn_log1mexp{}(0.0), -kInfinity);
  EXPECT_TRUE(std::isnan(fn_log1mexp{}(1.0)));
  EXPECT_EQ(fn_logaddexp{}(-kInfinity, -kInfinity), -kInfinity);
  EXPECT_EQ(fn_logaddexp{}(kInfinity, -kInfinity), kInfinity);
  EXPECT_EQ(fn_angle{}(-1.0), std::numbers::pi);
}

TEST(ScalarFunctions, CastsFromFloats) {
  EXPECT_EQ(fn_cast::to<std::int32_t>(-1.5), -1);
  EXPECT_EQ(fn_cast::to<std::uint8_t>(-1.5), 255);
  EXPECT_EQ(fn_cast::to<std::uint8_t>(300.7), 44);
  EXPECT_EQ(fn_cast::to<std::int32_t>(kNaN), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(fn_cast::to<std::int64_t>(1e20), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(fn_cast::to<std::uint64_t>(1e19), 10000000000000000000u);
  EXPECT_EQ(fn_cast::to<bool>(kNaN), true);
  EXPECT_EQ(fn_cast::to<bool>(0.1f), true);
  EXPECT_EQ(fn_cast::to<double>(std::complex(2.0f, 3.0f)), 2.0);
}

TEST(ScalarFunctions, Complex) {
  using C = std::complex<double>;
  EXPECT_EQ(fn_multiply{}(C(1, 2), C(1, -2)), C(5, 0));
  EXPECT_EQ(fn_divide{}(C(5, 0), C(1, 2)), C(1, -2));
  EXPECT_EQ(fn_sign{}(C(3, 4)), C(0.6, 0.8));
  EXPECT_EQ(fn_sign{}(C(kInfinity, 1)), C(1, 0));
  EXPECT_EQ(fn_power{}(C(0, 1), C(2, 0)), C(-1, 0));
  EXPECT_EQ(fn_power{}(C(0, 0), C(1, 2)), C(0, 0));
  EXPECT_EQ(fn_absolute{}(C(3, 4)), 5.0);
}

}  // namespace
}  // namespace gemmule::kernels
