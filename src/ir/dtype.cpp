#include "ir/dtype.h"

#include <array>
#include <bit>
#include <cmath>

namespace gemmule {
namespace {

struct Row {
  DTypeKind kind;
  std::size_t size;
  std::string_view name;
  std::string_view numpy_name;
};

// In the order of the enum.
constexpr std::array<Row, kDTypeCount> kRows{{
    {DTypeKind::boolean, 1, "bool", "bool"},
    {DTypeKind::integer, 1, "i8", "int8"},
    {DTypeKind::integer, 2, "i16", "int16"},
    {DTypeKind::integer, 4, "i32", "int32"},
    {DTypeKind::integer, 8, "i64", "int64"},
    {DTypeKind::integer, 1, "u8", "uint8"},
    {DTypeKind::integer, 2, "u16", "uint16"},
    {DTypeKind::integer, 4, "u32", "uint32"},
    {DTypeKind::integer, 8, "u64", "uint64"},
    {DTypeKind::floating, 2, "f16", "float16"},
    {DTypeKind::floating, 4, "f32", "float32"},
    {DTypeKind::floating, 8, "f64", "float64"},
    {DTypeKind::complex, 8, "c64", "complex64"},
    {DTypeKind::complex, 16, "c128", "complex128"},
}};

const Row& row(DType dtype) { return kRows[static_cast<std::size_t>(dtype)]; }

}  // namespace

DTypeKind kind(DType dtype) { return row(dtype).kind; }
std::size_t size_of(DType dtype) { return row(dtype).size; }
std::string_view name(DType dtype) { return row(dtype).name; }
std::string_view numpy_name(DType dtype) { return row(dtype).numpy_name; }

std::optional<DType> parse_dtype(std::string_view text) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    if (text == name(dtype) || text == numpy_name(dtype)) return dtype;
  }
  return std::nullopt;
}

DType real_part(DType dtype) {
  if (dtype == DType::c64) return DType::f32;
  if (dtype == DType::c128) return DType::f64;
  return dtype;
}

std::optional<DType> complex_of(DType dtype) {
  if (dtype == DType::f32) return DType::c64;
  if (dtype == DType::f64) return DType::c128;
  return std::nullopt;
}

// Round to nearest even, by way of the value's exponent: exact for every float.
Half::Half(float value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) {
    bits = sign | 0x7e00;
    return;
  }
  const float magnitude = std::fabs(value);
  if (magnitude >= 65520.0f) {  // halfway between the largest half and the next power of two
    bits = sign | 0x7c00;
    return;
  }
  if (magnitude == 0) {  // has no exponent
    bits = sign;
    return;
  }
  int exponent = 0;
  std::frexp(magnitude, &exponent);                      // magnitude = f * 2^exponent, f in [0.5, 1)
  const int scale = exponent - 1 < -14 ? -24 : exponent - 11;  // the unit in the last place
  const auto units = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(magnitude, -scale)));
  // Adding the mantissa (with its carry) to the exponent field is the IEEE encoding.
  bits = sign | static_cast<std::uint16_t>(scale == -24 ? units : ((scale + 24) << 10) + units);
}

Half::operator float() const {
  const int exponent = (bits >> 10) & 0x1f;
  const int mantissa = bits & 0x3ff;
  const float sign = (bits & 0x8000) ? -1.0f : 1.0f;
  if (exponent == 31) {
    const std::uint32_t word = ((bits & 0x8000u) << 16) | 0x7f800000u | (std::uint32_t(mantissa) << 13);
    return std::bit_cast<float>(word);
  }
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
}

}  // namespace gemmule
