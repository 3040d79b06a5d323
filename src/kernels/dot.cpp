#include <algorithm>
#include <cstdint>

#include "kernels/blas.h"
#include "kernels/blas_library.h"
#include "kernels/strided_vector.h"

namespace gemmule::kernels {
namespace {

template <class T>
T dot_inexact(std::int64_t n, StridedVector<const T> x, StridedVector<const T> y) {
  using C = ComputeType<T>;
  C sum(0);
  if constexpr (std::is_same_v<T, C>) {
    if (x.fits_blas(n) && y.fits_blas(n)) {
      constexpr std::int64_t kChunk = std::int64_t{1} << 30;
      for (std::int64_t begin = 0; begin < n; begin += kChunk) {
        const std::int64_t size = std::min(kChunk, n - begin);
        const StridedVector<const T> x_chunk{&x[begin], x.stride};
        const StridedVector<const T> y_chunk{&y[begin], y.stride};
        sum += blas::dot(static_cast<int>(size), x_chunk.lowest(size), x_chunk.increment(size),
                         y_chunk.lowest(size), y_chunk.increment(size));
      }
      return sum;
    }
  }
  for (std::int64_t i = 0; i < n; ++i) sum += multiply(convert<C>(x[i]), convert<C>(y[i]));
  return convert<T>(sum);
}

}  // namespace

void dot(const DotArgs& args) {
  if (!is_inexact(args.dtype)) {
    return integer_matmul({args.dtype,
                           1,
                           1,
                           args.n,
                           {args.x.data, 0, args.x.stride},
                           {args.y.data, args.y.stride, 0},
                           {args.out, 0, 0}});
  }
  visit_inexact("dot", args.dtype, [&](auto zero) {
    using T = decltype(zero);
    *static_cast<T*>(args.out) =
        dot_inexact<T>(args.n, {static_cast<const T*>(args.x.data), args.x.stride},
                       {static_cast<const T*>(args.y.data), args.y.stride});
  });
}

}  // namespace gemmule::kernels
