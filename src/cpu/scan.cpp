// Loops: the body's program, run step by step over the buffers of the states.
#include "ir/scan.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cpu/program.h"
#include "cpu/step.h"
#include "ir/error.h"
#include "kernels/movement.h"

namespace gemmule::cpu {
namespace {

std::size_t bytes_of(const Layout& layout) {
  return static_cast<std::size_t>(layout.count()) * size_of(layout.dtype);
}

Layout element_of(const Layout& buffer) {
  Layout element = buffer;
  element.shape.erase(element.shape.begin());
  element.strides.erase(element.strides.begin());
  return element;
}

std::int64_t step_of(const Layout& buffer) {
  return buffer.strides[0] * static_cast<std::int64_t>(size_of(buffer.dtype));
}

View view_of(const Layout& layout) { return {nullptr, layout.dtype, layout.shape, layout.strides}; }

// A buffer along which the steps move.
struct Buffer {
  ScanState state;
  Layout layout;                                // of the result
  std::int64_t step = 0;                        // bytes between elements
  std::int64_t length = 0;
  std::size_t element_bytes = 0;
  std::optional<kernels::CopyKernel> copy_in;   // the operand to the result, as much of it as is read
  std::byte* memory = nullptr;
};

// What the body reads or writes in a buffer.
struct Position {
  int buffer;
  std::int64_t offset;

  std::byte* at(const Buffer& of, std::int64_t t) const { return of.memory + (t + offset) % of.length * of.step; }
};

// What the body writes where it may not: beside the buffer first, then there.
struct Detour {
  int output;
  std::byte* scratch;
  kernels::CopyKernel copy;
};

// An address that moves on with every step, from the end of a ring to its start.
struct Moving {
  void** address;
  std::int64_t step;  // bytes
  void* end;          // nullptr: no ring
  std::int64_t ring;  // bytes

  void advance() const {
    auto* next = static_cast<std::byte*>(*address) + step;
    *address = next == end ? next - ring : next;
  }
};

class Scan : public Step {
 public:
  explicit Scan(const StepContext& context) : loop_(scan_loop(context.node.attributes)) {
    const Graph& body = context.node.attributes.graph("body");
    origin_ = context.node.origin.empty() ? "" : " (node \"" + context.node.origin + "\")";
    constants_ = context.count() - loop_.first_constant();
    set_sequences(context);
    set_buffers(context);
    const PlanOptions options = options_of(context, body);
    program_ = std::make_unique<CpuProgram>(body, options);
    calls_ = std::make_unique<CpuProgram::Calls>(*program_);
    set_outputs(context);
    inputs_.resize(body.inputs.size());
    outputs_.resize(body.outputs.size());
    targets_.resize(body.outputs.size());
    moving_.reserve(body.inputs.size() + body.outputs.size());
    if (loop_.until) targets_.back() = &stop_;
  }

  void run(void* const* address) override {
    const std::int64_t n = *static_cast<const std::int64_t*>(address[0]);
    check(n);
    const int first_result = loop_.first_constant() + constants_;
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      Buffer& buffer = buffers_[i];
      const void* operand = address[loop_.first_state() + static_cast<int>(i)];
      buffer.memory = static_cast<std::byte*>(address[first_result + static_cast<int>(i)]);
      if (buffer.copy_in && operand != buffer.memory) buffer.copy_in->run(operand, buffer.memory);
    }
    for (int i = 0; i < constants_; ++i) inputs_[loop_.first_constant_input() + i] = address[loop_.first_constant() + i];
    begin(address, n);
    std::int64_t t = 0;
    for (stop_ = false; t < n && !stop_; ++t) step();
    for (Buffer& buffer : buffers_) finish(buffer, t);
    if (loop_.until) *static_cast<std::int64_t*>(address[first_result + static_cast<int>(buffers_.size())]) = t;
  }

 private:
  void set_sequences(const StepContext& context) {
    for (int i = 0; i < loop_.sequences; ++i) {
      const Layout& layout = context.operands[1 + i];
      sequence_steps_.push_back(step_of(layout));
      sequence_lengths_.push_back(layout.shape[0]);
    }
  }

  void set_buffers(const StepContext& context) {
    std::size_t turned = 0;
    for (std::size_t i = 0; i < loop_.states.size(); ++i) {
      Buffer buffer;
      buffer.state = loop_.states[i];
      buffer.layout = context.results[i];
      buffer.step = step_of(buffer.layout);
      buffer.length = buffer.layout.shape[0];
      buffer.element_bytes = bytes_of(element_of(buffer.layout));
      if (buffer.state.kind != ScanState::Kind::output) set_copy(context, static_cast<int>(i), buffer);
      for (const std::int64_t read : buffer.state.reads) reads_.push_back({static_cast<int>(i), read});
      for (const std::int64_t write : buffer.state.writes) writes_.push_back({static_cast<int>(i), write});
      // Room to bring the largest of them into order.
      turned = std::max(turned, bytes_of(buffer.layout));
      buffers_.push_back(std::move(buffer));
    }
    turn_.resize(turned);
  }

  // Of a trace the first elements only: steps fill the rest.
  void set_copy(const StepContext& context, int i, Buffer& buffer) {
    Layout from = context.operands[loop_.first_state() + i], to = buffer.layout;
    if (buffer.state.kind == ScanState::Kind::trace) {
      from.shape[0] = to.shape[0] = std::min(buffer.length, buffer.state.start());
    }
    buffer.copy_in.emplace(view_of(from), view_of(to));
  }

  // Whether in every step the two are the same element.
  bool same_element(const Position& a, const Position& b) const {
    const std::int64_t length = buffers_[a.buffer].length;
    return a.buffer == b.buffer && length > 0 && (a.offset - b.offset) % length == 0;
  }

  PlanOptions options_of(const StepContext& context, const Graph& body) const {
    PlanOptions options;
    const std::vector<int> operand_of = scan_operands(loop_, body);
    for (std::size_t input = 0; input < body.inputs.size(); ++input) {
      const int operand = operand_of[input];
      Layout layout = context.operands[operand];
      if (operand < loop_.first_state()) {
        layout = element_of(layout);
      } else if (operand < loop_.first_constant()) {
        layout = element_of(buffers_[operand - loop_.first_state()].layout);
      }
      options.input_strides.push_back(layout.is_row_major() ? Extents{} : layout.strides);
    }
    // What a step writes where it reads may be computed there.
    for (std::size_t i = 0; i < reads_.size(); ++i) {
      const auto same = [&](const Position& other) { return same_element(reads_[i], other); };
      if (std::ranges::count_if(reads_, same) == 1 && std::ranges::any_of(writes_, same)) {
        options.donatable.push_back(loop_.sequences + static_cast<int>(i));
      }
    }
    return options;
  }

  bool computed_in_place(int output, int read) const {
    return std::ranges::any_of(program_->plan().take_overs, [&](const TakeOver& take_over) {
      return take_over.output == output && take_over.input == loop_.sequences + read;
    });
  }

  void set_outputs(const StepContext&) {
    std::size_t bytes = 0;
    std::vector<std::pair<int, std::size_t>> beside;
    for (int output = 0; output < static_cast<int>(writes_.size()); ++output) {
      const Position& write = writes_[output];
      bool direct = element_of(buffers_[write.buffer].layout).is_row_major();
      for (int read = 0; read < static_cast<int>(reads_.size()); ++read) {
        if (same_element(write, reads_[read]) && !computed_in_place(output, read)) direct = false;
      }
      if (direct) continue;
      beside.emplace_back(output, bytes);
      bytes += (buffers_[write.buffer].element_bytes + kAlignment - 1) / kAlignment * kAlignment;
    }
    scratch_.resize(bytes + kAlignment);
    void* start = scratch_.data();
    std::size_t space = scratch_.size();
    auto* aligned = static_cast<std::byte*>(std::align(kAlignment, bytes, start, space));
    for (const auto& [output, offset] : beside) {
      const Layout& from = program_->plan().outputs[output];
      const Layout to = element_of(buffers_[writes_[output].buffer].layout);
      detours_.push_back({output, aligned + offset, kernels::CopyKernel(view_of(from), view_of(to))});
    }
  }

  void check(std::int64_t n) const {
    const auto text = [&](const std::string& what) { return "[scan] " + what + origin_; };
    if (n < 0) throw IndexError(text("the number of steps is " + std::to_string(n)));
    for (std::size_t i = 0; i < sequence_lengths_.size(); ++i) {
      if (sequence_lengths_[i] < n) {
        throw ShapeError(text("sequence " + std::to_string(i) + " has " + std::to_string(sequence_lengths_[i]) +
                              " elements, the loop has " + std::to_string(n) + " steps"));
      }
    }
    for (const Buffer& buffer : buffers_) {
      const std::int64_t least = n == 0 ? 0 : std::max<std::int64_t>(1, buffer.state.start());
      if (buffer.length < least) {
        throw ShapeError(text("the buffer of a state has " + std::to_string(buffer.length) + " elements, it needs " +
                              std::to_string(least)));
      }
    }
  }

  // The addresses of the first step, and how they move.
  void begin(void* const* address, std::int64_t n) {
    moving_.clear();
    if (n == 0) return;
    for (int i = 0; i < loop_.sequences; ++i) {
      auto* first = static_cast<std::byte*>(address[1 + i]);
      move(inputs_[i], first, sequence_steps_[i], nullptr, 0);
    }
    const auto follow = [&](void*& place, const Position& position) {
      const Buffer& buffer = buffers_[position.buffer];
      const bool ring = n + position.offset > buffer.length;
      std::byte* const end = ring ? buffer.memory + buffer.length * buffer.step : nullptr;
      move(place, position.at(buffer, 0), buffer.step, end, buffer.length * buffer.step);
    };
    for (std::size_t i = 0; i < reads_.size(); ++i) follow(inputs_[loop_.sequences + i], reads_[i]);
    for (std::size_t i = 0; i < writes_.size(); ++i) follow(targets_[i], writes_[i]);
  }

  void move(void*& place, std::byte* first, std::int64_t step, std::byte* end, std::int64_t ring) {
    place = first;
    moving_.push_back({&place, step, end, ring});
  }

  void step() {
    if (detours_.empty()) {
      calls_->run(inputs_.data(), targets_.data());
    } else {
      const std::size_t count = outputs_.size();
      for (std::size_t i = 0; i < count; ++i) outputs_[i] = targets_[i];
      for (const Detour& detour : detours_) outputs_[detour.output] = detour.scratch;
      calls_->run(inputs_.data(), outputs_.data());
      for (Detour& detour : detours_) detour.copy.run(detour.scratch, targets_[detour.output]);
    }
    for (const Moving& moving : moving_) moving.advance();
  }

  // Puts what `steps` steps have left into the order in which it was written.
  void finish(Buffer& buffer, std::int64_t steps) {
    if (buffer.state.kind == ScanState::Kind::update || buffer.length == 0) return;
    const std::int64_t written = steps + buffer.state.start();
    if (written == buffer.length) return;
    if (written > buffer.length) {
      rotate(buffer, written % buffer.length);
      return;
    }
    Layout tail = buffer.layout;
    tail.shape[0] = buffer.length - written;
    const std::int64_t zero[2] = {0, 0};
    const ConstView zeros{zero, tail.dtype, tail.shape, Extents(tail.shape.size(), 0)};
    View to = view_of(tail);
    to.data = buffer.memory + written * buffer.step;
    kernels::copy(zeros, to);
  }

  // Element `first` becomes the first.
  void rotate(Buffer& buffer, std::int64_t first) {
    if (first == 0) return;
    Layout dense = buffer.layout;
    dense.strides = row_major_strides(dense.shape);
    View whole = view_of(buffer.layout), copy = view_of(dense);
    whole.data = buffer.memory;
    copy.data = turn_.data();
    kernels::copy(whole, copy);
    const auto move = [&](std::int64_t from, std::int64_t to, std::int64_t count) {
      View source = copy, target = whole;
      source.shape[0] = target.shape[0] = count;
      source.data = turn_.data() + from * dense.strides[0] * static_cast<std::int64_t>(size_of(dense.dtype));
      target.data = buffer.memory + to * buffer.step;
      kernels::copy(source, target);
    };
    move(first, 0, buffer.length - first);
    move(0, buffer.length - first, first);
  }

  ScanLoop loop_;
  std::string origin_;  // at the end of messages
  int constants_ = 0;
  std::vector<std::int64_t> sequence_steps_, sequence_lengths_;
  std::vector<Buffer> buffers_;
  std::vector<Position> reads_, writes_;
  std::unique_ptr<CpuProgram> program_;
  std::unique_ptr<CpuProgram::Calls> calls_;
  std::vector<Detour> detours_;
  std::vector<std::byte> scratch_, turn_;
  std::vector<void*> inputs_;   // of the body
  std::vector<void*> targets_;  // where its outputs belong
  std::vector<void*> outputs_;  // where it leaves them
  std::vector<Moving> moving_;
  bool stop_ = false;
};

}  // namespace

std::unique_ptr<Step> make_scan(const StepContext& context) { return std::make_unique<Scan>(context); }

}  // namespace gemmule::cpu
