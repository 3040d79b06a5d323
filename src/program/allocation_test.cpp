// A call by address allocates nothing once it has run.

// The sanitizers have operators of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "gemmule/gemmule.h"
#include "program/program_case.h"

namespace {

std::atomic<long> allocations = 0;

void* allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, rounded > 0 ? rounded : alignment))
    return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, 16); }
void* operator new[](std::size_t size) { return allocate(size, 16); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace gemmule {
namespace {

TEST(DensityAllocation, NoneOnceWarm) {
  const LoadedProgram program = loaded(small_model());
  double x[] = {0.5, 0.25}, gradient[2], logp, out[4];
  for (int round = 0; round < 3; ++round) {
    const long before = allocations;
    for (int i = 0; i < 10; ++i) {
      ASSERT_EQ(gemmule_logp(2, x, gradient, &logp, &program), GEMMULE_OK);
      ASSERT_EQ(gemmule_expand(2, 4, x, out, &program), GEMMULE_OK);
    }
    if (round > 0)
      EXPECT_EQ(allocations - before, 0);
    else
      EXPECT_GT(allocations - before, 0);
  }
}

}  // namespace
}  // namespace gemmule

#endif
