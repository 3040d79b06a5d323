#include "mlx/wait.h"

#include <chrono>

#include "mlx/transforms.h"

namespace gemmule {

void eval_and_wait(std::vector<mx::array> arrays) {
  constexpr std::chrono::milliseconds kPatience{1};
  mx::async_eval(arrays);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (mx::array& array : arrays) {
    while (!array.is_available() && std::chrono::steady_clock::now() < until) {
    }
  }
  mx::eval(std::move(arrays));
}

}  // namespace gemmule
