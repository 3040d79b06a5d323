// Gauss's hypergeometric function over strided views.
#pragma once

#include <span>

#include "kernels/strided.h"
#include "kernels/view.h"

namespace gemmule::kernels {

// Immutable and re-entrant.
class Hyp2f1Kernel {
 public:
  // `in`: a, b, c, z of the shape and dtype of `out`, a float. Throws std::invalid_argument
  // otherwise.
  Hyp2f1Kernel(std::span<const ConstView> in, const View& out);

  void run(const void* const* in, void* out) const;

 private:
  LoopNest nest_;  // of out, then in
  DType dtype_;
};

}  // namespace gemmule::kernels
