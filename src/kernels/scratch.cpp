#include "kernels/scratch.h"

#include <new>

namespace gemmule::kernels {
namespace {

constexpr std::align_val_t kAlignment{64};
constexpr std::size_t kStackBytes = std::size_t{1} << 18;

struct Stack {
  std::byte* memory = nullptr;
  std::size_t used = 0;
  ~Stack() { ::operator delete(memory, kAlignment); }
};
thread_local Stack stack;

}  // namespace

Scratch::Scratch(std::size_t bytes) : data_(nullptr), stacked_(0) {
  const auto unit = static_cast<std::size_t>(kAlignment);
  const std::size_t rounded = bytes <= kStackBytes ? (bytes / unit + 1) * unit : bytes;
  if (rounded <= kStackBytes - stack.used) {
    if (!stack.memory) {
      stack.memory = static_cast<std::byte*>(::operator new(kStackBytes, kAlignment));
    }
    data_ = stack.memory + stack.used;
    stack.used += stacked_ = rounded;
  } else {
    data_ = ::operator new(bytes, kAlignment);
  }
}

Scratch::~Scratch() {
  if (stacked_ > 0) {
    stack.used -= stacked_;
  } else {
    ::operator delete(data_, kAlignment);
  }
}

}  // namespace gemmule::kernels
