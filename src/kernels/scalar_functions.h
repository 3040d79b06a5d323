// The scalar function behind every elementwise op, as NumPy and PyTensor define its values.
//
// fn_<name>{}(x, ...) is defined for the dtypes on which the op has a meaning and for no others, so
// that std::is_invocable tells which those are. Contract:
//   integers   wrap; x // 0 == x % 0 == 0; // rounds towards -inf and % has the divisor's sign;
//              a negative power is what 1 / x**n truncates to (0 unless x is 1 or -1)
//   bool       + is or, * is and, - has no meaning
//   floats     NaN in an operand gives NaN (maximum, minimum, sign, clip's x too), except where the
//              C library says otherwise (hypot(inf, NaN), power(1, NaN))
//   complex    products and quotients by the plain formulas (Smith's for /), as NumPy's, not C99's
//   float16    goes through float32: `call` below
// Special functions take SciPy's values at poles, infinities and outside their domain.
#pragma once

#include <cmath>
#include <complex>
#include <concepts>
#include <cstdint>
#include <limits>
#include <numbers>
#include <type_traits>

#include "ir/dtype.h"
#include "kernels/function_clones.h"
#include "kernels/special_functions.h"
#include "kernels/vector_math.h"

namespace gemmule::kernels {

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Discrete = std::integral<T>;
template <class T>
concept Floating = std::floating_point<T>;
template <class T>
concept Complex = std::same_as<T, std::complex<float>> || std::same_as<T, std::complex<double>>;
template <class T>
concept Ordered = Discrete<T> || Floating<T>;
template <class T>
concept Inexact = Floating<T> || Complex<T>;
template <class T>
concept Number = Integer<T> || Inexact<T>;
template <class T>
concept Element = Discrete<T> || Inexact<T>;

namespace detail {

template <class T>
GEMMULE_INLINE bool is_nan(T x) {
  if constexpr (Floating<T>)
    return x != x;
  else if constexpr (Complex<T>)
    return x.real() != x.real() || x.imag() != x.imag();
  else
    return false;
}

// The unsigned type in which arithmetic on T neither promotes to a signed type nor overflows.
template <Integer T>
using Wrapping = std::conditional_t<(sizeof(T) < 4), std::uint32_t, std::make_unsigned_t<T>>;

template <Complex T>
GEMMULE_INLINE T product(T x, T y) {
  return {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()};
}

template <Complex T>
inline T quotient(T x, T y) {  // R. L. Smith, Algorithm 116, CACM 5 (1962)
  using R = typename T::value_type;
  const R c = y.real(), d = y.imag();
  if (std::abs(c) >= std::abs(d)) {
    if (c == 0 && d == 0) return {x.real() / std::abs(c), x.imag() / std::abs(c)};
    const R ratio = d / c, scale = R(1) / (c + d * ratio);
    return {(x.real() + x.imag() * ratio) * scale, (x.imag() - x.real() * ratio) * scale};
  }
  const R ratio = c / d, scale = R(1) / (d + c * ratio);
  return {(x.real() * ratio + x.imag()) * scale, (x.imag() * ratio - x.real()) * scale};
}

template <Integer T>
GEMMULE_INLINE T integer_power(T x, T n) {
  using W = Wrapping<T>;
  if constexpr (std::is_signed_v<T>) {
    if (n < 0) return x == 1 ? T(1) : x == T(-1) ? (n % 2 ? T(-1) : T(1)) : T(0);
  }
  W result = 1, base = static_cast<W>(x);
  for (auto bits = static_cast<std::make_unsigned_t<T>>(n); bits != 0;) {
    if (bits & 1) result *= base;
    bits = static_cast<std::make_unsigned_t<T>>(bits >> 1);
    if (bits != 0) base *= base;
  }
  return static_cast<T>(result);
}

template <Complex T>
inline T complex_power(T x, T y) {
  using R = typename T::value_type;
  if (y == T(0)) return T(1);
  if (x == T(0)) {
    if (y.real() > 0) return T(0);
    return {std::numeric_limits<R>::quiet_NaN(), std::numeric_limits<R>::quiet_NaN()};
  }
  if (y.imag() == 0 && std::abs(y.real()) < 100 && y.real() == std::trunc(y.real())) {
    T result(1), base = x;
    for (int bits = static_cast<int>(std::abs(y.real())); bits != 0; bits >>= 1) {
      if (bits & 1) result = product(result, base);
      base = product(base, base);
    }
    return y.real() < 0 ? quotient(T(1), result) : result;
  }
  return std::pow(x, y);
}

// np.floor_divide and np.mod: fmod is exact, so both agree with each other.
template <Floating T>
GEMMULE_INLINE T float_remainder(T x, T y) {
  const T r = std::fmod(x, y);
  if (y == 0) return r;  // NaN
  if (r == 0) return std::copysign(T(0), y);
  return (r < 0) != (y < 0) ? r + y : r;
}

template <Floating T>
GEMMULE_INLINE T float_floor_divide(T x, T y) {
  if (y == 0) return x / y;
  const T r = std::fmod(x, y);
  T q = (x - r) / y;
  if (r != 0 && (r < 0) != (y < 0)) q -= 1;
  if (q == 0) return std::copysign(T(0), x / y);
  const T whole = std::floor(q);
  return q - whole > T(0.5) ? whole + 1 : whole;
}

// Towards zero where it fits. Elsewhere C says nothing; this is what the x86 instructions, hence
// NumPy there, give in most cases: the most negative integer of 64 bits for 64-bit and uint32
// results, of 32 bits for the others, and then the lowest bits of it. No conversion here is
// undefined.
template <Integer To, Floating From>
GEMMULE_INLINE To truncate_to(From x) {
  if constexpr (std::same_as<To, std::uint64_t>) {
    constexpr From two63 = From(9223372036854775808.0);
    if (x >= two63) {
      return x < 2 * two63 ? (std::uint64_t(1) << 63) + static_cast<std::uint64_t>(x - two63) : 0;
    }
    return static_cast<std::uint64_t>(truncate_to<std::int64_t>(x));
  } else {
    using Via = std::conditional_t<sizeof(To) == 8 || std::same_as<To, std::uint32_t>, std::int64_t,
                                   std::int32_t>;
    constexpr Via lowest = std::numeric_limits<Via>::min();
    // Both bounds are powers of two, exact in float.
    const bool fits = x >= From(lowest) && x < -From(lowest);
    return static_cast<To>(fits ? static_cast<Via>(x) : lowest);
  }
}

template <class To, class From>
GEMMULE_INLINE To cast(From x) {
  if constexpr (std::same_as<To, From>)
    return x;
  else if constexpr (std::same_as<From, Half>)
    return cast<To>(static_cast<float>(x));
  else if constexpr (std::same_as<To, Half>)
    return Half(cast<float>(x));
  else if constexpr (std::same_as<To, bool>)
    return x != From(0);
  else if constexpr (Complex<From> && Complex<To>)
    return To(x);
  else if constexpr (Complex<From>)
    return cast<To>(x.real());
  else if constexpr (Complex<To>)
    return To(cast<typename To::value_type>(x));
  else if constexpr (Floating<From> && Integer<To>)
    return truncate_to<To>(x);
  else
    return static_cast<To>(x);
}

}  // namespace detail

// -- arithmetic ------------------------------------------------------------------------------

struct fn_add {
  GEMMULE_INLINE bool operator()(bool x, bool y) const { return x | y; }
  template <Integer T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    using W = detail::Wrapping<T>;
    return static_cast<T>(static_cast<W>(x) + static_cast<W>(y));
  }
  template <Inexact T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    return x + y;
  }
};

struct fn_subtract {
  template <Integer T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    using W = detail::Wrapping<T>;
    return static_cast<T>(static_cast<W>(x) - static_cast<W>(y));
  }
  template <Inexact T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    return x - y;
  }
};

struct fn_multiply {
  GEMMULE_INLINE bool operator()(bool x, bool y) const { return x & y; }
  template <Integer T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    using W = detail::Wrapping<T>;
    return static_cast<T>(static_cast<W>(x) * static_cast<W>(y));
  }
  template <Floating T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    return x * y;
  }
  template <Complex T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    return detail::product(x, y);
  }
};

struct fn_divide {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    return x / y;
  }
  template <Complex T>
  T operator()(T x, T y) const {
    return detail::quotient(x, y);
  }
};

struct fn_floor_divide {
  template <Integer T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    if (y == 0) return 0;
    if constexpr (std::is_signed_v<T>) {
      if (y == -1) return fn_subtract{}(T(0), x);  // the most negative integer has no negative
      const T q = static_cast<T>(x / y);
      return x % y != 0 && (x < 0) != (y < 0) ? static_cast<T>(q - 1) : q;
    } else {
      return static_cast<T>(x / y);
    }
  }
  template <Floating T>
  T operator()(T x, T y) const {
    return detail::float_floor_divide(x, y);
  }
};

struct fn_remainder {
  template <Integer T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    if (y == 0) return 0;
    if constexpr (std::is_signed_v<T>) {
      if (y == -1) return 0;
      const T r = static_cast<T>(x % y);
      return r != 0 && (r < 0) != (y < 0) ? static_cast<T>(r + y) : r;
    } else {
      return static_cast<T>(x % y);
    }
  }
  template <Floating T>
  T operator()(T x, T y) const {
    return detail::float_remainder(x, y);
  }
};

struct fn_power {
  GEMMULE_INLINE bool operator()(bool x, bool y) const { return x | !y; }
  template <Integer T>
  T operator()(T x, T y) const {
    return detail::integer_power(x, y);
  }
  template <Floating T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    return std::pow(x, y);
  }
  template <Complex T>
  T operator()(T x, T y) const {
    return detail::complex_power(x, y);
  }
};

struct fn_arctan2 {
  template <Floating T>
  GEMMULE_INLINE T operator()(T y, T x) const {
    return std::atan2(y, x);
  }
};

struct fn_hypot {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    return std::hypot(x, y);
  }
};

struct fn_maximum {
  template <Ordered T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    return ((x >= y) | detail::is_nan(x)) ? x : y;
  }
};

struct fn_minimum {
  template <Ordered T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    return ((x <= y) | detail::is_nan(x)) ? x : y;
  }
};

struct fn_negative {
  template <Integer T>
  GEMMULE_INLINE T operator()(T x) const {
    return fn_subtract{}(T(0), x);
  }
  template <Inexact T>
  GEMMULE_INLINE T operator()(T x) const {
    return -x;
  }
};

struct fn_absolute {
  GEMMULE_INLINE bool operator()(bool x) const { return x; }
  template <Integer T>
  GEMMULE_INLINE T operator()(T x) const {
    return x < 0 ? fn_negative{}(x) : x;
  }
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    return std::abs(x);
  }
  template <Complex T>
  auto operator()(T x) const {
    return std::hypot(x.real(), x.imag());
  }
};

struct fn_sign {
  GEMMULE_INLINE bool operator()(bool x) const { return x; }
  template <Integer T>
  GEMMULE_INLINE T operator()(T x) const {
    return static_cast<T>((x > 0) - (x < 0));
  }
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    const T sign = (x > 0 ? T(1) : T(0)) - (x < 0 ? T(1) : T(0));
    return x != x ? x : sign;
  }
  template <Complex T>
  T operator()(T x) const {  // x / |x|, the limit along an axis at infinity
    using R = typename T::value_type;
    constexpr R nan = std::numeric_limits<R>::quiet_NaN();
    const R size = std::hypot(x.real(), x.imag());
    if (detail::is_nan(size)) return {nan, nan};
    if (std::isinf(size)) {
      const bool real = std::isinf(x.real()), imag = std::isinf(x.imag());
      if (real && imag) return {nan, nan};
      if (real) return {std::copysign(R(1), x.real()), R(0)};
      if (imag) return {R(0), std::copysign(R(1), x.imag())};
      return T(x.real() / 2, x.imag() / 2) / (std::hypot(x.real() / 2, x.imag() / 2));
    }
    if (size == 0) return T(0);
    return {x.real() / size, x.imag() / size};
  }
};

struct fn_square {
  template <Element T>
  GEMMULE_INLINE T operator()(T x) const {
    return fn_multiply{}(x, x);
  }
};

struct fn_sqrt {
  template <Inexact T>
  GEMMULE_INLINE T operator()(T x) const {
    return std::sqrt(x);
  }
};

struct fn_reciprocal {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    return T(1) / x;
  }
  template <Complex T>
  T operator()(T x) const {
    using R = typename T::value_type;
    if (std::abs(x.imag()) <= std::abs(x.real())) {
      const R ratio = x.imag() / x.real(), scale = x.real() + x.imag() * ratio;
      return {R(1) / scale, -ratio / scale};
    }
    const R ratio = x.real() / x.imag(), scale = x.imag() + x.real() * ratio;
    return {ratio / scale, R(-1) / scale};
  }
};

// Integers are whole already.
#define GEMMULE_ROUNDING(name, expression)   \
  struct fn_##name {                         \
    template <Discrete T>                    \
    GEMMULE_INLINE T operator()(T x) const { \
      return x;                              \
    }                                        \
    template <Floating T>                    \
    GEMMULE_INLINE T operator()(T x) const { \
      return expression;                     \
    }                                        \
  };
GEMMULE_ROUNDING(floor, std::floor(x))
GEMMULE_ROUNDING(ceil, std::ceil(x))
GEMMULE_ROUNDING(trunc, std::trunc(x))
#undef GEMMULE_ROUNDING

struct fn_rint {
  template <Discrete T>
  GEMMULE_INLINE T operator()(T x) const {
    return x;
  }
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    return std::rint(x);
  }
  template <Complex T>
  T operator()(T x) const {
    return {std::rint(x.real()), std::rint(x.imag())};
  }
};

struct fn_round_away {
  template <Discrete T>
  GEMMULE_INLINE T operator()(T x) const {
    return x;
  }
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    const T size = std::abs(x), whole = std::trunc(size);  // size - whole is exact
    return std::copysign(size - whole >= T(0.5) ? whole + T(1) : whole, x);
  }
};

// -- exponentials, trigonometry ----------------------------------------------------------------

#define GEMMULE_FLOAT_AND_COMPLEX(name, function) \
  struct fn_##name {                              \
    template <Floating T>                         \
    GEMMULE_INLINE T operator()(T x) const {      \
      return std::function(x);                    \
    }                                             \
    template <Complex T>                          \
    T operator()(T x) const {                     \
      return std::function(x);                    \
    }                                             \
  };
GEMMULE_FLOAT_AND_COMPLEX(exp, exp)
GEMMULE_FLOAT_AND_COMPLEX(log, log)
GEMMULE_FLOAT_AND_COMPLEX(sin, sin)
GEMMULE_FLOAT_AND_COMPLEX(cos, cos)
GEMMULE_FLOAT_AND_COMPLEX(tan, tan)
GEMMULE_FLOAT_AND_COMPLEX(arcsin, asin)
GEMMULE_FLOAT_AND_COMPLEX(arccos, acos)
GEMMULE_FLOAT_AND_COMPLEX(arctan, atan)
GEMMULE_FLOAT_AND_COMPLEX(sinh, sinh)
GEMMULE_FLOAT_AND_COMPLEX(cosh, cosh)
GEMMULE_FLOAT_AND_COMPLEX(tanh, tanh)
GEMMULE_FLOAT_AND_COMPLEX(arcsinh, asinh)
GEMMULE_FLOAT_AND_COMPLEX(arccosh, acosh)
GEMMULE_FLOAT_AND_COMPLEX(arctanh, atanh)
#undef GEMMULE_FLOAT_AND_COMPLEX

struct fn_exp2 {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    return std::exp2(x);
  }
  template <Complex T>
  T operator()(T x) const {
    return std::exp(x * std::numbers::ln2_v<typename T::value_type>);
  }
};

struct fn_expm1 {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    return std::expm1(x);
  }
  template <Complex T>
  T operator()(T x) const {
    const auto s = std::sin(x.imag() / 2);
    return {std::expm1(x.real()) * std::cos(x.imag()) - 2 * s * s,
            std::exp(x.real()) * std::sin(x.imag())};
  }
};

struct fn_log2 {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    return std::log2(x);
  }
  template <Complex T>
  T operator()(T x) const {
    return std::log(x) * std::numbers::log2e_v<typename T::value_type>;
  }
};

struct fn_log10 {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    return std::log10(x);
  }
  template <Complex T>
  T operator()(T x) const {
    return std::log(x) * std::numbers::log10e_v<typename T::value_type>;
  }
};

struct fn_log1p {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    return std::log1p(x);
  }
  template <Complex T>
  T operator()(T x) const {
    const auto shifted = x.real() + 1;
    return {std::log(std::hypot(shifted, x.imag())), std::atan2(x.imag(), shifted)};
  }
};

// -- statistics and special functions -------------------------------------------------------------

// exp(-|x|) neither overflows nor loses the tail: sigmoid(-740) is exp(-740).
struct fn_sigmoid {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    const T e = std::exp(-std::abs(x));
    return (x < 0 ? e : T(1)) / (T(1) + e);
  }
};

struct fn_softplus {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    return (x > 0 ? x : T(0)) + std::log1p(std::exp(-std::abs(x)));
  }
};

// M. Maechler, "Accurately computing log(1 - exp(-|a|))", 2012.
struct fn_log1mexp {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    const T far = std::log1p(-std::exp(x)), near = std::log(-std::expm1(x));
    return x < -std::numbers::ln2_v<T> ? far : near;
  }
};

struct fn_logaddexp {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x, T y) const {
    const T sum = (x > y ? x : y) + std::log1p(std::exp(-std::abs(x - y)));
    return x == y ? x + std::numbers::ln2_v<T> : sum;  // infinities of one sign too
  }
};

struct fn_erf {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    return std::erf(x);
  }
};

struct fn_erfc {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    return std::erfc(x);
  }
};

// float32 goes through float64.
#define GEMMULE_SPECIAL_1(name)   \
  struct fn_##name {              \
    template <Floating T>         \
    T operator()(T x) const {     \
      return T(special::name(x)); \
    }                             \
  };
#define GEMMULE_SPECIAL_2(name)      \
  struct fn_##name {                 \
    template <Floating T>            \
    T operator()(T x, T y) const {   \
      return T(special::name(x, y)); \
    }                                \
  };
GEMMULE_SPECIAL_1(erfcx)
GEMMULE_SPECIAL_1(erfinv)
GEMMULE_SPECIAL_1(erfcinv)
GEMMULE_SPECIAL_1(gamma)
GEMMULE_SPECIAL_1(gammaln)
GEMMULE_SPECIAL_1(digamma)
GEMMULE_SPECIAL_1(trigamma)
GEMMULE_SPECIAL_2(gammainc)
GEMMULE_SPECIAL_2(gammaincc)
GEMMULE_SPECIAL_1(i0)
GEMMULE_SPECIAL_1(i1)
GEMMULE_SPECIAL_2(ive)
GEMMULE_SPECIAL_2(kve)
GEMMULE_SPECIAL_1(j0)
GEMMULE_SPECIAL_1(j1)
GEMMULE_SPECIAL_2(jv)
GEMMULE_SPECIAL_2(polygamma)
GEMMULE_SPECIAL_2(gammaincinv)
GEMMULE_SPECIAL_2(gammainccinv)
GEMMULE_SPECIAL_2(owens_t)
GEMMULE_SPECIAL_1(ndtri_exp)
#undef GEMMULE_SPECIAL_1
#undef GEMMULE_SPECIAL_2

struct fn_betainc {
  template <Floating T>
  T operator()(T a, T b, T x) const {
    return T(special::betainc(a, b, x));
  }
};

struct fn_betaincinv {
  template <Floating T>
  T operator()(T a, T b, T x) const {
    return T(special::betaincinv(a, b, x));
  }
};

// -- comparison, logic and choice ----------------------------------------------------------------

#define GEMMULE_COMPARISON(name, Operands, symbol)   \
  struct fn_##name {                                 \
    template <Operands T>                            \
    GEMMULE_INLINE bool operator()(T x, T y) const { \
      return x symbol y;                             \
    }                                                \
  };
GEMMULE_COMPARISON(equal, Element, ==)
GEMMULE_COMPARISON(not_equal, Element, !=)
GEMMULE_COMPARISON(less, Ordered, <)
GEMMULE_COMPARISON(less_equal, Ordered, <=)
GEMMULE_COMPARISON(greater, Ordered, >)
GEMMULE_COMPARISON(greater_equal, Ordered, >=)
#undef GEMMULE_COMPARISON

struct fn_isnan {
  template <Element T>
  GEMMULE_INLINE bool operator()(T x) const {
    return detail::is_nan(x);
  }
};

struct fn_isinf {
  template <Discrete T>
  GEMMULE_INLINE bool operator()(T) const {
    return false;
  }
  template <Floating T>
  GEMMULE_INLINE bool operator()(T x) const {
    return std::abs(x) == std::numeric_limits<T>::infinity();
  }
  template <Complex T>
  GEMMULE_INLINE bool operator()(T x) const {
    return (*this)(x.real()) || (*this)(x.imag());
  }
};

#define GEMMULE_BITWISE(name, symbol)             \
  struct fn_##name {                              \
    template <Discrete T>                         \
    GEMMULE_INLINE T operator()(T x, T y) const { \
      return static_cast<T>(x symbol y);          \
    }                                             \
  };
GEMMULE_BITWISE(bitwise_and, &)
GEMMULE_BITWISE(bitwise_or, |)
GEMMULE_BITWISE(bitwise_xor, ^)
#undef GEMMULE_BITWISE

struct fn_invert {  // floats convert to bool, but have no inverse
  template <std::same_as<bool> T>
  GEMMULE_INLINE bool operator()(T x) const {
    return !x;
  }
  template <Integer T>
  GEMMULE_INLINE T operator()(T x) const {
    return static_cast<T>(~x);
  }
};

struct fn_where {
  template <Element T>
  GEMMULE_INLINE T operator()(bool condition, T x, T y) const {
    return condition ? x : y;
  }
};

struct fn_clip {  // a bound that is NaN does not bind
  template <Ordered T>
  GEMMULE_INLINE T operator()(T x, T low, T high) const {
    const T upper = x > high ? high : x;
    return x < low ? low : upper;
  }
};

// -- dtypes
// ----------------------------------------------------------------------------------------

struct fn_cast {
  template <class To, class From>
  static GEMMULE_INLINE To to(From x) {
    return detail::cast<To>(x);
  }
};

struct fn_conj {
  template <Ordered T>
  GEMMULE_INLINE T operator()(T x) const {
    return x;
  }
  template <Complex T>
  GEMMULE_INLINE T operator()(T x) const {
    return {x.real(), -x.imag()};
  }
};

struct fn_real {
  template <Ordered T>
  GEMMULE_INLINE T operator()(T x) const {
    return x;
  }
  template <Complex T>
  GEMMULE_INLINE auto operator()(T x) const {
    return x.real();
  }
};

struct fn_imag {
  template <Ordered T>
  GEMMULE_INLINE T operator()(T) const {
    return T(0);
  }
  template <Complex T>
  GEMMULE_INLINE auto operator()(T x) const {
    return x.imag();
  }
};

struct fn_angle {
  template <Floating T>
  GEMMULE_INLINE T operator()(T x) const {
    return std::atan2(T(0), x);
  }
  template <Complex T>
  auto operator()(T x) const {
    return std::atan2(x.imag(), x.real());
  }
};

struct fn_complex {
  template <Floating T>
  GEMMULE_INLINE std::complex<T> operator()(T x, T y) const {
    return {x, y};
  }
};

// Every row of ops.def has its functor.
#define ELEMENTWISE(name, arity, result, properties) static_assert(std::is_empty_v<fn_##name>);
#include "ir/ops.def"

// -- any dtype
// -------------------------------------------------------------------------------------

// The type in which arithmetic on T happens.
template <class T>
using Compute = std::conditional_t<std::same_as<T, Half>, float, T>;

// float16 has no complex dtype, so that `complex` is not defined for it.
template <class Fn, class... T>
inline constexpr bool is_defined = [] {
  if constexpr (!std::is_invocable_v<Fn, Compute<T>...>)
    return false;
  else
    return !(std::same_as<T, Half> || ...) || !Complex<std::invoke_result_t<Fn, Compute<T>...>>;
}();

// Fn on any element types, with a float16 result when an operand is float16 and the op keeps
// dtypes.
template <class Fn, class... T>
  requires is_defined<Fn, T...>
GEMMULE_INLINE auto call(T... x) {
  const auto result = Fn{}(static_cast<Compute<T>>(x)...);
  if constexpr ((std::same_as<T, Half> || ...) && std::same_as<decltype(result), const float>) {
    return Half(result);
  } else {
    return result;
  }
}

}  // namespace gemmule::kernels
