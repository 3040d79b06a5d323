// Threads that share the parts of a large piece of work.
#pragma once

#include <functional>

namespace gemmule::kernels {

// Calls part(0), part(1), ... part(count - 1), each once: some on the calling thread, others on
// threads that wait for such work between calls, and returns when all have returned. There are as
// many threads as the BLAS library may use (blas.h). Where the others are at work for another
// caller, or are forbidden, all parts run on the calling thread: which thread runs what changes no
// result. Rethrows what the first part in order that failed has thrown.
void run_parts(int count, const std::function<void(int)>& part);

// Whether the calling thread runs a part: there it is alone, parts of a part and the BLAS library
// included.
bool in_part();

// While it lives, the calling thread is such a part: callers that already share the processor between threads of their
// own, one part each.
class InPart {
 public:
  explicit InPart(bool in_part = true);
  ~InPart();
  InPart(const InPart&) = delete;
  InPart& operator=(const InPart&) = delete;

 private:
  bool outer_;
};

}  // namespace gemmule::kernels
