#include "kernels/elementwise_loops.h"

#include "kernels/loop_templates.h"

namespace gemmule::kernels {

Loop loop(Op op, DType dtype) {
  switch (kind(dtype)) {
    case DTypeKind::boolean:
    case DTypeKind::integer:
      return integer_loop(op, dtype);
    case DTypeKind::floating:
      return dtype == DType::f16 ? half_loop(op) : real_loop(op, dtype);
    case DTypeKind::complex:
      break;
  }
  return complex_loop(op, dtype);
}

DType result_dtype(Op op, DType dtype) {
  switch (info(op).result) {
    case ResultRule::boolean:
      return DType::bool_;
    case ResultRule::real:
      return real_part(dtype);
    case ResultRule::complex:
      return complex_of(dtype).value_or(dtype);
    default:
      return dtype;
  }
}

}  // namespace gemmule::kernels
