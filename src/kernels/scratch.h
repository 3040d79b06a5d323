// Temporary memory of a kernel, cheap for small sizes.
#pragma once

#include <cstddef>

namespace gemmule::kernels {

// `bytes` of uninitialised memory, aligned to 64 bytes, until the end of the scope. It comes from a
// stack of this thread, which keeps up to 64 MiB as long as the thread lives; what does not fit
// there comes from the heap and goes back to it.
// Scratches of a thread end in reverse order of their beginning, as scopes do. Throws
// std::bad_alloc.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_;
  std::size_t stacked_;  // bytes taken from the stack; 0 for the heap
};

}  // namespace gemmule::kernels
