#include "mlx/eval_here.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "mlx/host_primitive.h"
#include "mlx/transforms.h"

namespace gemmule {

namespace {

// Primitives of MLX whose eval_cpu only describes memory: nothing is dispatched to the stream.
constexpr std::array<std::string_view, 7> kViews = {
    "Broadcast", "BroadcastAxes", "Copy", "ExpandDims", "Slice", "Squeeze", "Transpose",
};

// Those that may copy where the operand is not row-major.
constexpr std::array<std::string_view, 5> kViewsOfDense = {
    "AsStrided", "Contiguous", "Flatten", "Reshape", "Unflatten",
};

bool is_view(const mx::array& array) {
  const std::string_view name = array.primitive().name();
  if (std::ranges::find(kViews, name) != kViews.end()) return true;
  return std::ranges::find(kViewsOfDense, name) != kViewsOfDense.end() &&
         array.inputs()[0].flags().row_contiguous;
}

// The operands are evaluated.
void eval_one(mx::array& array) {
  mx::Primitive& primitive = array.primitive();
  if (primitive.stream().device != mx::Device::cpu) return mx::eval(array);
  auto* host = dynamic_cast<HostPrimitive*>(&primitive);
  if (host == nullptr && !is_view(array)) return mx::eval(array);

  std::vector<mx::array> outputs = array.outputs();
  if (host != nullptr) {
    host->eval_here(array.inputs(), outputs);
  } else {
    primitive.eval_cpu(array.inputs(), outputs);
    // Contiguous copies part of a far larger array after all.
    if (outputs[0].buffer().ptr() != std::as_const(array.inputs()[0]).buffer().ptr()) {
      mx::synchronize(primitive.stream());
    }
  }
  for (mx::array& output : outputs) output.set_status(mx::array::Status::available);
  // Lets go of the operands, whose memory others may then take over.
  array.detach();
}

}  // namespace

void eval_here(const std::vector<mx::array>& arrays) {
  // Depth first. Arrays are referred to where their users hold them: one more holder would keep
  // memory from being taken over.
  std::vector<std::pair<mx::array*, std::size_t>> path;
  for (const mx::array& root : arrays) {
    path.emplace_back(const_cast<mx::array*>(&root), 0);
    while (!path.empty()) {
      auto& [array, next] = path.back();
      if (array->status() != mx::array::Status::unscheduled) {
        array->wait();
        path.pop_back();
      } else if (next < array->inputs().size()) {
        mx::array* input = &array->inputs()[next++];
        path.emplace_back(input, 0);
      } else {
        eval_one(*array);
        path.pop_back();
      }
    }
  }
}

}  // namespace gemmule
