#include "kernels/where_loops.h"

#include <cstdint>

#include "kernels/function_clones.h"

namespace gemmule::kernels {
namespace {

// The elements are floating-point numbers for others.
using Bits32 [[gnu::may_alias]] = std::uint32_t;
using Bits64 [[gnu::may_alias]] = std::uint64_t;

template <class Bits, unsigned Scalars>
GEMMULE_INLINE void choose(const void* const* in, void* out, std::int64_t n) {
  const auto* const condition = static_cast<const std::uint8_t*>(in[0]);
  const Bits* const x = static_cast<const Bits*>(in[1]);
  const Bits* const y = static_cast<const Bits*>(in[2]);
  Bits* const result = static_cast<Bits*>(out);
  const Bits x0 = *x, y0 = *y;
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const Bits mask = static_cast<Bits>(0) - static_cast<Bits>(condition[i]);
    const Bits yes = Scalars & 2 ? x0 : x[i], no = Scalars & 4 ? y0 : y[i];
    result[i] = (yes & mask) | (no & ~mask);
  }
}

template <class Bits, unsigned Scalars>
GEMMULE_CLONES void loop(const void* const* in, void* out, std::int64_t n) {
  if (n > 0) choose<Bits, Scalars>(in, out, n);
}

template <class Bits>
Loop loop_of(unsigned scalars) {
  switch (scalars) {
    case 0:
      return loop<Bits, 0>;
    case 2:
      return loop<Bits, 2>;
    case 4:
      return loop<Bits, 4>;
    case 6:
      return loop<Bits, 6>;
    default:
      return nullptr;
  }
}

}  // namespace

Loop where_loop(std::size_t size, unsigned scalars) {
  return size == 8 ? loop_of<Bits64>(scalars) : size == 4 ? loop_of<Bits32>(scalars) : nullptr;
}

}  // namespace gemmule::kernels
