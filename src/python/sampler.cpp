// The density and the draws of a program for samplers with chains in threads, which end at a negative code.
#include <nanobind/nanobind.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "gemmule/gemmule.h"
#include "kernels/workers.h"
#include "program/loaded_program.h"
#include "python/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gemmule {
namespace {

// What the functions below take last.
struct SamplerModel {
  const LoadedProgram* program;
  bool one_thread;  // a call stays on its thread: others have the cores
};

const SamplerModel& model_of(const void* model) { return *static_cast<const SamplerModel*>(model); }

// One more than the codes of points that gemmule_logp gives.
constexpr int kIndexOutOfBounds = 5;

// gemmule_logp, but an index out of bounds too rejects the point.
int logp(std::uint64_t dim, const double* x, double* gradient, double* logp, const void* model) {
  const kernels::InPart alone(model_of(model).one_thread);
  const int status = gemmule_logp(dim, x, gradient, logp, model_of(model).program);
  return status == GEMMULE_BAD_INDEX ? kIndexOutOfBounds : status;
}

// gemmule_expand. The density has accepted the point: where nothing can be computed from it, a draw is `x`, which comes
// first, and NaN.
int expand(std::uint64_t dim, std::uint64_t expanded, const double* x, double* out, const void* model) {
  const kernels::InPart alone(model_of(model).one_thread);
  const int status = gemmule_expand(dim, expanded, x, out, model_of(model).program);
  if (status < 0 && status != GEMMULE_BAD_INDEX) return status;
  if (status != GEMMULE_OK) {
    double* rest = std::copy_n(x, std::min(dim, expanded), out);
    std::fill(rest, out + expanded, std::numeric_limits<double>::quiet_NaN());
  }
  return GEMMULE_OK;
}

}  // namespace

void bind_sampler(nb::module_& m) {
  nb::class_<SamplerModel>(m, "SamplerModel",
                           "A program with a density as samplers call it that have chains in threads. With\n"
                           "`one_thread` a call takes no other thread.\n\n"
                           "The functions at the addresses are gemmule_logp and gemmule_expand but for two things: an\n"
                           "index out of bounds is a point to reject (5), and where nothing can be computed from a\n"
                           "draw, all but the point is NaN.")
      .def(
          "__init__",
          [](SamplerModel* self, const LoadedProgram& program, bool one_thread) {
            new (self) SamplerModel{&program, one_thread};
          },
          "program"_a, "one_thread"_a, nb::keep_alive<1, 2>())
      .def_prop_ro("model_address",
                   [](const SamplerModel& model) { return reinterpret_cast<std::uintptr_t>(&model); })
      .def_prop_ro_static("logp_address", [](nb::handle) { return reinterpret_cast<std::uintptr_t>(&logp); })
      .def_prop_ro_static("expand_address", [](nb::handle) { return reinterpret_cast<std::uintptr_t>(&expand); });
}

}  // namespace gemmule
