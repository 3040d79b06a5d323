#include "kernels/fold_loops.h"

#include <array>
#include <stdexcept>
#include <string>

#include "kernels/function_clones.h"
#include "kernels/scalar_functions.h"

namespace gemmule::kernels {
namespace {

// Partial results for n >= 2 * lanes, then halved.
template <class Fn, std::int64_t lanes, class T>
GEMMULE_INLINE T fold_lanes(const T* x, std::int64_t n) {
  std::array<T, lanes> partial;
  for (std::int64_t j = 0; j < lanes; ++j) partial[j] = x[j];
  std::int64_t i = lanes;
  for (; i + lanes <= n; i += lanes) {
#pragma omp simd
    for (std::int64_t j = 0; j < lanes; ++j) partial[j] = Fn{}(partial[j], x[i + j]);
  }
  for (std::int64_t width = lanes / 2; width > 0; width /= 2) {
    for (std::int64_t j = 0; j < width; ++j) partial[j] = Fn{}(partial[j], partial[j + width]);
  }
  T sum = partial[0];
  for (; i < n; ++i) sum = Fn{}(sum, x[i]);
  return sum;
}

// Partial results enough for four vectors of 32 bytes, whose latencies overlap; for few elements
// four partial results.
template <class Fn, class T>
GEMMULE_INLINE void fold_body(const void* in, void* out, std::int64_t n) {
  constexpr std::int64_t lanes = 128 / sizeof(T);
  const T* x = static_cast<const T*>(in);
  T& result = *static_cast<T*>(out);
  if (n >= 2 * lanes) {
    result = fold_lanes<Fn, lanes>(x, n);
  } else if (n >= 8) {
    result = fold_lanes<Fn, 4>(x, n);
  } else {
    T sum = x[0];
    for (std::int64_t i = 1; i < n; ++i) sum = Fn{}(sum, x[i]);
    result = sum;
  }
}

template <class Fn, class T>
GEMMULE_INLINE void combine_body(void* to, const void* in, std::int64_t n) {
  T* t = static_cast<T*>(to);
  const T* x = static_cast<const T*>(in);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) t[i] = Fn{}(t[i], x[i]);
}

template <class Fn, std::int64_t Length, class T>
GEMMULE_INLINE void fold_fixed_segments(const T* x, T* out, std::int64_t count) {
  for (std::int64_t s = 0; s < count; ++s, x += Length) {
    T sum = x[0];
    for (std::int64_t j = 1; j < Length; ++j) sum = Fn{}(sum, x[j]);
    out[s] = sum;
  }
}

template <class Fn, class T>
GEMMULE_INLINE void segments_body(const void* in, void* out, std::int64_t count,
                                  std::int64_t length) {
  const T* x = static_cast<const T*>(in);
  T* result = static_cast<T*>(out);
  switch (length) {
    case 2:
      return fold_fixed_segments<Fn, 2>(x, result, count);
    case 3:
      return fold_fixed_segments<Fn, 3>(x, result, count);
    case 4:
      return fold_fixed_segments<Fn, 4>(x, result, count);
    case 5:
      return fold_fixed_segments<Fn, 5>(x, result, count);
    default:
      for (std::int64_t s = 0; s < count; ++s) {
        fold_body<Fn, T>(x + s * length, result + s, length);
      }
  }
}

template <class Fn, class T>
void fold_plain(const void* x, void* out, std::int64_t n) {
  fold_body<Fn, T>(x, out, n);
}
template <class Fn, class T>
GEMMULE_CLONES void fold_cloned(const void* x, void* out, std::int64_t n) {
  fold_body<Fn, T>(x, out, n);
}

template <class Fn, class T>
void segments_plain(const void* x, void* out, std::int64_t count, std::int64_t length) {
  segments_body<Fn, T>(x, out, count, length);
}
template <class Fn, class T>
GEMMULE_CLONES void segments_cloned(const void* x, void* out, std::int64_t count,
                                    std::int64_t length) {
  segments_body<Fn, T>(x, out, count, length);
}

template <class Fn, class T>
void combine_plain(void* to, const void* x, std::int64_t n) {
  combine_body<Fn, T>(to, x, n);
}
template <class Fn, class T>
GEMMULE_CLONES void combine_cloned(void* to, const void* x, std::int64_t n) {
  combine_body<Fn, T>(to, x, n);
}

template <class Fn, class T>
void run(void* to, std::int64_t stride, std::int64_t n) {
  T* t = static_cast<T*>(to);
  for (std::int64_t i = 1; i < n; ++i) t[i * stride] = Fn{}(t[(i - 1) * stride], t[i * stride]);
}

template <class Fn>
FoldLoops loops_of(DType dtype) {
  return visit_dtype(dtype, []<class T>(T) -> FoldLoops {
    if constexpr (std::same_as<T, Half> || !std::is_invocable_v<Fn, T, T>)
      return {};
    else if constexpr (Complex<T>)
      return {fold_plain<Fn, T>, segments_plain<Fn, T>, combine_plain<Fn, T>, run<Fn, T>};
    else
      return {fold_cloned<Fn, T>, segments_cloned<Fn, T>, combine_cloned<Fn, T>, run<Fn, T>};
  });
}

}  // namespace

FoldLoops fold_loops(Op op, DType dtype) {
  switch (op) {
    case Op::add:
      return loops_of<fn_add>(dtype);
    case Op::multiply:
      return loops_of<fn_multiply>(dtype);
    case Op::maximum:
      return loops_of<fn_maximum>(dtype);
    case Op::minimum:
      return loops_of<fn_minimum>(dtype);
    default:
      return {};
  }
}

Op fold_op(Op reduction) {
  switch (reduction) {
    case Op::reduce_sum:
    case Op::reduce_any:
      return Op::add;
    case Op::reduce_prod:
    case Op::reduce_all:
      return Op::multiply;
    case Op::reduce_max:
      return Op::maximum;
    case Op::reduce_min:
      return Op::minimum;
    default:
      return Op::fused;
  }
}

void write_identity(Op reduction, DType dtype, void* out) {
  const Op op = fold_op(reduction);
  if (op != Op::add && op != Op::multiply) {
    const std::string_view what = reduction == Op::reduce_max   ? "maximum"
                                  : reduction == Op::reduce_min ? "minimum"
                                                                : info(reduction).name;
    throw std::invalid_argument("[" + std::string(info(reduction).name) +
                                "] zero-size array to reduction operation " + std::string(what) +
                                " which has no identity");
  }
  visit_dtype(dtype, [&]<class T>(T) {
    const T identity = detail::cast<T>(op == Op::multiply);
    std::memcpy(out, &identity, sizeof identity);
  });
}

}  // namespace gemmule::kernels
