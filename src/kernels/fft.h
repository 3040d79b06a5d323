// Discrete Fourier transforms along the last axis, batched over the others, without normalisation.
//
// f32 and c64 are computed in double precision. The input is cropped, or padded with zeros, to the
// length of the transform. Outputs overlap no input; strides have any sign.
// Throws UserError for a length below 1.
#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace gemmule::kernels {

// out[k] = sum_j x[j] exp(-2 pi i j k / n), +2 pi for the inverse; complex, n = out.shape.back().
void fft(const ConstView& x, const View& out, bool inverse);

// The same for real x and k = 0, ..., n / 2; `out` complex.
void rfft(const ConstView& x, std::int64_t n, const View& out);

// The real signal of length n = out.shape.back() with the Fourier coefficients x[..., n / 2 + 1].
void irfft(const ConstView& x, const View& out);

}  // namespace gemmule::kernels
