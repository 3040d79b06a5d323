#include "kernels/workers.h"

#include <gtest/gtest.h>
#ifdef __linux__
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <atomic>
#include <chrono>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "kernels/blas.h"

namespace gemmule::kernels {
namespace {

// The number of threads is one for the whole process.
class Workers : public testing::Test {
 protected:
  void SetUp() override { set_blas_threads(3); }
  void TearDown() override { set_blas_threads(before_); }

 private:
  int before_ = blas_threads();
};

TEST_F(Workers, EveryPartRunsOnce) {
  for (const int count : {0, 1, 2, 3, 50}) {
    std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
    for (int round = 0; round < 200; ++round) {
      run_parts(count, [&](int part) { ++calls[static_cast<std::size_t>(part)]; });
    }
    for (const auto& number : calls) EXPECT_EQ(number, 200);
  }
}

TEST_F(Workers, PartsRunAtOnce) {
  // Each waits for the other: on one thread this would not end.
  std::atomic<int> here = 0;
  run_parts(2, [&](int) {
    ++here;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (here < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  });
  EXPECT_EQ(here, 2);
  EXPECT_FALSE(in_part());
}

TEST_F(Workers, PartsOfPartsRunWhereTheyAre) {
  std::atomic<int> calls = 0;
  run_parts(3, [&](int) {
    EXPECT_TRUE(in_part());
    const auto thread = std::this_thread::get_id();
    run_parts(4, [&](int) {
      EXPECT_EQ(std::this_thread::get_id(), thread);
      ++calls;
    });
  });
  EXPECT_EQ(calls, 12);
}

TEST_F(Workers, ACallerMayBeAPartItself) {
  const auto thread = std::this_thread::get_id();
  {
    const InPart outer;
    const InPart inner(false);
    EXPECT_TRUE(in_part());
    run_parts(4, [&](int) { EXPECT_EQ(std::this_thread::get_id(), thread); });
    EXPECT_TRUE(in_part());
  }
  EXPECT_FALSE(in_part());
  const InPart none(false);
  EXPECT_FALSE(in_part());
}

TEST_F(Workers, TheFirstErrorIsThrownWhenAllHaveEnded) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> calls = 0;
    try {
      run_parts(6, [&](int part) {
        ++calls;
        if (part >= 2) throw std::runtime_error(std::to_string(part));
      });
      FAIL();
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "2");
    }
    EXPECT_EQ(calls, 6);
  }
}

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// A process that may have no more threads computes with those that it has.
TEST_F(Workers, ThreadsThatThereAreNot) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    set_blas_threads(8);  // OpenBLAS has its threads before the others are refused
    // Stacks of 64 MiB, in an address space that has no room for them.
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, std::size_t{64} << 20);
    pthread_setattr_default_np(&attributes);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t bytes = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (rlim_t{16} << 20);
    const rlimit limit{bytes, bytes};
    setrlimit(RLIMIT_AS, &limit);
    std::atomic<int> calls = 0;
    try {
      run_parts(20, [&](int) { ++calls; });
    } catch (...) {
      _exit(1);
    }
    _exit(calls == 20 ? 0 : 2);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}
#endif

TEST_F(Workers, CallersAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<int> calls = 0;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int round = 0; round < 100; ++round) run_parts(5, [&](int) { ++calls; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(calls, 4 * 100 * 5);
}

}  // namespace
}  // namespace gemmule::kernels
