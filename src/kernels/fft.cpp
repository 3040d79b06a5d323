#include "kernels/fft.h"

#include <algorithm>
#include <complex>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "ir/error.h"
#include "kernels/column_major.h"

// The header comes with MLX, whose library has it compiled in with other settings: another name for
// its namespace keeps the two apart.
#define POCKETFFT_NO_MULTITHREADING
#define POCKETFFT_CACHE_SIZE 16
#define pocketfft gemmule_pocketfft
#include "pocketfft.h"
#undef pocketfft

namespace gemmule::kernels {
namespace {

using Complex = std::complex<double>;

// Rows that are transformed in one call; the library computes several at once.
constexpr std::int64_t kElementsAtOnce = 1 << 15;

std::int64_t checked_length(const char* op, std::int64_t n) {
  if (n < 1) {
    throw UserError("[" + std::string(op) + "] invalid number of FFT data points (" +
                    std::to_string(n) + ") specified");
  }
  return n;
}

// In blocks of rows: copies x's rows, cropped or padded, into a buffer of `in_length` columns,
// calls transform(in, out, rows) and copies `out_length` columns of the results.
template <class In, class Out, class X, class Y, class Transform>
void transform_rows(const ConstView& x, std::int64_t in_length, const View& out,
                    std::int64_t out_length, Transform&& transform) {
  const auto batch = vector_batch_shape(out);
  std::int64_t total = 1;
  for (const std::int64_t size : batch) total *= size;
  if (total == 0) return;
  const std::int64_t at_once =
      std::clamp<std::int64_t>(kElementsAtOnce / std::max(in_length, out_length), 1, total);
  const Array<In> in(at_once * in_length);
  const Array<Out> results(at_once * out_length);
  const Array<Y*> to(at_once);
  const std::int64_t present = std::min(x.shape.back(), in_length), stride = out.strides.back();
  std::int64_t rows = 0;
  const auto flush = [&] {
    if (rows == 0) return;
    transform(in.data(), results.data(), rows);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t i = 0; i < out_length; ++i) {
        to[row][i * stride] = static_cast<Y>(results[row * out_length + i]);
      }
    }
    rows = 0;
  };
  for_each_in_batch<2>(batch, {&x.strides, &out.strides}, [&](const auto& offsets) {
    const auto from = vector_at<X>(x, offsets[0]);
    In* row = in.data() + rows * in_length;
    for (std::int64_t i = 0; i < present; ++i) row[i] = static_cast<In>(from[i]);
    std::fill(row + present, row + in_length, In(0));
    to[rows] = static_cast<Y*>(out.data) + offsets[1];
    if (++rows == at_once) flush();
  });
  flush();
}

gemmule_pocketfft::shape_t rows_and(std::int64_t rows, std::int64_t n) {
  return {static_cast<std::size_t>(rows), static_cast<std::size_t>(n)};
}
template <class T>
gemmule_pocketfft::stride_t row_strides(std::int64_t n) {
  return {static_cast<std::ptrdiff_t>(n * static_cast<std::int64_t>(sizeof(T))),
          static_cast<std::ptrdiff_t>(sizeof(T))};
}

[[noreturn]] void wrong_dtype(const char* op, DType dtype) {
  throw std::invalid_argument("[" + std::string(op) + "] the operand is " +
                              std::string(numpy_name(dtype)));
}

}  // namespace

void fft(const ConstView& x, const View& out, bool inverse) {
  const std::int64_t n = checked_length("fft", out.shape.back());
  const auto transform = [&](const Complex* in, Complex* results, std::int64_t rows) {
    const auto strides = row_strides<Complex>(n);
    gemmule_pocketfft::c2c(rows_and(rows, n), strides, strides, {1}, !inverse, in, results, 1.0);
  };
  switch (x.dtype) {
    case DType::c64:
      return transform_rows<Complex, Complex, std::complex<float>, std::complex<float>>(
          x, n, out, n, transform);
    case DType::c128:
      return transform_rows<Complex, Complex, Complex, Complex>(x, n, out, n, transform);
    default:
      wrong_dtype("fft", x.dtype);
  }
}

void rfft(const ConstView& x, std::int64_t n, const View& out) {
  checked_length("rfft", n);
  const std::int64_t half = n / 2 + 1;
  if (out.shape.back() != half) throw InternalError("[rfft] the result has another size");
  const auto transform = [&](const double* in, Complex* results, std::int64_t rows) {
    gemmule_pocketfft::r2c(rows_and(rows, n), row_strides<double>(n), row_strides<Complex>(half),
                           std::size_t{1}, true, in, results, 1.0);
  };
  switch (x.dtype) {
    case DType::f32:
      return transform_rows<double, Complex, float, std::complex<float>>(x, n, out, half,
                                                                         transform);
    case DType::f64:
      return transform_rows<double, Complex, double, Complex>(x, n, out, half, transform);
    default:
      wrong_dtype("rfft", x.dtype);
  }
}

void irfft(const ConstView& x, const View& out) {
  const std::int64_t n = checked_length("irfft", out.shape.back()), half = n / 2 + 1;
  const auto transform = [&](const Complex* in, double* results, std::int64_t rows) {
    gemmule_pocketfft::c2r(rows_and(rows, n), row_strides<Complex>(half), row_strides<double>(n),
                           std::size_t{1}, false, in, results, 1.0);
  };
  switch (x.dtype) {
    case DType::c64:
      return transform_rows<Complex, double, std::complex<float>, float>(x, half, out, n,
                                                                         transform);
    case DType::c128:
      return transform_rows<Complex, double, Complex, double>(x, half, out, n, transform);
    default:
      wrong_dtype("irfft", x.dtype);
  }
}

}  // namespace gemmule::kernels
