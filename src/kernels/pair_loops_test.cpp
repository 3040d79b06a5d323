#include "kernels/pair_loops.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <limits>
#include <vector>

namespace gemmule::kernels {
namespace {

template <class T>
std::vector<T> numbers(std::size_t n, int seed) {
  using Limits = std::numeric_limits<T>;
  const std::array<T, 8> special{T(0), T(-0.0), Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(),
                                 Limits::max(), Limits::denorm_min(), Limits::epsilon()};
  std::vector<T> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto k = (i * 7919 + static_cast<std::size_t>(seed) * 104729) % 1009;
    values[i] = k < special.size() ? special[k] : T(k) / T(37) - T(13);
  }
  return values;
}

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool nan = a[i] != a[i] && b[i] != b[i];
    if (!nan && std::memcmp(&a[i], &b[i], sizeof(T)) != 0) return false;
  }
  return true;
}

// The two ops one after the other, with blocks filled with the one element.
template <class T>
std::vector<T> one_by_one(const Pair& pair, DType dtype, std::vector<T> a, std::vector<T> b, std::vector<T> c) {
  if (pair.first_scalars & 1) std::fill(a.begin(), a.end(), a[0]);
  if (pair.first_scalars & 2) std::fill(b.begin(), b.end(), b[0]);
  if (pair.scalar) std::fill(c.begin(), c.end(), c[0]);
  const auto n = static_cast<std::int64_t>(a.size());
  std::vector<T> t(a.size()), result(a.size());
  const void* const first[] = {a.data(), b.data(), nullptr};
  loop(pair.first, dtype)(first, t.data(), n);
  const T* const left = pair.place == PairPlace::right ? c.data() : t.data();
  const T* const right = pair.place == PairPlace::left ? c.data() : t.data();
  const void* const second[] = {left, right, nullptr};
  loop(pair.second, dtype)(second, result.data(), n);
  return result;
}

template <class T>
int check_all(DType dtype) {
  int found = 0;
  for (const Op first : {Op::add, Op::subtract, Op::multiply, Op::square, Op::divide}) {
    for (const unsigned scalars : {0u, 1u, 2u, 3u}) {
      for (const Op second : {Op::add, Op::subtract, Op::multiply, Op::square, Op::maximum}) {
        for (const PairPlace place : {PairPlace::left, PairPlace::right, PairPlace::both}) {
          for (const bool scalar : {false, true}) {
            const Pair pair{first, scalars, second, place, scalar};
            const auto joined = pair_loop(pair, dtype);
            if (!joined) continue;
            ++found;
            for (const std::size_t n : {0, 1, 3, 8, 61}) {
              const auto a = numbers<T>(n + 1, 1), b = numbers<T>(n + 1, 2), c = numbers<T>(n + 1, 3);
              std::vector<T> want = one_by_one<T>(pair, dtype, a, b, c), got(n + 1, T(-1));
              const void* operands[] = {a.data(), b.data(), c.data()};
              if (joined->swap) std::swap(operands[0], operands[1]);
              joined->loop(operands, got.data(), static_cast<std::int64_t>(n));
              EXPECT_EQ(got[n], T(-1));
              got.pop_back(), want.pop_back();
              EXPECT_TRUE(same(got, want)) << info(first).name << ' ' << scalars << ' ' << info(second).name << ' '
                                           << static_cast<int>(place) << ' ' << scalar << ' ' << n;
            }
          }
        }
      }
    }
  }
  return found;
}

TEST(PairLoops, GiveWhatTheTwoOpsGive) {
  // add and multiply with 3 choices of scalars, subtract with 3, square with 1; then add and multiply on
  // either side, subtract on either, with or without a scalar, and square and multiply of both.
  const int expected = (3 + 3 + 3 + 1) * (2 * 2 + 2 * 2 + 2 * 2 + 2 * 2);
  EXPECT_EQ(check_all<double>(DType::f64), expected);
  EXPECT_EQ(check_all<float>(DType::f32), expected);
}

TEST(PairLoops, AreNotThereForOtherDtypes) {
  EXPECT_FALSE(pair_loop({Op::add, 0, Op::multiply, PairPlace::left, false}, DType::i64));
  EXPECT_FALSE(pair_loop({Op::add, 0, Op::multiply, PairPlace::left, false}, DType::c128));
}

TEST(PairLoops, WriteOverAnOperand) {
  std::vector<double> a = numbers<double>(50, 4), b = numbers<double>(50, 5), c = numbers<double>(50, 6);
  const Pair pair{Op::multiply, 0, Op::subtract, PairPlace::right, false};
  const auto want = one_by_one(pair, DType::f64, a, b, c);
  const void* const operands[] = {a.data(), b.data(), c.data()};
  pair_loop(pair, DType::f64)->loop(operands, c.data(), 50);
  EXPECT_TRUE(same(c, want));
}

}  // namespace
}  // namespace gemmule::kernels
