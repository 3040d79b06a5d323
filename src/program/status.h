// How errors pass through C: a status, and a message per thread.
#pragma once

#include <string_view>

#include "gemmule/gemmule.h"

namespace gemmule {

// Keeps the message for gemmule_last_error and returns the status.
gemmule_status failed(gemmule_status status, std::string_view message) noexcept;

// The same for the exception that is being handled.
gemmule_status failed_with_exception() noexcept;

// What a C function does: `body` returns a status or throws.
template <class Body>
int guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    return failed_with_exception();
  }
}

}  // namespace gemmule
