// Bit generators of our own with the states of NumPy's, for tests without Python.
#pragma once

#include <cstdint>

#include "kernels/generator.h"

namespace gemmule::kernels {

// Steps a number (SplitMix64, Steele, Lea and Flood, 2014).
inline std::uint64_t next_number(std::uint64_t& x) {
  std::uint64_t z = (x += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Struct says how the state looks and number(Struct&) where its number lies.
template <class Struct>
struct TestBits {
  static std::uint64_t next(void* state) {
    return next_number(number(*static_cast<Struct*>(state)));
  }
  static std::uint32_t next_half(void* state) {
    return static_cast<std::uint32_t>(next(state) >> 32);
  }
  static double next_real(void* state) { return static_cast<double>(next(state) >> 11) * 0x1p-53; }
  static bitgen_t of(Struct& state) { return {&state, next, next_half, next_real, next}; }
};

// As in numpy/random/src/sfc64/sfc64.h, and so on.
struct TestSfc64 {
  std::uint64_t s[4] = {1, 2, 3, 4};
  int has_uint32 = 0;
  std::uint32_t uinteger = 0;
};
struct TestPcg64 {
  std::uint64_t* pointed_at;
  int has_uint32 = 0;
  std::uint32_t uinteger = 0;
};
struct TestPhilox {
  std::uint64_t *counter, *key;
  int buffer_pos = 0;
  std::uint64_t buffer[4] = {};
  int has_uint32 = 0;
  std::uint32_t uinteger = 0;
};
struct TestMt19937 {
  std::uint32_t key[624] = {};
  int pos = 0;
};
inline std::uint64_t& number(TestSfc64& state) { return state.s[3]; }
inline std::uint64_t& number(TestPcg64& state) { return state.pointed_at[3]; }
inline std::uint64_t& number(TestPhilox& state) { return state.key[1]; }
inline std::uint64_t& number(TestMt19937& state) {
  return *reinterpret_cast<std::uint64_t*>(state.key + 622);
}

// A generator to draw from.
struct TestGenerator {
  TestSfc64 state;
  bitgen_t bits = TestBits<TestSfc64>::of(state);
  Generator generator{&bits, StateLayout::sfc64, nullptr};

  explicit TestGenerator(std::uint64_t seed = 1) { state.s[3] = seed; }
  TestGenerator(const TestGenerator&) = delete;
};

}  // namespace gemmule::kernels
