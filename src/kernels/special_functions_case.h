// Tables of values of special functions, and how they are checked.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <span>
#include <string>

namespace gemmule::kernels {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Row {
  std::string function;
  std::array<double, 3> x;
  double value;
};

// The functions of a table by name.
struct Functions {
  std::map<std::string, double (*)(double)> unary;
  std::map<std::string, double (*)(double, double)> binary;
  std::map<std::string, double (*)(double, double, double)> ternary;

  double operator()(const std::string& name, const std::array<double, 3>& x) const {
    if (unary.contains(name)) return unary.at(name)(x[0]);
    if (binary.contains(name)) return binary.at(name)(x[0], x[1]);
    return ternary.at(name)(x[0], x[1], x[2]);
  }
  int arity(const std::string& name) const { return unary.contains(name) ? 1 : binary.contains(name) ? 2 : 3; }
};

inline std::string text(const Row& row) {
  const auto number = [](double x) { return ::testing::PrintToString(x); };
  return row.function + "(" + number(row.x[0]) + ", " + number(row.x[1]) + ", " + number(row.x[2]) + ")";
}

// Of limits: NaN, infinities, or exact but for a rounding.
inline bool agrees(double value, double expected) {
  return std::isnan(expected) ? std::isnan(value)
                              : value == expected || std::abs(value - expected) <= 1e-15 * std::abs(expected);
}

inline void expect_table(const Functions& functions, std::span<const Row> table, double tolerance) {
  for (const Row& row : table) {
    EXPECT_NEAR(functions(row.function, row.x), row.value, tolerance * std::abs(row.value)) << text(row);
  }
}

inline void expect_limits(const Functions& functions, std::span<const Row> table) {
  for (const Row& row : table) {
    const double value = functions(row.function, row.x);
    EXPECT_TRUE(agrees(value, row.value)) << text(row) << " = " << value;
  }
}

// NaN in any place.
inline void expect_nan_stays(const Functions& functions, std::span<const Row> table) {
  for (const Row& row : table) {
    for (int place = 0; place < functions.arity(row.function); ++place) {
      std::array<double, 3> x = row.x;
      x[static_cast<std::size_t>(place)] = kNaN;
      EXPECT_TRUE(std::isnan(functions(row.function, x))) << text(row) << " with NaN in place " << place;
    }
  }
}

}  // namespace gemmule::kernels
