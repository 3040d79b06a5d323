// The element types of the IR and what NumPy and PyTensor call them.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gemmule {

enum class DType : std::uint8_t {
  bool_, i8, i16, i32, i64, u8, u16, u32, u64, f16, f32, f64, c64, c128,
};
inline constexpr int kDTypeCount = 14;

// bool_, integer, floating and complex: the kinds that inference rules speak of.
enum class DTypeKind : std::uint8_t { boolean, integer, floating, complex };

DTypeKind kind(DType dtype);
std::size_t size_of(DType dtype);              // bytes per element
std::string_view name(DType dtype);            // "f64", as the text form prints it
std::string_view numpy_name(DType dtype);      // "float64", as NumPy, PyTensor and messages say
std::optional<DType> parse_dtype(std::string_view text);  // accepts both spellings
DType real_part(DType dtype);                  // c64 -> f32, c128 -> f64; others unchanged
std::optional<DType> complex_of(DType dtype);  // f32 -> c64, f64 -> c128

inline bool is_float(DType d) { return kind(d) == DTypeKind::floating; }
inline bool is_complex(DType d) { return kind(d) == DTypeKind::complex; }
inline bool is_inexact(DType d) { return is_float(d) || is_complex(d); }

// IEEE binary16 held as bits; arithmetic happens in float.
struct Half {
  std::uint16_t bits = 0;
  Half() = default;
  explicit Half(float value);
  explicit operator float() const;
};

// Calls f(T{}) with the C++ type that holds one element of `dtype`.
template <class F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::bool_: return f(bool{});
    case DType::i8: return f(std::int8_t{});
    case DType::i16: return f(std::int16_t{});
    case DType::i32: return f(std::int32_t{});
    case DType::i64: return f(std::int64_t{});
    case DType::u8: return f(std::uint8_t{});
    case DType::u16: return f(std::uint16_t{});
    case DType::u32: return f(std::uint32_t{});
    case DType::u64: return f(std::uint64_t{});
    case DType::f16: return f(Half{});
    case DType::f32: return f(float{});
    case DType::f64: return f(double{});
    case DType::c64: return f(std::complex<float>{});
    case DType::c128: break;
  }
  return f(std::complex<double>{});
}

}  // namespace gemmule
