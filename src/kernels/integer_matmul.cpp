#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "kernels/blas.h"
#include "kernels/scratch.h"
#include "kernels/strided_matrix.h"

namespace gemmule::kernels {
namespace {

// Sums of products modulo 2^bits: signed integers are computed as unsigned ones of their width, and
// in at least 32 bits, because C++ would promote narrower ones to (overflowing) int.
template <class T>
struct Ring {
  using Unsigned = std::make_unsigned_t<T>;
  using Wide = std::conditional_t<(sizeof(T) < 4), std::uint32_t, Unsigned>;
  static void multiply_add(T& sum, T x, T y) {
    sum = static_cast<T>(static_cast<Unsigned>(static_cast<Wide>(sum) +
                                               static_cast<Wide>(x) * static_cast<Wide>(y)));
  }
};
template <>
struct Ring<bool> {
  static void multiply_add(bool& sum, bool x, bool y) { sum = sum | (x & y); }
};

// Rows of the result are accumulated over blocks of columns; the innermost loop runs along a row of
// B.
template <class T>
void matmul_by_rows(const IntegerMatmulArgs& args, Strided<const T> a, Strided<const T> b,
                    Strided<T> out) {
  constexpr std::int64_t kBlock = 512;
  T sums[kBlock];
  for (std::int64_t j0 = 0; j0 < args.n; j0 += kBlock) {
    const std::int64_t width = std::min(kBlock, args.n - j0);
    for (std::int64_t i = 0; i < args.m; ++i) {
      std::fill_n(sums, width, T(0));
      for (std::int64_t p = 0; p < args.k; ++p) {
        const T factor = a(i, p);
        const T* row = &b(p, j0);
        for (std::int64_t j = 0; j < width; ++j) Ring<T>::multiply_add(sums[j], factor, row[j]);
      }
      for (std::int64_t j = 0; j < width; ++j) out(i, j0 + j) = sums[j];
    }
  }
}

template <class T>
void matmul_by_dots(const IntegerMatmulArgs& args, Strided<const T> a, Strided<const T> b,
                    Strided<T> out) {
  for (std::int64_t i = 0; i < args.m; ++i) {
    for (std::int64_t j = 0; j < args.n; ++j) {
      T sum(0);
      for (std::int64_t p = 0; p < args.k; ++p) Ring<T>::multiply_add(sum, a(i, p), b(p, j));
      out(i, j) = sum;
    }
  }
}

template <class T>
void integer_matmul(const IntegerMatmulArgs& args) {
  const auto a = strided<T>(args.a);
  const auto b = strided<T>(args.b);
  const auto out = strided<T>(args.out);
  if (args.k == 0) return fill_matrix(args.m, args.n, out, T(0));
  if (args.n == 1) return matmul_by_dots(args, a, b, out);
  if (b.col_stride == 1) return matmul_by_rows(args, a, b, out);
  if (args.m == 1) return matmul_by_dots(args, a, b, out);
  const Scratch packed(sizeof(T) * static_cast<std::size_t>(args.k * args.n));
  const Strided<T> rows{packed.as<T>(), args.n, 1};
  copy_matrix(args.k, args.n, b, rows);
  matmul_by_rows(args, a, Strided<const T>{rows.data, args.n, 1}, out);
}

}  // namespace

void integer_matmul(const IntegerMatmulArgs& args) {
  visit_dtype(args.dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      if (args.m > 0 && args.n > 0) integer_matmul<T>(args);
    } else {
      throw std::invalid_argument("[integer_matmul] operands are " +
                                  std::string(numpy_name(args.dtype)) +
                                  "; they must be integers or bool.");
    }
  });
}

void check_plain_product(std::string_view op, DType dtype, const void* alpha, const void* beta) {
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      if ((alpha && *static_cast<const T*>(alpha) != T(1)) ||
          (beta && *static_cast<const T*>(beta) != T(0))) {
        throw std::invalid_argument("[" + std::string(op) + "] a product of " +
                                    std::string(numpy_name(dtype)) +
                                    " takes no scales: alpha must be 1 and beta 0.");
      }
    }
  });
}

}  // namespace gemmule::kernels
