#include <stdexcept>

#include "kernels/blas.h"
#include "kernels/blas_library.h"

namespace gemmule::kernels {

void set_blas_threads(int count) {
  if (count < 1) throw std::invalid_argument("[set_blas_threads] count must be at least 1.");
#ifndef GEMMULE_ACCELERATE
  GEMMULE_OPENBLAS_FUNCTION(set_num_threads)(count);
#endif
}

int blas_threads() {
#ifdef GEMMULE_ACCELERATE
  return 1;
#else
  return GEMMULE_OPENBLAS_FUNCTION(get_num_threads)();
#endif
}

}  // namespace gemmule::kernels
