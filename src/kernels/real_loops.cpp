// float32 and float64.
#include <algorithm>
#include <array>

#include "kernels/gamma_functions.h"
#include "kernels/loop_templates.h"
#include "kernels/where_loops.h"

namespace gemmule::kernels {
namespace {

using Block = void (*)(const double* in, double* out, std::int64_t n);

template <Block block>
void double_loop(const void* const* in, void* out, std::int64_t n) {
  block(static_cast<const double*>(in[0]), static_cast<double*>(out), n);
}

template <Block block>
void float_loop(const void* const* in, void* out, std::int64_t n) {
  const float* x = static_cast<const float*>(in[0]);
  float* y = static_cast<float*>(out);
  std::array<double, 256> values;
  for (std::int64_t size; n > 0; x += size, y += size, n -= size) {
    size = std::min<std::int64_t>(n, values.size());
    std::copy(x, x + size, values.begin());
    block(values.data(), values.data(), size);
    std::transform(values.begin(), values.begin() + size, y, [](double v) { return float(v); });
  }
}

template <Block block>
Loop special_loop(DType dtype) {
  return dtype == DType::f64 ? double_loop<block> : float_loop<block>;
}

}  // namespace

Loop real_loop(Op op, DType dtype) {
  switch (op) {
    case Op::gammaln:
      return special_loop<gammaln_block>(dtype);
    case Op::digamma:
      return special_loop<digamma_block>(dtype);
    case Op::trigamma:
      return special_loop<trigamma_block>(dtype);
    case Op::where:
      return where_loop(size_of(dtype), 0);
    default:
      return dtype == DType::f64 ? loop_of<double>(op) : loop_of<float>(op);
  }
}

}  // namespace gemmule::kernels
