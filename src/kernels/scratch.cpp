#include "kernels/scratch.h"

#include <algorithm>
#include <array>
#include <new>

namespace gemmule::kernels {
namespace {

constexpr std::align_val_t kAlignment{64};
constexpr std::size_t kFirstChunk = std::size_t{1} << 18;
constexpr std::size_t kMostKept = std::size_t{64} << 20;  // of one thread

// Chunks of memory, of which those up to `top` are in use. Requests come from the top one, or the
// one above it when that is large enough; else larger chunks take the place of those above.
struct Stack {
  struct Chunk {
    std::byte* memory = nullptr;
    std::size_t capacity = 0;
    std::size_t used = 0;
  };
  std::array<Chunk, 12> chunks;
  std::size_t top = 0;

  ~Stack() { release_from(0); }

  void release_from(std::size_t first) {
    for (std::size_t k = first; k < chunks.size(); ++k) {
      ::operator delete(chunks[k].memory, kAlignment);
      chunks[k] = {};
    }
  }

  // Null when the request is not to be kept.
  std::byte* take(std::size_t bytes) {
    if (bytes > chunks[top].capacity - chunks[top].used) {
      const std::size_t next = chunks[top].used == 0 ? top : top + 1;
      if (next == chunks.size()) return nullptr;
      if (bytes > chunks[next].capacity && !grow(next, bytes)) return nullptr;
      top = next;
    }
    Chunk& chunk = chunks[top];
    chunk.used += bytes;
    return chunk.memory + chunk.used - bytes;
  }

  bool grow(std::size_t at, std::size_t bytes) {
    const std::size_t doubled = at == 0 ? kFirstChunk : 2 * chunks[at - 1].capacity;
    std::size_t below = 0;
    for (std::size_t k = 0; k < at; ++k) below += chunks[k].capacity;
    const std::size_t capacity = below + doubled <= kMostKept ? std::max(bytes, doubled) : bytes;
    if (below + capacity > kMostKept) return false;
    release_from(at);
    chunks[at].memory = static_cast<std::byte*>(::operator new(capacity, kAlignment));
    chunks[at].capacity = capacity;
    return true;
  }

  void give_back(std::size_t bytes) {
    chunks[top].used -= bytes;
    while (top > 0 && chunks[top].used == 0) --top;
  }
};
thread_local Stack stack;

}  // namespace

Scratch::Scratch(std::size_t bytes) : data_(nullptr), stacked_(0) {
  const auto unit = static_cast<std::size_t>(kAlignment);
  if (bytes <= kMostKept) {
    const std::size_t rounded = (bytes / unit + 1) * unit;
    data_ = stack.take(rounded);
    if (data_ != nullptr) stacked_ = rounded;
  }
  if (data_ == nullptr) data_ = ::operator new(bytes, kAlignment);
}

Scratch::~Scratch() {
  if (stacked_ > 0) {
    stack.give_back(stacked_);
  } else {
    ::operator delete(data_, kAlignment);
  }
}

}  // namespace gemmule::kernels
