#include "kernels/offsets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

using enum DType;

// Elements of x that say where they are, indices with random layouts, and x[indices] by its definition.
struct Case {
  TestArray x{i64, {}, Layout::row_major};
  std::vector<TestArray> arrays;
  std::vector<ConstView> indices;
  std::vector<int> axes;
  Extents result;
  std::vector<std::int64_t> expected;  // offsets
};

Case random_case(std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
  };
  Case c;
  Extents shape;
  for (std::int64_t i = 0, rank = 1 + below(3); i < rank; ++i) shape.push_back(1 + below(5));
  if (below(8) == 0) shape.back() = 0;
  c.x = TestArray(i64, shape, static_cast<Layout>(below(kLayoutCount)));
  const auto rank = static_cast<std::int64_t>(shape.size());
  const std::int64_t first = below(rank), count = 1 + below(rank - first);
  Extents at;
  for (std::int64_t i = 0, n = below(3); i < n; ++i) at.push_back(below(4));
  const DType dtypes[] = {i64, i32, i8, u8, u64};
  for (std::int64_t k = 0; k < count; ++k) {
    const auto axis = static_cast<std::size_t>(first + k);
    c.axes.push_back(static_cast<int>(axis));
    if (shape[axis] == 0) at = {0};
  }
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t size = std::max<std::int64_t>(1, shape[static_cast<std::size_t>(first + k)]);
    const DType dtype = dtypes[below(5)];
    const bool wraps = dtype != u8 && dtype != u64;
    c.arrays.emplace_back(dtype, at, static_cast<Layout>(below(kLayoutCount)));
    for_each_index(at, [&](const Extents& index) {
      const std::int64_t value = wraps ? below(2 * size) - size : below(size);
      visit_dtype(dtype, [&]<class T>(T) {
        if constexpr (std::is_integral_v<T>) c.arrays.back().set(index, static_cast<T>(value));
      });
    });
  }
  for (const TestArray& array : c.arrays) c.indices.push_back(array.view());
  c.result.assign(shape.begin(), shape.begin() + first);
  c.result.insert(c.result.end(), at.begin(), at.end());
  c.result.insert(c.result.end(), shape.begin() + first + count, shape.end());
  const Extents strides = c.x.view().strides;
  for_each_index(c.result, [&](const Extents& index) {
    const Extents place(index.begin() + first, index.begin() + first + static_cast<std::int64_t>(at.size()));
    std::int64_t offset = 0;
    for (std::int64_t axis = 0; axis < rank; ++axis) {
      const auto from = static_cast<std::size_t>(axis);
      std::int64_t i = 0;
      if (axis < first) {
        i = index[from];
      } else if (axis < first + count) {
        const TestArray& array = c.arrays[static_cast<std::size_t>(axis - first)];
        visit_dtype(array.dtype(), [&]<class T>(T) {
          if constexpr (std::is_integral_v<T>) i = static_cast<std::int64_t>(array.get<T>(place));
        });
        if (i < 0) i += shape[from];
      } else {
        i = index[from - static_cast<std::size_t>(count) + at.size()];
      }
      offset += i * strides[from];
    }
    c.expected.push_back(offset);
  });
  return c;
}

TEST(Offsets, AreThoseOfTheDefinition) {
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    const Case c = random_case(seed);
    const auto offsets = offsets_of(c.x.view(), c.indices, c.axes, c.result);
    ASSERT_TRUE(offsets.has_value()) << seed;
    ASSERT_TRUE(std::ranges::equal(*offsets, c.expected)) << seed;
  }
}

std::optional<Offsets> offsets_of_row(const ConstView& x, std::vector<std::int64_t> indices) {
  const auto n = static_cast<std::int64_t>(indices.size());
  const std::array views{ConstView{indices.data(), i64, {n}, {1}}};
  return offsets_of(x, views, std::array{0}, {n});
}

TEST(Offsets, NoneForAnIndexOutOfBounds) {
  const ConstView x{nullptr, f64, {3}, {1}};
  EXPECT_EQ(offsets_of_row(x, {0, -1, 2}), (Offsets{0, 2, 2}));
  EXPECT_EQ(offsets_of_row(x, {0, 3}), std::nullopt);
  EXPECT_EQ(offsets_of_row(x, {-4}), std::nullopt);
  EXPECT_EQ(offsets_of_row(x, {}), Offsets());
}

TEST(Offsets, NoneThatDoNotFit) {
  const std::int64_t most = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(offsets_of_row({nullptr, u8, {2}, {most}}, {1}), (Offsets{static_cast<std::int32_t>(most)}));
  EXPECT_EQ(offsets_of_row({nullptr, u8, {2}, {most + 1}}, {1}), std::nullopt);
  EXPECT_EQ(offsets_of_row({nullptr, u8, {2}, {-most - 2}}, {1}), std::nullopt);
}

template <class T>
void check_moves() {
  std::mt19937 random(1);
  for (const std::size_t n : {0, 1, 2, 7, 16, 100}) {
    std::vector<T> x(50), y(n), out(n);
    std::vector<std::byte> noise(sizeof(T));
    const auto fill = [&](std::vector<T>& values) {
      for (T& value : values) {
        for (std::byte& byte : noise) byte = static_cast<std::byte>(random());
        std::memcpy(&value, noise.data(), sizeof(T));
      }
    };
    fill(x), fill(y);
    Offsets offsets(n);
    for (std::int32_t& offset : offsets) offset = static_cast<std::int32_t>(random() % 50);
    gather_offsets(sizeof(T), x.data(), offsets, out.data());
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(out[i], x[static_cast<std::size_t>(offsets[i])]);
    std::vector<T> expected = x;
    for (std::size_t i = 0; i < n; ++i) expected[static_cast<std::size_t>(offsets[i])] = y[i];
    scatter_set_offsets(sizeof(T), x.data(), offsets, y.data());
    EXPECT_EQ(x, expected);
  }
}

TEST(Offsets, MoveElementsOfEverySize) {
  check_moves<std::uint8_t>();
  check_moves<std::uint16_t>();
  check_moves<std::uint32_t>();
  check_moves<std::uint64_t>();
  check_moves<std::array<std::uint64_t, 2>>();
}

template <class T>
void check_add(DType dtype, std::size_t n, std::int64_t places) {
  std::vector<T> x(10, T(1)), y(n);
  x[9] = T(-0.0);
  Offsets offsets(n);
  std::vector<T> expected = x;
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = static_cast<T>(i % 7);
    offsets[i] = static_cast<std::int32_t>(i * i % 9);
    expected[static_cast<std::size_t>(offsets[i])] += y[i];
  }
  scatter_add_offsets(dtype, x.data(), places, offsets, y.data());
  EXPECT_EQ(x, expected);
  EXPECT_TRUE(std::signbit(x[9]));  // untouched
}

TEST(Offsets, RepeatedOnesAccumulate) {
  for (const std::size_t n : {1, 31, 32, 35, 1000}) {
    for (const std::int64_t places : {10, 1000}) {
      check_add<double>(f64, n, places);
      check_add<float>(f32, n, places);
    }
  }
  EXPECT_THROW(scatter_add_offsets(i64, nullptr, 0, {}, nullptr), std::invalid_argument);
}

}  // namespace
}  // namespace gemmule::kernels
