#include "kernels/pair_loops.h"

#include <array>
#include <cstddef>
#include <utility>

#include "kernels/function_clones.h"

namespace gemmule::kernels {
namespace {

// With a, b the operands of the first op, t its result and c the other operand of the second; a
// capital letter is one element for all.
enum class First : std::uint8_t { add, add_B, multiply, multiply_B, subtract, subtract_A, subtract_B, square, count };
enum class Second : std::uint8_t {
  add, add_C, multiply, multiply_C, t_minus_c, t_minus_C, c_minus_t, C_minus_t, square, count
};

constexpr bool reads_b(First first) { return first != First::square; }
constexpr bool reads_c(Second second) { return second != Second::square; }

template <First first, class T>
GEMMULE_INLINE T apply(T a, T b) {
  switch (first) {
    case First::add:
    case First::add_B:
      return a + b;
    case First::multiply:
    case First::multiply_B:
      return a * b;
    case First::square:
      return a * a;
    default:
      return a - b;
  }
}

template <Second second, class T>
GEMMULE_INLINE T apply(T t, T c) {
  switch (second) {
    case Second::add:
    case Second::add_C:
      return t + c;
    case Second::multiply:
    case Second::multiply_C:
      return t * c;
    case Second::t_minus_c:
    case Second::t_minus_C:
      return t - c;
    case Second::square:
      return t * t;
    default:
      return c - t;
  }
}

template <First first, Second second, class T>
GEMMULE_INLINE void body(const void* const* in, void* out, std::int64_t n) {
  constexpr bool one_a = first == First::subtract_A;
  constexpr bool one_b = first == First::add_B || first == First::multiply_B || first == First::subtract_B;
  constexpr bool one_c = second == Second::add_C || second == Second::multiply_C || second == Second::t_minus_C ||
                         second == Second::C_minus_t;
  const T* const a = static_cast<const T*>(in[0]);
  const T* const b = reads_b(first) ? static_cast<const T*>(in[1]) : a;
  const T* const c = reads_c(second) ? static_cast<const T*>(in[2]) : a;
  const T a0 = *a, b0 = *b, c0 = *c;
  T* const result = static_cast<T*>(out);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const T t = apply<first>(one_a ? a0 : a[i], one_b ? b0 : b[i]);
    result[i] = apply<second>(t, one_c ? c0 : c[i]);
  }
}

template <First first, Second second, class T>
GEMMULE_CLONES void loop(const void* const* in, void* out, std::int64_t n) {
  if (n > 0) body<first, second, T>(in, out, n);
}

constexpr auto kFirsts = static_cast<std::size_t>(First::count);
constexpr auto kSeconds = static_cast<std::size_t>(Second::count);

template <class T, std::size_t... I>
constexpr std::array<Loop, sizeof...(I)> loops(std::index_sequence<I...>) {
  return {loop<static_cast<First>(I / kSeconds), static_cast<Second>(I % kSeconds), T>...};
}

template <class T>
Loop loop_of(First first, Second second) {
  static constexpr auto all = loops<T>(std::make_index_sequence<kFirsts * kSeconds>{});
  return all[static_cast<std::size_t>(first) * kSeconds + static_cast<std::size_t>(second)];
}

// The second value: whether the operands change places.
std::optional<std::pair<First, bool>> first_of(Op op, unsigned scalars) {
  if (scalars > 2) return std::nullopt;
  switch (op) {
    case Op::add:
      return std::pair{scalars == 0 ? First::add : First::add_B, scalars == 1};
    case Op::multiply:
      return std::pair{scalars == 0 ? First::multiply : First::multiply_B, scalars == 1};
    case Op::subtract:
      return std::pair{scalars == 0   ? First::subtract
                       : scalars == 1 ? First::subtract_A
                                      : First::subtract_B,
                       false};
    case Op::square:
      if (scalars != 0) return std::nullopt;
      return std::pair{First::square, false};
    default:
      return std::nullopt;
  }
}

std::optional<Second> second_of(Op op, PairPlace place, bool scalar) {
  if (place == PairPlace::both) {
    if (op == Op::square || op == Op::multiply) return Second::square;
    return std::nullopt;
  }
  const bool left = place == PairPlace::left;
  switch (op) {
    case Op::add:
      return scalar ? Second::add_C : Second::add;
    case Op::multiply:
      return scalar ? Second::multiply_C : Second::multiply;
    case Op::subtract:
      if (left) return scalar ? Second::t_minus_C : Second::t_minus_c;
      return scalar ? Second::C_minus_t : Second::c_minus_t;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<PairLoop> pair_loop(const Pair& pair, DType dtype) {
  const auto first = first_of(pair.first, pair.first_scalars);
  const auto second = second_of(pair.second, pair.place, pair.scalar);
  if (!first || !second) return std::nullopt;
  switch (dtype) {
    case DType::f64:
      return PairLoop{loop_of<double>(first->first, *second), first->second};
    case DType::f32:
      return PairLoop{loop_of<float>(first->first, *second), first->second};
    default:
      return std::nullopt;
  }
}

}  // namespace gemmule::kernels
