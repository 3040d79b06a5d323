// The density of a model by address: what samplers call.
#include <cmath>
#include <span>
#include <string>

#include "gemmule/gemmule.h"
#include "program/handles.h"
#include "program/status.h"

namespace gemmule {
namespace {

bool all_finite(std::span<const double> values) {
  // x * 0 is 0 for all numbers, NaN otherwise.
  double sum = 0;
  for (const double x : values) sum += x * 0.0;
  return sum == 0;
}

int number(const gemmule_program* program, std::uint64_t* result,
           std::uint64_t (LoadedProgram::*ask)() const) {
  if (program == nullptr || result == nullptr)
    return failed(GEMMULE_BAD_ARGUMENT, "a pointer is null");
  return guarded([&] {
    *result = (program_of(program).*ask)();
    return GEMMULE_OK;
  });
}

}  // namespace
}  // namespace gemmule

using namespace gemmule;

extern "C" {

int gemmule_logp(uint64_t dim, const double* x, double* gradient, double* logp,
                 const void* program) {
  if (program == nullptr || logp == nullptr || (dim > 0 && (x == nullptr || gradient == nullptr))) {
    return failed(GEMMULE_BAD_ARGUMENT, "a pointer is null");
  }
  return guarded([&] {
    program_of(program).logp(dim, x, gradient, logp);
    if (!all_finite({gradient, dim}))
      return failed(GEMMULE_GRADIENT_NOT_FINITE, "the gradient is not finite");
    if (!std::isfinite(*logp)) return failed(GEMMULE_LOGP_NOT_FINITE, "the density is not finite");
    return GEMMULE_OK;
  });
}

int gemmule_expand(uint64_t dim, uint64_t expanded, const double* x, double* out,
                   const void* program) {
  if (program == nullptr || (dim > 0 && x == nullptr) || (expanded > 0 && out == nullptr)) {
    return failed(GEMMULE_BAD_ARGUMENT, "a pointer is null");
  }
  return guarded([&] {
    program_of(program).expand(dim, expanded, x, out);
    return GEMMULE_OK;
  });
}

int gemmule_dim(const gemmule_program* program, uint64_t* dim) {
  return number(program, dim, &LoadedProgram::dim);
}

int gemmule_expanded(const gemmule_program* program, uint64_t* expanded) {
  return number(program, expanded, &LoadedProgram::expanded);
}

int gemmule_initial_point(const gemmule_program* program, uint64_t dim, double* x) {
  if (program == nullptr || (dim > 0 && x == nullptr))
    return failed(GEMMULE_BAD_ARGUMENT, "a pointer is null");
  return guarded([&] {
    const auto bound = program_of(program).function("initial_point").bind({}, nullptr);
    const std::span<const Layout> outputs = bound->outputs();
    const Extents shape{static_cast<std::int64_t>(dim)};
    if (outputs.size() != 1 || outputs[0].dtype != DType::f64 || outputs[0].shape != shape) {
      return failed(GEMMULE_BAD_ARGUMENT,
                    "the initial point has not " + std::to_string(dim) + " elements");
    }
    void* addresses[] = {x};
    bound->run(nullptr, addresses);
    return GEMMULE_OK;
  });
}

int gemmule_prepare(const gemmule_program* program) {
  if (program == nullptr) return failed(GEMMULE_BAD_ARGUMENT, "a pointer is null");
  return guarded([&] {
    program_of(program).prepare();
    return GEMMULE_OK;
  });
}

}  // extern "C"
