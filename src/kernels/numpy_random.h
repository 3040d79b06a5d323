// NumPy's C functions for random numbers, from its static library npyrandom: what
// numpy.random.Generator calls. Its header asks for Python's; these are the functions that we call.
#pragma once

#include <numpy/random/bitgen.h>

#include <cstdint>

namespace gemmule::kernels {

// What random_binomial remembers of its last parameters. The struct is
// numpy/random/distributions.h's binomial_t, of 136 bytes; all zero means that there is nothing to
// remember.
struct alignas(16) BinomialMemory {
  unsigned char bytes[512] = {};
};

}  // namespace gemmule::kernels

extern "C" {

double random_standard_exponential(bitgen_t* bits);
double random_standard_normal(bitgen_t* bits);
double random_standard_gamma(bitgen_t* bits, double shape);
double random_normal(bitgen_t* bits, double loc, double scale);
double random_gamma(bitgen_t* bits, double shape, double scale);
double random_exponential(bitgen_t* bits, double scale);
double random_uniform(bitgen_t* bits, double low, double range);
double random_beta(bitgen_t* bits, double a, double b);
double random_weibull(bitgen_t* bits, double a);
double random_laplace(bitgen_t* bits, double loc, double scale);
double random_logistic(bitgen_t* bits, double loc, double scale);
double random_lognormal(bitgen_t* bits, double mean, double sigma);
double random_standard_t(bitgen_t* bits, double df);
double random_wald(bitgen_t* bits, double mean, double scale);
double random_vonmises(bitgen_t* bits, double mu, double kappa);
double random_triangular(bitgen_t* bits, double left, double mode, double right);

std::int64_t random_poisson(bitgen_t* bits, double lam);
std::int64_t random_negative_binomial(bitgen_t* bits, double n, double p);
std::int64_t random_binomial(bitgen_t* bits, double p, std::int64_t n, void* memory);
std::int64_t random_geometric(bitgen_t* bits, double p);
std::int64_t random_hypergeometric(bitgen_t* bits, std::int64_t good, std::int64_t bad,
                                   std::int64_t sample);
void random_multinomial(bitgen_t* bits, std::int64_t n, std::int64_t* counts, double* p,
                        std::intptr_t d, void* memory);

// A number in [0, max].
std::uint64_t random_interval(bitgen_t* bits, std::uint64_t max);
// A number in [offset, offset + range]; the two differ for some ranges.
std::uint64_t random_bounded_uint64(bitgen_t* bits, std::uint64_t offset, std::uint64_t range,
                                    std::uint64_t mask, bool use_masked);
void random_bounded_uint64_fill(bitgen_t* bits, std::uint64_t offset, std::uint64_t range,
                                std::intptr_t count, bool use_masked, std::uint64_t* out);

}  // extern "C"
