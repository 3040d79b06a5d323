// complex64, complex128, and float16, which computes in float.
#include "kernels/loop_templates.h"

namespace gemmule::kernels {

Loop complex_loop(Op op, DType dtype) {
  return dtype == DType::c128 ? loop_of<std::complex<double>>(op)
                              : loop_of<std::complex<float>>(op);
}

Loop half_loop(Op op) { return loop_of<Half>(op); }

}  // namespace gemmule::kernels
