// Fourier transforms and convolutions.
#include <cstdint>

#include "cpu/step.h"
#include "cpu/views.h"
#include "kernels/convolve.h"
#include "kernels/fft.h"

namespace gemmule::cpu {
namespace {

using In = const std::vector<ConstView>&;
using Out = const std::vector<View>&;

}  // namespace

std::unique_ptr<Step> make_fft(const StepContext& context) {
  return step_over_views(context, [inverse = context.node.attributes.flag("inverse")](
                                      In in, Out out) { kernels::fft(in[0], out[0], inverse); });
}

std::unique_ptr<Step> make_rfft(const StepContext& context) {
  return step_over_views(context, [dtype = context.operand(1).dtype](In in, Out out) {
    const std::int64_t n = visit_dtype(dtype, [&]<class T>(T) {
      if constexpr (std::is_integral_v<T>) {
        return static_cast<std::int64_t>(*static_cast<const T*>(in[1].data));
      } else {
        return std::int64_t{0};
      }
    });
    kernels::rfft(in[0], n, out[0]);
  });
}

std::unique_ptr<Step> make_irfft(const StepContext& context) {
  return step_over_views(context, [](In in, Out out) { kernels::irfft(in[0], out[0]); });
}

std::unique_ptr<Step> make_convolve1d(const StepContext& context) {
  return step_over_views(context,
                         [](In in, Out out) { kernels::convolve1d(in[0], in[1], out[0]); });
}

std::unique_ptr<Step> make_convolve2d(const StepContext& context) {
  return step_over_views(context,
                         [](In in, Out out) { kernels::convolve2d(in[0], in[1], out[0]); });
}

}  // namespace gemmule::cpu
