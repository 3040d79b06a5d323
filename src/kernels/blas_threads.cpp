#include "kernels/blas_threads.h"

#include <mutex>
#include <stdexcept>

#include "kernels/blas.h"
#include "kernels/blas_library.h"

namespace gemmule::kernels {

#ifdef GEMMULE_ACCELERATE

void set_blas_threads(int count) {
  if (count < 1) throw std::invalid_argument("[set_blas_threads] count must be at least 1.");
}

int blas_threads() { return 1; }

#else

namespace {

std::mutex mutex;
int calls_under_way = 0;
int most = 0;  // the library's number before the first of them

int library_threads() { return GEMMULE_OPENBLAS_FUNCTION(get_num_threads)(); }

void set_library_threads(int count) {
  if (library_threads() != count) GEMMULE_OPENBLAS_FUNCTION(set_num_threads)(count);
}

}  // namespace

BlasThreads::BlasThreads(bool pays) {
  const std::lock_guard lock(mutex);
  if (calls_under_way++ == 0) most = library_threads();
  set_library_threads(pays ? most : 1);
}

BlasThreads::~BlasThreads() {
  const std::lock_guard lock(mutex);
  if (--calls_under_way == 0) set_library_threads(most);
}

void set_blas_threads(int count) {
  if (count < 1) throw std::invalid_argument("[set_blas_threads] count must be at least 1.");
  const std::lock_guard lock(mutex);
  most = count;
  if (calls_under_way == 0) set_library_threads(count);
}

int blas_threads() {
  const std::lock_guard lock(mutex);
  return calls_under_way == 0 ? library_threads() : most;
}

#endif

}  // namespace gemmule::kernels
