#include "kernels/blas_threads.h"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "kernels/blas.h"
#include "kernels/blas_library.h"
#include "kernels/workers.h"

namespace gemmule::kernels {

#ifdef GEMMULE_ACCELERATE

void set_blas_threads(int count) {
  if (count < 1) throw std::invalid_argument("[set_blas_threads] count must be at least 1.");
}

int blas_threads() { return 1; }

#else

namespace {

// Guards the library's number, `calls_under_way` and `most`. A few instructions long, hence no
// mutex.
class Lock {
 public:
  Lock() {
    while (flag.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  }
  ~Lock() { flag.clear(std::memory_order_release); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  static std::atomic_flag flag;
};
std::atomic_flag Lock::flag = ATOMIC_FLAG_INIT;

int calls_under_way = 0;
std::atomic<int> most = 0;  // the library's number before the first of them; read without the lock

int library_threads() { return GEMMULE_OPENBLAS_FUNCTION(get_num_threads)(); }

void set_library_threads(int count) {
  if (library_threads() != count) GEMMULE_OPENBLAS_FUNCTION(set_num_threads)(count);
}

}  // namespace

bool BlasThreads::begin(bool pays) {
  // The user's number is 1, and the library's: no call has anything to change.
  if (most.load(std::memory_order_relaxed) == 1 && library_threads() == 1) return false;
  const Lock lock;
  if (calls_under_way++ == 0) most.store(library_threads(), std::memory_order_relaxed);
  set_library_threads(pays && !in_part() ? most.load(std::memory_order_relaxed) : 1);
  return true;
}

void BlasThreads::end() {
  const Lock lock;
  if (--calls_under_way == 0) set_library_threads(most.load(std::memory_order_relaxed));
}

void set_blas_threads(int count) {
  if (count < 1) throw std::invalid_argument("[set_blas_threads] count must be at least 1.");
  const Lock lock;
  most.store(count, std::memory_order_relaxed);
  if (calls_under_way == 0) set_library_threads(count);
}

int blas_threads() {
  const Lock lock;
  return calls_under_way == 0 ? library_threads() : most.load(std::memory_order_relaxed);
}

#endif

}  // namespace gemmule::kernels
