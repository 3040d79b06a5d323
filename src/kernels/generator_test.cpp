#include "kernels/generator.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/random_test_support.h"

namespace gemmule::kernels {
namespace {

std::vector<std::uint64_t> draw(const Generator& generator) {
  std::vector<std::uint64_t> numbers;
  for (int i = 0; i < 5; ++i) numbers.push_back(generator.bits->next_uint64(generator.bits->state));
  return numbers;
}

void copies_and_restores(const Generator& generator) {
  draw(generator);
  GeneratorState state;
  save(generator, state);
  OwnGenerator own, other;
  const Generator& copy = own.assign(generator);
  const std::vector<std::uint64_t> expected = draw(generator);
  EXPECT_EQ(draw(copy), expected);
  EXPECT_NE(draw(generator), expected);
  restore(generator, state);
  EXPECT_EQ(draw(generator), expected);
  // A copy of a copy, and a copy that is given back.
  const Generator& second = other.assign(copy);
  EXPECT_EQ(draw(second), draw(copy));
  copy_state(second, generator);
  EXPECT_EQ(draw(generator), draw(second));
  EXPECT_EQ(copy.origin, generator.origin);
}

TEST(Generator, CopiesOfEveryLayout) {
  int origin = 0;
  TestSfc64 sfc64;
  bitgen_t bits = TestBits<TestSfc64>::of(sfc64);
  copies_and_restores({&bits, StateLayout::sfc64, &origin});

  std::uint64_t numbers[4] = {5, 6, 7, 8}, counter[4] = {}, key[2] = {9, 10};
  TestPcg64 pcg64{numbers};
  bits = TestBits<TestPcg64>::of(pcg64);
  copies_and_restores({&bits, StateLayout::pcg64, &origin});
  EXPECT_EQ(pcg64.pointed_at, numbers);

  TestPhilox philox{counter, key};
  bits = TestBits<TestPhilox>::of(philox);
  copies_and_restores({&bits, StateLayout::philox, &origin});
  EXPECT_EQ(philox.counter, counter);
  EXPECT_EQ(philox.key, key);

  TestMt19937 mt19937;
  bits = TestBits<TestMt19937>::of(mt19937);
  copies_and_restores({&bits, StateLayout::mt19937, &origin});
}

TEST(Generator, HalfADrawIsPartOfTheState) {
  TestGenerator source;
  source.state.has_uint32 = 1;
  source.state.uinteger = 77;
  GeneratorState state;
  save(source.generator, state);
  source.state.has_uint32 = 0;
  source.state.uinteger = 0;
  restore(source.generator, state);
  EXPECT_EQ(source.state.has_uint32, 1);
  EXPECT_EQ(source.state.uinteger, 77u);
}

TEST(Generator, AnAddressIsAValue) {
  TestGenerator source;
  EXPECT_EQ(&generator_at(address_of(source.generator)), &source.generator);
}

}  // namespace
}  // namespace gemmule::kernels
