// Errors that only the values of a run can show: an index out of bounds, a factorisation that
// raises.
#pragma once

#include <exception>
#include <mutex>
#include <utility>

namespace gemmule {

// Host primitives run on a stream's thread, where an exception would end the process: they leave it
// here, and whoever evaluated the results calls `rethrow`. Thread-safe.
class RunStatus {
 public:
  void fail(std::exception_ptr error) noexcept {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
  }

  // Throws the first error since the last call, if there was one.
  void rethrow() {
    std::exception_ptr error;
    {
      const std::lock_guard lock(mutex_);
      error = std::exchange(error_, nullptr);
    }
    if (error) std::rethrow_exception(error);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace gemmule
