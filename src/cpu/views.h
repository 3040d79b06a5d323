// Steps that are one call of a kernel over views.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "cpu/step.h"

namespace gemmule::cpu {

// A step that calls function(operands, results), both vectors of views.
template <class Function>
std::unique_ptr<Step> step_over_views(const StepContext& context, Function function) {
  std::vector<ConstView> in;
  std::vector<View> out;
  for (int i = 0; i < context.count(); ++i) in.push_back(context.operand(i));
  for (int i = 0; i < static_cast<int>(context.results.size()); ++i)
    out.push_back(context.result(i));
  return step_of(
      [in = std::move(in), out = std::move(out), function](void* const* address) mutable {
        for (ConstView& view : in) view.data = *address++;
        for (View& view : out) view.data = *address++;
        function(in, out);
      });
}

}  // namespace gemmule::cpu
