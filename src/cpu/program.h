// A graph with known sizes, ready to run on the calling thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "plan/linear_program.h"

namespace gemmule {

// Immutable and re-entrant: each call has a frame, the memory that it works in with the steps bound to it.
// Frames are kept for later calls, as many as calls were under way at once. A call allocates nothing
// once a frame is free.
class CpuProgram {
  class Frame;

 public:
  // `graph` comes from prepare(). Throws UnsupportedError for what has no kernel.
  explicit CpuProgram(Graph graph, const PlanOptions& options = {});
  ~CpuProgram();
  CpuProgram(const CpuProgram&) = delete;
  CpuProgram& operator=(const CpuProgram&) = delete;

  // Addresses of the elements with all indices 0: inputs as the plan's `inputs` describe them, outputs
  // row-major. An output may lie in the memory of an input where plan().take_overs says so, and overlaps
  // nothing else. Throws IndexError for an index out of bounds; outputs are then undefined.
  void run(const void* const* inputs, void* const* outputs) const;

  // The same, adding the seconds of each instruction to `seconds`.
  void run_timed(const void* const* inputs, void* const* outputs, std::span<double> seconds) const;

  // A frame of one's own, for the calls of a loop: one at a time.
  class Calls {
   public:
    explicit Calls(const CpuProgram& program);
    ~Calls();
    Calls(const Calls&) = delete;
    Calls& operator=(const Calls&) = delete;
    void run(const void* const* inputs, void* const* outputs);

   private:
    std::unique_ptr<Frame> frame_;
  };

  const LinearProgram& plan() const { return plan_; }
  const Graph& graph() const { return plan_.graph; }

  // Whether a call takes long enough for another thread to make use of the interpreter meanwhile.
  bool is_long() const { return is_long_; }

 private:
  class Lease;

  std::unique_ptr<Frame> new_frame() const;

  LinearProgram plan_;
  bool is_long_ = false;
  // The frame that a thread used last waits at the place of the thread: those that call at once do not meet.
  struct alignas(64) Place {
    std::atomic<Frame*> frame{nullptr};
  };
  static constexpr std::size_t kPlaces = 16;  // of more threads some share one
  static std::size_t place_of_thread();

  mutable std::array<Place, kPlaces> places_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Frame>> others_;  // free ones
};

}  // namespace gemmule
