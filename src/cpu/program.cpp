#include "cpu/program.h"

#include <chrono>
#include <cstdint>
#include <new>

#include "cpu/step.h"
#include "plan/cost.h"

namespace gemmule {
namespace {

// Flops and words of memory from which the interpreter is left to others: some ten microseconds.
constexpr double kLongWork = 2e4;

struct Aligned {
  void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t(kAlignment)); }
};

}  // namespace

class CpuProgram::Frame {
 public:
  explicit Frame(const LinearProgram& plan)
      : memory_(static_cast<std::byte*>(::operator new[](plan.workspace_bytes + 1, std::align_val_t(kAlignment)))) {
    for (const Instruction& instruction : plan.instructions) {
      steps_.push_back({cpu::make_step(plan, instruction), addresses_.size()});
      for (const Layout& operand : instruction.operands) add(plan, operand);
      for (const Layout& result : instruction.results) add(plan, result);
    }
  }

  void run(const void* const* inputs, void* const* outputs) {
    place(inputs, outputs);
    for (const Bound& step : steps_) step.step->run(addresses_.data() + step.first);
  }

  void run_timed(const void* const* inputs, void* const* outputs, std::span<double> seconds) {
    using Clock = std::chrono::steady_clock;
    place(inputs, outputs);
    Clock::time_point before = Clock::now();
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      steps_[i].step->run(addresses_.data() + steps_[i].first);
      const Clock::time_point after = Clock::now();
      seconds[i] += std::chrono::duration<double>(after - before).count();
      before = after;
    }
  }

 private:
  struct Bound {
    std::unique_ptr<cpu::Step> step;
    std::size_t first;  // of its addresses
  };
  // An address that follows the memory of a call.
  struct Moving {
    std::size_t address;
    int index;  // of the input or output
    std::int64_t offset;
  };

  void add(const LinearProgram& plan, const Layout& layout) {
    const Buffer& buffer = plan.buffers[layout.buffer];
    void* address = nullptr;
    switch (buffer.memory) {
      case Memory::input:
        inputs_.push_back({addresses_.size(), buffer.index, layout.offset});
        break;
      case Memory::output:
        outputs_.push_back({addresses_.size(), buffer.index, layout.offset});
        break;
      case Memory::constant:
        // Only read: a result never lies in the memory of a constant.
        address = const_cast<std::byte*>(plan.graph.constant(buffer.index)->data.get()) + layout.offset;
        break;
      case Memory::workspace:
        address = memory_.get() + buffer.offset + layout.offset;
        break;
    }
    addresses_.push_back(address);
  }

  void place(const void* const* inputs, void* const* outputs) {
    for (const Moving& input : inputs_) {
      addresses_[input.address] = static_cast<std::byte*>(const_cast<void*>(inputs[input.index])) + input.offset;
    }
    for (const Moving& output : outputs_) {
      addresses_[output.address] = static_cast<std::byte*>(outputs[output.index]) + output.offset;
    }
  }

  std::unique_ptr<std::byte[], Aligned> memory_;
  std::vector<void*> addresses_;
  std::vector<Bound> steps_;
  std::vector<Moving> inputs_, outputs_;
};

// A frame for the time of a call.
class CpuProgram::Lease {
 public:
  explicit Lease(const CpuProgram& program) : program_(program), mine_(program.places_[place_of_thread()]) {
    frame_ = mine_.frame.exchange(nullptr);
    for (std::size_t i = 0; frame_ == nullptr && i < kPlaces; ++i) {
      std::atomic<Frame*>& other = program.places_[i].frame;
      if (other.load(std::memory_order_relaxed) != nullptr) frame_ = other.exchange(nullptr);
    }
    if (frame_ != nullptr) return;
    {
      const std::lock_guard lock(program.mutex_);
      if (!program.others_.empty()) {
        frame_ = program.others_.back().release();
        program.others_.pop_back();
      }
    }
    if (frame_ == nullptr) frame_ = program.new_frame().release();
  }

  ~Lease() {
    Frame* none = nullptr;
    if (mine_.frame.compare_exchange_strong(none, frame_)) return;
    const std::lock_guard lock(program_.mutex_);
    program_.others_.emplace_back(frame_);
  }

  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Frame* operator->() const { return frame_; }

 private:
  const CpuProgram& program_;
  Place& mine_;
  Frame* frame_;
};

std::size_t CpuProgram::place_of_thread() {
  static std::atomic<std::size_t> threads{0};
  thread_local const std::size_t place = threads++ % kPlaces;
  return place;
}

CpuProgram::CpuProgram(Graph graph, const PlanOptions& options)
    : plan_(gemmule::plan(std::move(graph), options)), is_long_(work_of(plan_.graph) > kLongWork) {
  places_[place_of_thread()].frame = new_frame().release();  // what has no kernel shows here
}

CpuProgram::~CpuProgram() {
  for (const Place& place : places_) delete place.frame.load();
}

std::unique_ptr<CpuProgram::Frame> CpuProgram::new_frame() const { return std::make_unique<Frame>(plan_); }

CpuProgram::Calls::Calls(const CpuProgram& program) : frame_(program.new_frame()) {}

CpuProgram::Calls::~Calls() = default;

void CpuProgram::Calls::run(const void* const* inputs, void* const* outputs) { frame_->run(inputs, outputs); }

void CpuProgram::run(const void* const* inputs, void* const* outputs) const {
  Lease(*this)->run(inputs, outputs);
}

void CpuProgram::run_timed(const void* const* inputs, void* const* outputs, std::span<double> seconds) const {
  Lease(*this)->run_timed(inputs, outputs, seconds);
}

}  // namespace gemmule
