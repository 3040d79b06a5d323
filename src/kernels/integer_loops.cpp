// Integers and bool.
#include "kernels/loop_templates.h"

namespace gemmule::kernels {

Loop integer_loop(Op op, DType dtype) {
  return visit_dtype(dtype, [op]<class T>(T) -> Loop {
    if constexpr (std::integral<T>)
      return loop_of<T>(op);
    else
      return nullptr;
  });
}

}  // namespace gemmule::kernels
