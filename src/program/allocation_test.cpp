// A call by address allocates nothing once it has run.

// The sanitizers have operators of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <gtest/gtest.h>

#include "gemmule/gemmule.h"
#include "kernels/counted_allocations.h"
#include "program/program_case.h"

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
