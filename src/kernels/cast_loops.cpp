#include "kernels/loop_templates.h"

namespace gemmule::kernels {
namespace {

template <class From, class To>
GEMMULE_INLINE void cast_body(const void* in, void* out, std::int64_t n) {
  const From* x = static_cast<const From*>(in);
  To* y = static_cast<To*>(out);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) y[i] = fn_cast::to<To>(x[i]);
}

template <class From, class To>
void plain_cast(const void* const* in, void* out, std::int64_t n) {
  cast_body<From, To>(in[0], out, n);
}

template <class From, class To>
GEMMULE_CLONES void cloned_cast(const void* const* in, void* out, std::int64_t n) {
  cast_body<From, To>(in[0], out, n);
}

}  // namespace

Loop cast_loop(DType from, DType to) {
  return visit_dtype(from, [to]<class From>(From) {
    return visit_dtype(to, []<class To>(To) -> Loop {
      if constexpr (is_hot<From> && is_hot<To>)
        return cloned_cast<From, To>;
      else
        return plain_cast<From, To>;
    });
  });
}

}  // namespace gemmule::kernels
