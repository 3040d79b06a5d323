#include "kernels/random.h"

namespace gemmule::kernels {

std::unique_ptr<RandomKernel> make_random_kernel(const RandomArguments& arguments) {
  for (const auto make : {make_number_kernel, make_scipy_kernel, make_vector_kernel}) {
    if (auto kernel = make(arguments)) return kernel;
  }
  return nullptr;
}

}  // namespace gemmule::kernels
