#include "mlx/inspect.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "mlx/primitives.h"

namespace gemmule {

namespace {

// Slice and Reshape share memory where they can; Reshape and Flatten copy what lies too far apart.
constexpr std::array<std::string_view, 14> kViews = {
    "AsStrided", "Broadcast", "BroadcastAxes", "Copy",    "Depends",      "ExpandDims", "Flatten",
    "Reshape",   "Slice",     "Split",         "Squeeze", "StopGradient", "Transpose",  "Unflatten",
};

}  // namespace

std::vector<std::string> primitives(const std::vector<mx::array>& arrays) {
  std::vector<std::string> names;
  std::unordered_set<std::uintptr_t> seen;
  // Depth first with a stack of our own: graphs can be deep.
  std::vector<std::pair<mx::array, std::size_t>> path;
  for (const mx::array& root : arrays) {
    path.emplace_back(root, 0);
    while (!path.empty()) {
      auto& [array, next] = path.back();
      if (next == 0) {
        const bool leaf =
            !array.has_primitive() || array.status() != mx::array::Status::unscheduled;
        if (leaf || !seen.insert(array.primitive_id()).second) {
          path.pop_back();
          continue;
        }
      }
      if (next < array.inputs().size()) {
        const mx::array input = array.inputs()[next++];
        path.emplace_back(input, 0);
      } else {
        names.emplace_back(array.primitive().name());
        path.pop_back();
      }
    }
  }
  return names;
}

std::vector<std::string> computing_primitives(const std::vector<mx::array>& arrays) {
  std::vector<std::string> names = primitives(arrays);
  std::erase_if(names, [](const std::string& name) {
    return std::ranges::find(kViews, name) != kViews.end();
  });
  return names;
}

}  // namespace gemmule
