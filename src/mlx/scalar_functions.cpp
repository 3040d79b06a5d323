// The elementwise ops in terms of mlx::core ops, for devices other than the CPU: one mlx_<name> per
// ELEMENTWISE row of ops.def, with the values that kernels/scalar_functions.h states. A row of
// which MLX lacks the function is a null pointer, and its nodes run on a CPU stream.
#include <algorithm>
#include <iterator>
#include <numbers>
#include <string>

#include "ir/error.h"
#include "mlx/lower.h"
#include "mlx/ops.h"

namespace gemmule {
namespace {

using Array = mx::array;

// Operands of one dtype (of `where`: those after the condition), not broadcast yet.
struct Call {
  const std::vector<Array>& operands;
  DType result;
  mx::Stream stream;

  const Array& x() const { return operands[0]; }
  const Array& y() const { return operands[1]; }
  const Array& z() const { return operands[2]; }
  mx::Dtype dtype() const { return x().dtype(); }
  bool is_bool() const { return dtype() == mx::bool_; }
  bool is_integer() const { return mx::issubdtype(dtype(), mx::integer); }
  bool is_signed() const { return mx::issubdtype(dtype(), mx::signedinteger); }
  bool is_complex() const { return dtype() == mx::complex64; }
  bool is_discrete() const { return is_bool() || is_integer(); }
  // A 0-d constant of the operands' dtype. Finite: Metal's compiled kernels cannot spell others.
  Array constant(double value) const { return Array(static_cast<float>(value), dtype()); }

  // Short names for what formulas are made of.
  Array add(const Array& a, const Array& b) const { return mx::add(a, b, stream); }
  Array sub(const Array& a, const Array& b) const { return mx::subtract(a, b, stream); }
  Array mul(const Array& a, const Array& b) const { return mx::multiply(a, b, stream); }
  Array div(const Array& a, const Array& b) const { return mx::divide(a, b, stream); }
  Array lt(const Array& a, const Array& b) const { return mx::less(a, b, stream); }
  Array eq(const Array& a, const Array& b) const { return mx::equal(a, b, stream); }
  Array ne(const Array& a, const Array& b) const { return mx::not_equal(a, b, stream); }
  Array land(const Array& a, const Array& b) const { return mx::logical_and(a, b, stream); }
  Array lor(const Array& a, const Array& b) const { return mx::logical_or(a, b, stream); }
  Array neg(const Array& a) const { return mx::negative(a, stream); }
  Array abs(const Array& a) const { return mx::abs(a, stream); }
  Array exp(const Array& a) const { return mx::exp(a, stream); }
  Array select(const Array& condition, const Array& a, const Array& b) const {
    return mx::where(condition, a, b, stream);
  }
};

using Function = Array (*)(const Call&);

// mlx_<name> where the function of MLX has the values wanted.
#define UNARY(name, function) \
  Array mlx_##name(const Call& c) { return mx::function(c.x(), c.stream); }
#define BINARY(name, function) \
  Array mlx_##name(const Call& c) { return mx::function(c.x(), c.y(), c.stream); }
#define MISSING(name) constexpr Function mlx_##name = nullptr;

// -- arithmetic -----------------------------------------------------------------------------------

Array mlx_add(const Call& c) { return c.is_bool() ? c.lor(c.x(), c.y()) : c.add(c.x(), c.y()); }
BINARY(subtract, subtract)
Array mlx_multiply(const Call& c) {
  return c.is_bool() ? c.land(c.x(), c.y()) : c.mul(c.x(), c.y());
}
BINARY(divide, divide)

// Integer division that never divides by 0, nor the most negative integer by -1, both of which are
// undefined on the devices: f(x, y) for the other divisors.
struct Divisor {
  Array is_zero, is_minus_one, safe;
};
Divisor divisor(const Call& c) {
  const Array zero = c.eq(c.y(), c.constant(0));
  const Array minus_one = c.is_signed() ? c.eq(c.y(), c.constant(-1)) : Array(false);
  return {zero, minus_one, c.select(c.lor(zero, minus_one), c.constant(1), c.y())};
}

Array mlx_floor_divide(const Call& c) {
  const Array &x = c.x(), &y = c.y();
  if (c.is_integer()) {
    const Divisor d = divisor(c);
    const Array quotient = mx::floor_divide(x, d.safe, c.stream);
    const Array negated = c.is_signed() ? c.sub(c.constant(0), x) : x;
    return c.select(d.is_zero, c.constant(0), c.select(d.is_minus_one, negated, quotient));
  }
  // np.floor_divide: the exact remainder goes first, so that 1 // 0.1 is 9.
  const Array r = mx::remainder(x, y, c.stream);
  const Array whole = mx::round(c.div(c.sub(x, r), y), 0, c.stream);
  const Array opposite = c.ne(c.lt(x, c.constant(0)), c.lt(y, c.constant(0)));
  const Array towards =
      c.select(c.land(opposite, c.ne(x, c.constant(0))), c.constant(-1), c.constant(0));
  const Array finite = mx::isfinite(x, c.stream);
  const Array at_infinity = c.land(mx::isinf(y, c.stream), finite);
  return c.select(c.eq(y, c.constant(0)), c.div(x, y), c.select(at_infinity, towards, whole));
}

Array mlx_remainder(const Call& c) {
  if (!c.is_integer()) return mx::remainder(c.x(), c.y(), c.stream);
  const Divisor d = divisor(c);
  return c.select(c.lor(d.is_zero, d.is_minus_one), c.constant(0),
                  mx::remainder(c.x(), d.safe, c.stream));
}

Array mlx_power(const Call& c) {
  const Array &x = c.x(), &y = c.y();
  if (c.is_bool()) return c.lor(x, mx::logical_not(y, c.stream));
  if (!c.is_signed()) return mx::power(x, y, c.stream);
  // A negative exponent: what 1 / x**n truncates to.
  const Array negative = c.lt(y, c.constant(0));
  const Array one = c.constant(1), minus_one = c.constant(-1), zero = c.constant(0);
  const Array even = c.eq(mx::bitwise_and(y, one, c.stream), zero);
  const Array inverse = c.select(
      c.eq(x, one), one, c.select(c.eq(x, minus_one), c.select(even, one, minus_one), zero));
  return c.select(negative, inverse, mx::power(x, c.select(negative, zero, y), c.stream));
}

BINARY(arctan2, arctan2)

// Scaled by the larger one, so that squares neither overflow nor vanish.
Array mlx_hypot(const Call& c) {
  const Array a = c.abs(c.x()), b = c.abs(c.y());
  const Array large = mx::maximum(a, b, c.stream), small = mx::minimum(a, b, c.stream);
  const Array infinite = c.lor(mx::isinf(a, c.stream), mx::isinf(b, c.stream));
  const Array ratio = c.div(small, c.select(c.eq(large, c.constant(0)), c.constant(1), large));
  const Array size =
      c.mul(large, mx::sqrt(c.add(c.constant(1), mx::square(ratio, c.stream)), c.stream));
  // Infinite even where the other one is NaN, as the C library's.
  const Array largest = c.select(mx::isinf(a, c.stream), a, b);
  return c.select(infinite, largest, size);
}

BINARY(maximum, maximum)
BINARY(minimum, minimum)

Array mlx_negative(const Call& c) {
  return c.is_integer() ? c.sub(c.constant(0), c.x()) : c.neg(c.x());
}
Array mlx_absolute(const Call& c) {
  return c.is_discrete() && !c.is_signed() ? c.x() : c.abs(c.x());
}
Array mlx_sign(const Call& c) {
  if (c.is_bool()) return c.x();
  const Array sign = mx::sign(c.x(), c.stream);
  return c.is_integer() ? sign : c.select(mx::isnan(c.x(), c.stream), c.x(), sign);
}
Array mlx_square(const Call& c) { return c.is_bool() ? c.x() : c.mul(c.x(), c.x()); }
UNARY(sqrt, sqrt)
UNARY(reciprocal, reciprocal)

// Integers are whole already.
Array mlx_floor(const Call& c) { return c.is_discrete() ? c.x() : mx::floor(c.x(), c.stream); }
Array mlx_ceil(const Call& c) { return c.is_discrete() ? c.x() : mx::ceil(c.x(), c.stream); }
Array mlx_rint(const Call& c) { return c.is_discrete() ? c.x() : mx::round(c.x(), 0, c.stream); }
Array mlx_trunc(const Call& c) {
  if (c.is_discrete()) return c.x();
  return c.select(c.lt(c.x(), c.constant(0)), mx::ceil(c.x(), c.stream),
                  mx::floor(c.x(), c.stream));
}
Array mlx_round_away(const Call& c) {
  if (c.is_discrete()) return c.x();
  const Array whole = mlx_trunc(c);
  const Array up = mx::greater_equal(c.abs(c.sub(c.x(), whole)), c.constant(0.5), c.stream);
  return c.select(up, c.add(whole, mx::sign(c.x(), c.stream)), whole);
}

// -- exponentials, trigonometry -------------------------------------------------------------------

UNARY(exp, exp)
Array mlx_exp2(const Call& c) { return mx::power(c.constant(2), c.x(), c.stream); }
UNARY(expm1, expm1)
UNARY(log, log)
UNARY(log2, log2)
UNARY(log10, log10)
UNARY(log1p, log1p)
UNARY(sin, sin)
UNARY(cos, cos)
UNARY(tan, tan)
UNARY(arcsin, arcsin)
UNARY(arccos, arccos)
UNARY(arctan, arctan)
UNARY(sinh, sinh)
UNARY(cosh, cosh)
UNARY(tanh, tanh)
UNARY(arcsinh, arcsinh)
UNARY(arccosh, arccosh)
UNARY(arctanh, arctanh)

// -- statistics and special functions -------------------------------------------------------------

// exp(-|x|) neither overflows nor loses the tail, as 1 - 1 / (1 + exp(-x)) does.
Array mlx_sigmoid(const Call& c) {
  const Array e = c.exp(c.neg(c.abs(c.x())));
  const Array one = c.constant(1);
  return c.div(c.select(c.lt(c.x(), c.constant(0)), e, one), c.add(one, e));
}

Array mlx_softplus(const Call& c) {
  const Array tail = mx::log1p(c.exp(c.neg(c.abs(c.x()))), c.stream);
  return c.add(mx::maximum(c.x(), c.constant(0), c.stream), tail);
}

// M. Maechler, "Accurately computing log(1 - exp(-|a|))", 2012.
Array mlx_log1mexp(const Call& c) {
  const Array far = mx::log1p(c.neg(c.exp(c.x())), c.stream);
  const Array near = mx::log(c.neg(mx::expm1(c.x(), c.stream)), c.stream);
  return c.select(c.lt(c.x(), c.constant(-std::numbers::ln2)), far, near);
}

BINARY(logaddexp, logaddexp)
UNARY(erf, erf)

// exp(sign * x^2) for |x| below 20, beyond which float32 has 0 and infinity. The square of x's
// upper bits is exact: rounding x^2 itself would cost as many digits as x^2 has before the point.
Array exp_of_square(const Call& c, const Array& x, double sign) {
  const Array limit = c.constant(20);
  const Array near = mx::clip(x, c.neg(limit), limit, c.stream);
  const Array scale = c.constant(128);
  const Array upper = c.div(mx::round(c.mul(near, scale), 0, c.stream), scale);
  const Array rest = c.mul(c.sub(near, upper), c.add(near, upper));
  const Array s = c.constant(sign);
  return c.mul(c.exp(c.mul(s, c.mul(upper, upper))), c.exp(c.mul(s, rest)));
}

// erfcx(x) for x >= 0: (1 + 2x) erfcx(x) is smooth, and a polynomial in (x - 2) / (x + 2), fitted
// at Chebyshev's points, gives it to 1.3e-8, less than float32 resolves.
Array erfcx_positive(const Call& c, const Array& x) {
  constexpr double coefficients[] = {1.27697839,      -0.0927637628,  -0.166031096,
                                     0.164049454,     -0.0542119585,  -0.00801896308,
                                     0.00868915966,   0.00121741059,  -0.00139570695,
                                     -0.000357920448, 0.000160803582, 6.33694584e-05};
  const Array two = c.constant(2);
  const Array near = mx::minimum(x, c.constant(1e30), c.stream);  // inf - 2 over inf + 2 is NaN
  const Array t = c.div(c.sub(near, two), c.add(near, two));
  Array sum = c.constant(0);
  for (auto k = std::size(coefficients); k-- > 0;) {
    sum = c.add(c.mul(sum, t), c.constant(coefficients[k]));
  }
  return c.div(sum, c.add(c.constant(1), c.mul(two, x)));
}

Array mlx_erfc(const Call& c) {
  const Array a = c.abs(c.x());
  const Array tail = c.mul(exp_of_square(c, a, -1), erfcx_positive(c, a));
  const Array body = c.sub(c.constant(1), mx::erf(c.x(), c.stream));
  return c.select(c.lt(c.constant(0.5), c.x()), tail, body);
}

Array mlx_erfcx(const Call& c) {
  const Array positive = erfcx_positive(c, c.abs(c.x()));
  const Array reflected = c.sub(c.mul(c.constant(2), exp_of_square(c, c.x(), 1)), positive);
  return c.select(c.lt(c.x(), c.constant(0)), reflected, positive);
}

UNARY(erfinv, erfinv)
MISSING(erfcinv)
MISSING(gamma)
MISSING(gammaln)
MISSING(digamma)
MISSING(trigamma)
MISSING(gammainc)
MISSING(gammaincc)
MISSING(betainc)
MISSING(i0)
MISSING(i1)
MISSING(ive)
MISSING(kve)
MISSING(j0)
MISSING(j1)
MISSING(jv)
MISSING(polygamma)
MISSING(gammaincinv)
MISSING(gammainccinv)
MISSING(betaincinv)
MISSING(owens_t)
MISSING(ndtri_exp)

// -- comparison, logic and choice -----------------------------------------------------------------

BINARY(equal, equal)
BINARY(not_equal, not_equal)
BINARY(less, less)
BINARY(less_equal, less_equal)
BINARY(greater, greater)
BINARY(greater_equal, greater_equal)
UNARY(isnan, isnan)
UNARY(isinf, isinf)
BINARY(bitwise_and, bitwise_and)
BINARY(bitwise_or, bitwise_or)
BINARY(bitwise_xor, bitwise_xor)
Array mlx_invert(const Call& c) {
  return c.is_bool() ? mx::logical_not(c.x(), c.stream) : mx::bitwise_invert(c.x(), c.stream);
}
Array mlx_where(const Call& c) { return c.select(c.x(), c.y(), c.z()); }
Array mlx_clip(const Call& c) {  // a bound that is NaN does not bind
  return c.select(c.lt(c.x(), c.y()), c.y(), c.select(c.lt(c.z(), c.x()), c.z(), c.x()));
}

// -- dtypes ---------------------------------------------------------------------------------------

Array mlx_cast(const Call& c) {
  if (c.result == DType::bool_) return c.ne(c.x(), c.constant(0));
  const Array real =
      c.is_complex() && !gemmule::is_complex(c.result) ? mx::real(c.x(), c.stream) : c.x();
  return mx::astype(real, to_mlx(c.result), c.stream);
}
Array mlx_conj(const Call& c) { return c.is_complex() ? mx::conjugate(c.x(), c.stream) : c.x(); }
Array mlx_real(const Call& c) { return c.is_complex() ? mx::real(c.x(), c.stream) : c.x(); }
Array mlx_imag(const Call& c) {
  return c.is_complex() ? mx::imag(c.x(), c.stream) : mx::zeros_like(c.x(), c.stream);
}
Array mlx_angle(const Call& c) { return mx::arctan2(mlx_imag(c), mlx_real(c), c.stream); }
Array mlx_complex(const Call& c) {  // not x + 1j * y, which is NaN where y is infinite
  const auto parts = mx::broadcast_arrays({c.x(), c.y()}, c.stream);
  const Array pairs = mx::view(mx::stack(parts, -1, c.stream), mx::complex64, c.stream);
  return mx::squeeze(pairs, -1, c.stream);
}

// -- by op ----------------------------------------------------------------------------------------

Function function_of(Op op) {
  switch (op) {
#define ELEMENTWISE(name, arity, result, properties) \
  case Op::name:                                     \
    return mlx_##name;
#include "ir/ops.def"
    default:
      throw InternalError("'" + std::string(info(op).name) + "' is no elementwise op");
  }
}

// Those of which MLX's function for complex64 operands has NumPy's values. Others run on a CPU
// stream.
constexpr Op kRightForComplex[] = {
    Op::add,    Op::subtract, Op::multiply,   Op::divide, Op::negative, Op::absolute,
    Op::square, Op::sqrt,     Op::reciprocal, Op::exp,    Op::log,      Op::sin,
    Op::cos,    Op::equal,    Op::not_equal,  Op::isnan,  Op::isinf,    Op::where,
    Op::cast,   Op::conj,     Op::real,       Op::imag,   Op::angle,    Op::complex};

}  // namespace

bool has_mlx_function(Op op, DType operand) {
  if (operand == DType::f64 || operand == DType::c128 || function_of(op) == nullptr) return false;
  return !is_complex(operand) || std::ranges::count(kRightForComplex, op) > 0;
}

mx::array lower_scalar_function(Op op, const std::vector<mx::array>& operands, DType dtype,
                                mx::Stream stream) {
  const Function function = function_of(op);
  if (function == nullptr) {
    throw UnsupportedError("[" + std::string(info(op).name) + "] MLX has no such function");
  }
  // float16 is computed in float32, as NumPy does it: formulas above keep their accuracy.
  const bool widens = info(op).properties == OpProperties::float_only || op == Op::power ||
                      op == Op::floor_divide || op == Op::remainder;
  std::vector<Array> computed = operands;
  if (widens && operands[0].dtype() == mx::float16) {
    for (Array& operand : computed) operand = mx::astype(operand, mx::float32, stream);
  }
  return mx::astype(function({computed, dtype, stream}), to_mlx(dtype), stream);
}

}  // namespace gemmule
