// Draws from distributions, with the bits that numpy.random.Generator and scipy.stats would give:
// the same C functions (numpy_random.h), called in the same order.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/generator.h"
#include "kernels/view.h"

namespace gemmule::kernels {

// Bound to shapes and strides. One call at a time.
class RandomKernel {
 public:
  virtual ~RandomKernel() = default;

  // Fills `draws`, row-major. `parameters[i]` is the address of the element of parameter i with all
  // indices 0. Throws std::domain_error (Python's ValueError) or std::overflow_error with NumPy's
  // or SciPy's message for parameters out of range; the generator may have moved on then.
  virtual void run(bitgen_t* bits, const void* const* parameters, void* draws) = 0;
};

// What a kernel is made from; views have no data. The distributions are those of
// ir/distributions.h.
struct RandomArguments {
  std::string_view distribution;
  std::vector<ConstView> parameters;
  View draws;
  std::size_t batch = 0;  // how many of the leading dimensions of the draws are batches
  std::size_t core = 1;   // dimensions of one value of a parameter of any dtype
  bool single = false;    // whether probabilities were f32 once, which NumPy checks less strictly
};
// Null for a distribution that has no kernel.
std::unique_ptr<RandomKernel> make_random_kernel(const RandomArguments& arguments);

// By families; null for the distributions of others.
std::unique_ptr<RandomKernel> make_number_kernel(
    const RandomArguments& arguments);  // random_numbers.cpp
std::unique_ptr<RandomKernel> make_scipy_kernel(
    const RandomArguments& arguments);  // random_scipy.cpp
std::unique_ptr<RandomKernel> make_vector_kernel(
    const RandomArguments& arguments);  // random_vectors.cpp

}  // namespace gemmule::kernels
