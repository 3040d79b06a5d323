// The density and the draws of a program as samplers call them that end at a negative code: no point ends a chain.
#include <nanobind/nanobind.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "gemmule/gemmule.h"
#include "python/bindings.h"

namespace nb = nanobind;

namespace gemmule {
namespace {

// One more than the codes of points that gemmule_logp gives.
constexpr int kIndexOutOfBounds = 5;

// gemmule_logp, but an index out of bounds too rejects the point.
int logp(std::uint64_t dim, const double* x, double* gradient, double* logp, const void* program) {
  const int status = gemmule_logp(dim, x, gradient, logp, program);
  return status == GEMMULE_BAD_INDEX ? kIndexOutOfBounds : status;
}

// gemmule_expand. The density has accepted the point: where nothing can be computed from it, a draw is `x`, which comes
// first, and NaN.
int expand(std::uint64_t dim, std::uint64_t expanded, const double* x, double* out, const void* program) {
  const int status = gemmule_expand(dim, expanded, x, out, program);
  if (status < 0 && status != GEMMULE_BAD_INDEX) return status;
  if (status != GEMMULE_OK) {
    double* rest = std::copy_n(x, std::min(dim, expanded), out);
    std::fill(rest, out + expanded, std::numeric_limits<double>::quiet_NaN());
  }
  return GEMMULE_OK;
}

}  // namespace

void bind_sampler(nb::module_& m) {
  m.attr("sampler_logp_address") = reinterpret_cast<std::uintptr_t>(&logp);
  m.attr("sampler_expand_address") = reinterpret_cast<std::uintptr_t>(&expand);
}

}  // namespace gemmule
