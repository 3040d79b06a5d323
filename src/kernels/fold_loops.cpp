#include "kernels/fold_loops.h"

#include <array>
#include <concepts>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels/function_clones.h"
#include "kernels/scalar_functions.h"

namespace gemmule::kernels {
namespace {

// Lanes of 32 bytes, and halves of them: sums in registers, where an array of partial results would go by way of
// memory once the loop is over.
template <class T, std::int64_t lanes>
struct VectorOf {
  typedef T type __attribute__((vector_size(lanes * sizeof(T)), aligned(alignof(T)), may_alias));
};
template <class T, std::int64_t lanes>
using Vector = typename VectorOf<T, lanes>::type;

// Fn of vectors; as scalar_functions.h defines it for their elements.
template <class Fn, class V>
GEMMULE_INLINE V fold_vectors(V x, V y) {
  if constexpr (std::same_as<Fn, fn_add>)
    return x + y;
  else if constexpr (std::same_as<Fn, fn_multiply>)
    return x * y;
  else if constexpr (std::same_as<Fn, fn_maximum>)
    return ((x >= y) | (x != x)) ? x : y;
  else
    return ((x <= y) | (x != x)) ? x : y;
}

template <class Fn, class T, std::int64_t lanes>
GEMMULE_INLINE T fold_halves(Vector<T, lanes> x) {
  using Half = Vector<T, lanes / 2>;
  const auto half = [&]<std::size_t... I>(std::int64_t first, std::index_sequence<I...>) {
    return Half{x[first + static_cast<std::int64_t>(I)]...};
  };
  constexpr auto indices = std::make_index_sequence<lanes / 2>{};
  if constexpr (lanes == 2)
    return Fn{}(x[0], x[1]);
  else
    return fold_halves<Fn, T, lanes / 2>(fold_vectors<Fn>(half(0, indices), half(lanes / 2, indices)));
}

// Four vectors at a time, whose latencies overlap; what is left over one by one.
template <class Fn, class T>
GEMMULE_INLINE T fold_floats(const T* x, std::int64_t n) {
  constexpr std::int64_t lanes = 32 / sizeof(T);
  using V = Vector<T, lanes>;
  const auto at = [&](std::int64_t i) GEMMULE_INLINE_LAMBDA { return *reinterpret_cast<const V*>(x + i); };
  std::int64_t i = lanes;
  T result = x[0];
  if (n < lanes) {
    i = 1;
  } else {
    V a = at(0);
    if (n >= 8 * lanes) {
      V b = at(lanes), c = at(2 * lanes), d = at(3 * lanes);
      for (i = 4 * lanes; i + 4 * lanes <= n; i += 4 * lanes) {
        a = fold_vectors<Fn>(a, at(i));
        b = fold_vectors<Fn>(b, at(i + lanes));
        c = fold_vectors<Fn>(c, at(i + 2 * lanes));
        d = fold_vectors<Fn>(d, at(i + 3 * lanes));
      }
      a = fold_vectors<Fn>(fold_vectors<Fn>(a, c), fold_vectors<Fn>(b, d));
    }
    for (; i + lanes <= n; i += lanes) a = fold_vectors<Fn>(a, at(i));
    result = fold_halves<Fn, T, lanes>(a);
  }
  for (; i < n; ++i) result = Fn{}(result, x[i]);
  return result;
}

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

// Partial results enough for four vectors of 32 bytes; for few elements four partial results.
template <class Fn, class T>
GEMMULE_INLINE void fold_body(const void* in, void* out, std::int64_t n) {
  constexpr std::int64_t lanes = 128 / sizeof(T);
  const T* x = static_cast<const T*>(in);
  T& result = *static_cast<T*>(out);
  if constexpr (Floating<T>) {
    result = fold_floats<Fn>(x, n);
  } else if (n >= 2 * lanes) {
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
