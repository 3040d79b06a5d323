// gammaln, digamma and trigamma over blocks, vectorised: they are where count models spend their
// time.
#pragma once

#include <cstdint>

namespace gemmule::kernels {

// out[i] = f(in[i]); `out` may be `in`. Relative error below 4e-16 * (a few), also near the zeros
// of gammaln at 1 and 2 and of digamma at 1.4616.
void gammaln_block(const double* in, double* out, std::int64_t n);
void digamma_block(const double* in, double* out, std::int64_t n);
void trigamma_block(const double* in, double* out, std::int64_t n);

}  // namespace gemmule::kernels
