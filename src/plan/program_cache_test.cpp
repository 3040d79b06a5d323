#include "plan/program_cache.h"

#include <gtest/gtest.h>

#include <memory>

namespace gemmule {
namespace {

using Cache = ProgramCache<int>;

std::shared_ptr<const int> find(const Cache& cache, std::int64_t key) { return cache.find(std::span(&key, 1)); }
std::shared_ptr<const int> keep(Cache& cache, std::int64_t key, int program, std::size_t bytes = 0) {
  return cache.keep(std::span(&key, 1), std::make_shared<const int>(program), bytes);
}

TEST(ProgramCache, TheFirstIsKept) {
  Cache cache;
  EXPECT_EQ(find(cache, 1), nullptr);
  EXPECT_EQ(*keep(cache, 1, 10), 10);
  EXPECT_EQ(*keep(cache, 1, 11), 10);
  EXPECT_EQ(*find(cache, 1), 10);
  EXPECT_EQ(cache.programs().size(), 1U);
}

TEST(ProgramCache, TheOldestGo) {
  Cache cache;
  const auto count = static_cast<int>(Cache::kMostPrograms);
  for (int i = 0; i < 3 * count; ++i) keep(cache, i, i);
  EXPECT_EQ(cache.programs().size(), Cache::kMostPrograms);
  EXPECT_EQ(find(cache, 2 * count - 1), nullptr);
  EXPECT_EQ(*find(cache, 2 * count), 2 * count);
  EXPECT_EQ(*find(cache, 3 * count - 1), 3 * count - 1);
}

TEST(ProgramCache, MemoryIsALimit) {
  Cache cache;
  for (int i = 0; i < 10; ++i) keep(cache, i, i, Cache::kMostBytes / 4);
  EXPECT_EQ(cache.programs().size(), 4U);
  // The one that was made last stays, however large.
  keep(cache, 10, 10, 2 * Cache::kMostBytes);
  EXPECT_EQ(cache.programs().size(), 1U);
  EXPECT_EQ(*find(cache, 10), 10);
  keep(cache, 11, 11, 1);
  EXPECT_EQ(cache.programs().size(), 1U);
  EXPECT_EQ(*find(cache, 11), 11);
}

}  // namespace
}  // namespace gemmule
