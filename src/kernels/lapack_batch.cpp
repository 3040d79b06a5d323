#include "kernels/lapack_batch.h"

#include <vector>

namespace gemmule::kernels {
namespace {

std::string describe(DType dtype, std::span<const std::int64_t> shape) {
  std::string text(numpy_name(dtype));
  text += "[";
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    text += (axis ? "," : "") + std::to_string(shape[axis]);
  }
  return text + "]";
}
std::string describe(const OperandShape& x) { return describe(x.dtype, x.shape); }

}  // namespace

std::int64_t check_square(std::string_view op, const OperandShape& a) {
  const std::size_t rank = a.shape.size();
  const auto fail = [&](const char* rule) {
    throw std::invalid_argument("[" + std::string(op) + "] A is " + describe(a) + ": " + rule);
  };
  if (rank < 2 || a.shape[rank - 1] != a.shape[rank - 2]) {
    fail("its last two dimensions must be equal.");
  }
  if (rank > kMaxRank) fail("it has more than 64 dimensions.");
  return blas_int(op, a.shape[rank - 1]);
}

void check_operand(std::string_view op, std::string_view name, const OperandShape& x, DType dtype,
                   const OperandShape& a, std::initializer_list<std::int64_t> core) {
  const auto batch = a.shape.first(a.shape.size() - 2);
  const bool fits = x.dtype == dtype && x.shape.size() == batch.size() + core.size() &&
                    std::equal(batch.begin(), batch.end(), x.shape.begin()) &&
                    std::equal(core.begin(), core.end(), x.shape.end() - core.size());
  if (fits) return;
  std::vector<std::int64_t> expected(batch.begin(), batch.end());
  expected.insert(expected.end(), core.begin(), core.end());
  throw std::invalid_argument("[" + std::string(op) + "] " + std::string(name) + " is " +
                              describe(x) + ", must be " + describe(dtype, expected) + " for A " +
                              describe(a) + ".");
}

}  // namespace gemmule::kernels
