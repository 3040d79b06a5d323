// How a scalar function becomes a loop. Included by the *_loops.cpp, each of which instantiates the
// loops of a few dtypes.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

#include "kernels/elementwise_loops.h"
#include "kernels/function_clones.h"
#include "kernels/scalar_functions.h"

namespace gemmule::kernels {

// Element i of `out` may be element i of an operand, never another one: the pragma says so.
template <class Fn, class... In, std::size_t... I>
GEMMULE_INLINE void loop_body(const void* const* in, void* out, std::int64_t n,
                              std::index_sequence<I...>) {
  using Out = decltype(call<Fn>(In{}...));
  const auto pointers = std::tuple{static_cast<const In*>(in[I])...};
  Out* result = static_cast<Out*>(out);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) result[i] = call<Fn>(std::get<I>(pointers)[i]...);
}

template <class Fn, class... In>
void plain_loop(const void* const* in, void* out, std::int64_t n) {
  loop_body<Fn, In...>(in, out, n, std::index_sequence_for<In...>{});
}

template <class Fn, class... In>
GEMMULE_CLONES void cloned_loop(const void* const* in, void* out, std::int64_t n) {
  loop_body<Fn, In...>(in, out, n, std::index_sequence_for<In...>{});
}

// Clones triple code and compile time: only for the dtypes in which models compute.
template <class T>
inline constexpr bool is_hot = std::same_as<T, bool> || std::same_as<T, std::int32_t> ||
                               std::same_as<T, std::int64_t> || std::floating_point<T>;

template <class Fn, class... In>
constexpr Loop loop_if_defined() {
  if constexpr (!is_defined<Fn, In...>)
    return nullptr;
  else if constexpr ((is_hot<In> && ...))
    return cloned_loop<Fn, In...>;
  else
    return plain_loop<Fn, In...>;
}

template <class Fn, int arity, ResultRule rule, class T>
constexpr Loop loop_of_row() {
  if constexpr (rule == ResultRule::cast)
    return nullptr;  // cast_loop
  else if constexpr (rule == ResultRule::select)
    return loop_if_defined<Fn, bool, T, T>();
  else if constexpr (arity == 1)
    return loop_if_defined<Fn, T>();
  else if constexpr (arity == 2)
    return loop_if_defined<Fn, T, T>();
  else
    return loop_if_defined<Fn, T, T, T>();
}

template <class T>
Loop loop_of(Op op) {
  switch (op) {
#define ELEMENTWISE(name, arity, result, properties) \
  case Op::name:                                     \
    return loop_of_row<fn_##name, arity, ResultRule::result, T>();
#include "ir/ops.def"
    default:
      return nullptr;
  }
}

// One per file.
Loop real_loop(Op op, DType dtype);
Loop integer_loop(Op op, DType dtype);
Loop complex_loop(Op op, DType dtype);
Loop half_loop(Op op);

}  // namespace gemmule::kernels
