// Loops over scalars: straight-line code that runs again and again on the elements of a block.
//
// The code of all elements advances in step. An element that is done leaves the block, and the next
// one that waits takes its place: elements that need many more iterations than others do not keep
// the others' lanes busy.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernels/elementwise.h"
#include "kernels/view.h"

namespace gemmule::kernels {

struct ScalarLoopPlan;  // scalar_loop.cpp

// What runs in every iteration.
struct ScalarLoopBody {
  ElementwiseProgram program;  // states, constants -> new states [, done]; no reductions
  int states = 0;
  bool until = false;  // the last output, a bool, ends the loop of its element
};

// Immutable and re-entrant.
class ScalarLoopKernel {
 public:
  // `in`: n (i64), states, constants; `out`: states [, done]; all of one shape. An output overlaps
  // no input. `wanted`: which states are stored, all when it is empty. Throws std::invalid_argument
  // for a body or views that do not fit.
  ScalarLoopKernel(const ScalarLoopBody& body, const Extents& shape, std::span<const ConstView> in,
                   std::span<const View> out, const std::vector<bool>& wanted = {});
  ~ScalarLoopKernel();
  ScalarLoopKernel(ScalarLoopKernel&&) noexcept;
  ScalarLoopKernel& operator=(ScalarLoopKernel&&) noexcept;

  // Where n <= 0 the states stay and `done` is false. Throws UserError where n < 0 and nothing else
  // ends the loop.
  void run(const void* const* in, void* const* out) const;

 private:
  std::unique_ptr<const ScalarLoopPlan> plan_;
};

}  // namespace gemmule::kernels
