#include "kernels/scratch.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace gemmule::kernels {
namespace {

TEST(Scratch, NestedBlocksAreAlignedAndApart) {
  const Scratch outer(100), empty(0), inner(1000);
  for (const Scratch* scratch : {&outer, &empty, &inner}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(scratch->as<char>()) % 64, 0u);
  }
  std::memset(outer.as<char>(), 1, 100);
  std::memset(inner.as<char>(), 2, 1000);
  EXPECT_EQ(outer.as<char>()[99], 1);
}

TEST(Scratch, MoreThanTheStackHolds) {
  const std::size_t large = std::size_t{1} << 20, most = std::size_t{200} << 10;
  const Scratch first(most), second(most), third(large);
  for (const Scratch* scratch : {&first, &second}) std::memset(scratch->as<char>(), 3, most);
  std::memset(third.as<char>(), 4, large);
  EXPECT_EQ(first.as<char>()[most - 1], 3);
  EXPECT_EQ(second.as<char>()[0], 3);
}

TEST(Scratch, MemoryIsUsedAgain) {
  void* before = nullptr;
  for (int round = 0; round < 10000; ++round) {
    const Scratch scratch(4096);
    if (round > 0) {
      ASSERT_EQ(scratch.as<void>(), before);
    }
    before = scratch.as<void>();
  }
}

}  // namespace
}  // namespace gemmule::kernels
