#include "kernels/lapack_batch.h"

namespace gemmule::kernels {
namespace {

std::string describe(const ConstView& x) {
  std::string text(numpy_name(x.dtype));
  text += "[";
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis) {
    text += (axis ? "," : "") + std::to_string(x.shape[axis]);
  }
  return text + "]";
}

}  // namespace

std::int64_t check_square(std::string_view op, const ConstView& a) {
  const std::size_t rank = a.shape.size();
  if (rank < 2 || a.shape[rank - 1] != a.shape[rank - 2]) {
    throw std::invalid_argument("[" + std::string(op) + "] A is " + describe(a) +
                                ": its last two dimensions must be equal.");
  }
  return blas_int(op, a.shape[rank - 1]);
}

void check_operand(std::string_view op, std::string_view name, const ConstView& x, DType dtype,
                   const ConstView& a, const Extents& core) {
  ConstView expected{nullptr, dtype, batch_shape(a), {}};
  expected.shape.insert(expected.shape.end(), core.begin(), core.end());
  if (x.dtype == dtype && x.shape == expected.shape) return;
  throw std::invalid_argument("[" + std::string(op) + "] " + std::string(name) + " is " +
                              describe(x) + ", must be " + describe(expected) + " for A " +
                              describe(a) + ".");
}

}  // namespace gemmule::kernels
