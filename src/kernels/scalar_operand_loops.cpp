// Loops with operands of one element: what would cost a block of copies otherwise.
#include "kernels/loop_templates.h"
#include "kernels/strided.h"
#include "kernels/where_loops.h"

namespace gemmule::kernels {
namespace {

template <bool is_scalar, class T>
GEMMULE_INLINE T element(const T* x, T scalar, std::int64_t i) {
  if constexpr (is_scalar)
    return scalar;
  else
    return x[i];
}

template <class Fn, unsigned Scalars, class... In, std::size_t... I>
GEMMULE_INLINE void scalar_body(const void* const* in, void* out, std::int64_t n,
                                std::index_sequence<I...>) {
  using Out = decltype(call<Fn>(In{}...));
  const auto pointers = std::tuple{static_cast<const In*>(in[I])...};
  const auto scalars = std::tuple{*static_cast<const In*>(in[I])...};
  Out* result = static_cast<Out*>(out);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    result[i] = call<Fn>(
        element<(Scalars >> I & 1) != 0>(std::get<I>(pointers), std::get<I>(scalars), i)...);
  }
}

template <class Fn, unsigned Scalars, class... In>
GEMMULE_CLONES void scalar_loop(const void* const* in, void* out, std::int64_t n) {
  scalar_body<Fn, Scalars, In...>(in, out, n, std::index_sequence_for<In...>{});
}

template <class Fn, class T>
Loop binary(unsigned scalars) {
  if constexpr (!is_defined<Fn, T, T>)
    return nullptr;
  else
    return scalars == 1   ? scalar_loop<Fn, 1, T, T>
           : scalars == 2 ? scalar_loop<Fn, 2, T, T>
                          : nullptr;
}

template <class T>
Loop loop_of_op(Op op, unsigned scalars) {
  switch (op) {
#define GEMMULE_BINARY(name) \
  case Op::name:             \
    return binary<fn_##name, T>(scalars);
    GEMMULE_BINARY(add)
    GEMMULE_BINARY(subtract)
    GEMMULE_BINARY(multiply)
    GEMMULE_BINARY(divide)
    GEMMULE_BINARY(maximum)
    GEMMULE_BINARY(minimum)
    GEMMULE_BINARY(equal)
    GEMMULE_BINARY(not_equal)
    GEMMULE_BINARY(less)
    GEMMULE_BINARY(less_equal)
    GEMMULE_BINARY(greater)
    GEMMULE_BINARY(greater_equal)
#undef GEMMULE_BINARY
    case Op::where:
      return where_loop(sizeof(T), scalars);
    case Op::clip:
      return scalars == 6 ? scalar_loop<fn_clip, 6, T, T, T> : nullptr;
    default:
      return nullptr;
  }
}

template <std::size_t Size>
void fill(const void* const* in, void* out, std::int64_t n) {
  move_elements(Size, out, 1, in[0], 0, n);
}

}  // namespace

Loop scalar_operand_loop(Op op, DType dtype, unsigned scalars) {
  switch (dtype) {
    case DType::f64:
      return loop_of_op<double>(op, scalars);
    case DType::f32:
      return loop_of_op<float>(op, scalars);
    case DType::i64:
      return loop_of_op<std::int64_t>(op, scalars);
    default:
      return nullptr;
  }
}

Loop fill_loop(std::size_t size) {
  switch (size) {
    case 1:
      return fill<1>;
    case 2:
      return fill<2>;
    case 4:
      return fill<4>;
    case 8:
      return fill<8>;
    default:
      return fill<16>;
  }
}

}  // namespace gemmule::kernels
