#include "kernels/fft.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>
#include <random>
#include <vector>

#include "ir/error.h"
#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

using Complex = std::complex<double>;
using Exact = std::complex<long double>;

std::vector<Complex> random_signal(std::int64_t n, bool real) {
  std::mt19937 generator(static_cast<unsigned>(n));
  std::normal_distribution<double> normal;
  std::vector<Complex> x;
  for (std::int64_t i = 0; i < n; ++i)
    x.emplace_back(normal(generator), real ? 0 : normal(generator));
  return x;
}

// The definition, of a signal cropped or padded to n elements.
std::vector<Exact> transform(const std::vector<Complex>& x, std::int64_t n, int sign) {
  std::vector<Exact> roots, out;
  for (std::int64_t k = 0; k < n; ++k) {
    const long double angle = sign * 2 * std::numbers::pi_v<long double> * k / n;
    roots.emplace_back(std::cos(angle), std::sin(angle));
  }
  for (std::int64_t k = 0; k < n; ++k) {
    Exact sum = 0;
    for (std::int64_t j = 0; j < std::min<std::int64_t>(n, x.size()); ++j) {
      sum += Exact(x[j]) * roots[j * k % n];
    }
    out.push_back(sum);
  }
  return out;
}

long double size_of_signal(const std::vector<Exact>& x) {
  long double sum = 0;
  for (const Exact& value : x) sum += std::norm(value);
  return std::sqrt(sum);
}

// |got - want| / |want| of whole signals.
template <class T>
long double relative_error(const std::vector<T>& got, const std::vector<Exact>& want) {
  long double sum = 0;
  for (std::size_t i = 0; i < got.size(); ++i) sum += std::norm(Exact(got[i]) - want[i]);
  const long double size = size_of_signal(want);
  return size > 0 ? std::sqrt(sum) / size : std::sqrt(sum);
}

std::vector<std::int64_t> lengths() {
  std::vector<std::int64_t> lengths;
  for (std::int64_t n = 1; n <= 64; ++n) lengths.push_back(n);
  for (const std::int64_t n : {97, 101, 127, 128, 211, 499, 509, 720, 997, 1000})
    lengths.push_back(n);
  return lengths;
}

View vector_view(const void* data, DType dtype, std::int64_t n) {
  return {const_cast<void*>(data), dtype, {n}, {1}};
}

TEST(Fft, EqualsItsDefinition) {
  for (const std::int64_t n : lengths()) {
    const std::vector<Complex> x = random_signal(n, false);
    for (const bool inverse : {false, true}) {
      std::vector<Complex> out(n);
      fft(vector_view(x.data(), DType::c128, n), vector_view(out.data(), DType::c128, n), inverse);
      EXPECT_LT(relative_error(out, transform(x, n, inverse ? 1 : -1)), 2e-15) << n;
    }
  }
}

TEST(Fft, CropsAndPads) {
  for (const std::int64_t n : {1, 3, 8, 13}) {
    const std::vector<Complex> x = random_signal(7, false);
    std::vector<Complex> out(n);
    fft(vector_view(x.data(), DType::c128, 7), vector_view(out.data(), DType::c128, n), false);
    EXPECT_LT(relative_error(out, transform(x, n, -1)), 2e-15) << n;
  }
}

TEST(Rfft, IsTheFirstHalfAndIrfftComesBack) {
  for (const std::int64_t n : lengths()) {
    const std::int64_t half = n / 2 + 1;
    const std::vector<Complex> x = random_signal(n, true);
    std::vector<double> real;
    for (const Complex& value : x) real.push_back(value.real());
    std::vector<Complex> out(half);
    rfft(vector_view(real.data(), DType::f64, n), n, vector_view(out.data(), DType::c128, half));
    std::vector<Exact> want = transform(x, n, -1);
    want.resize(half);
    EXPECT_LT(relative_error(out, want), 2e-15) << n;

    std::vector<double> back(n);
    irfft(vector_view(out.data(), DType::c128, half), vector_view(back.data(), DType::f64, n));
    for (std::int64_t i = 0; i < n; ++i) EXPECT_NEAR(back[i] / n, real[i], 1e-14) << n;
  }
}

TEST(Fft, TakesBatchesInAnyLayout) {
  const Extents shape{3, 2, 5};
  std::mt19937 generator(1);
  for (const DType dtype : {DType::c64, DType::c128}) {
    for (int layout = 0; layout < kWritableLayoutCount; ++layout) {
      TestArray x(dtype, shape, static_cast<Layout>(layout)),
          out(dtype, shape, static_cast<Layout>(layout));
      std::normal_distribution<float> normal;
      visit_dtype(dtype, [&]<class T>(T) {
        if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, Complex>) {
          for_each_index(shape, [&](const Extents& index) {
            x.set(index, T(normal(generator), normal(generator)));
          });
          fft(x.view(), out.mutable_view(), false);
          for (std::int64_t i = 0; i < 3; ++i) {
            for (std::int64_t j = 0; j < 2; ++j) {
              std::vector<Complex> row, got;
              for (std::int64_t k = 0; k < 5; ++k) {
                row.push_back(Complex(x.get<T>({i, j, k})));
                got.push_back(Complex(out.get<T>({i, j, k})));
              }
              EXPECT_LT(relative_error(got, transform(row, 5, -1)),
                        dtype == DType::c64 ? 1e-7 : 1e-15);
            }
          }
        }
      });
    }
  }
}

TEST(Fft, TakesManyRows) {
  const std::int64_t rows = 5000, n = 16;  // more than are transformed at once
  const std::vector<Complex> x = random_signal(rows * n, false);
  std::vector<Complex> out(rows * n);
  fft({x.data(), DType::c128, {rows, n}, {n, 1}}, {out.data(), DType::c128, {rows, n}, {n, 1}},
      false);
  for (const std::int64_t row : {std::int64_t{0}, rows / 2, rows - 1}) {
    const std::vector<Complex> from(x.begin() + row * n, x.begin() + (row + 1) * n);
    const std::vector<Complex> to(out.begin() + row * n, out.begin() + (row + 1) * n);
    EXPECT_LT(relative_error(to, transform(from, n, -1)), 2e-15);
  }
}

TEST(Fft, RejectsNoPointsAndOtherDtypes) {
  using testing::HasSubstr;
  using testing::ThrowsMessage;
  double x = 0;
  const View empty{&x, DType::c128, {0}, {1}}, real{&x, DType::f64, {1}, {1}};
  EXPECT_THAT([&] { fft(empty, empty, false); },
              ThrowsMessage<UserError>(HasSubstr("[fft] invalid number of FFT data points (0)")));
  EXPECT_THAT([&] { rfft(real, 0, empty); }, ThrowsMessage<UserError>(HasSubstr("[rfft]")));
  EXPECT_THAT([&] { fft(real, real, false); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("float64")));
}

}  // namespace
}  // namespace gemmule::kernels
