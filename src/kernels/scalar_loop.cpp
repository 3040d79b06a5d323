#include "kernels/scalar_loop.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "kernels/elementwise_loops.h"
#include "kernels/scratch.h"
#include "kernels/strided.h"

namespace gemmule::kernels {
namespace {

// Elements of a block: long enough to pay for the calls, few enough for the registers to stay in
// cache.
constexpr std::int64_t kMaxBlock = 256, kMinBlock = 64, kBlockBytes = 96 << 10;

constexpr int kNone = -1;  // no register, no slot
constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

std::size_t rounded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

[[noreturn]] void fail(const std::string& what) {
  throw std::invalid_argument("[scalar_loop] " + what);
}

template <std::size_t Size>
void copy_elements(const void* const* in, void* out, std::int64_t n) {
  std::memcpy(out, in[0], static_cast<std::size_t>(n) * Size);
}

Loop copy_loop(std::size_t size) {
  switch (size) {
    case 1:
      return copy_elements<1>;
    case 2:
      return copy_elements<2>;
    case 4:
      return copy_elements<4>;
    case 8:
      return copy_elements<8>;
    default:
      return copy_elements<16>;
  }
}

template <std::size_t Size>
void copy_element_of(std::byte* to, std::int64_t i, const std::byte* from, std::int64_t j) {
  constexpr auto size = static_cast<std::int64_t>(Size);
  std::memcpy(to + i * size, from + j * size, Size);
}

// to[i] = from[j]
void copy_element(std::size_t size, std::byte* to, std::int64_t i, const std::byte* from,
                  std::int64_t j) {
  switch (size) {
    case 8:
      return copy_element_of<8>(to, i, from, j);
    case 1:
      return copy_element_of<1>(to, i, from, j);
    case 2:
      return copy_element_of<2>(to, i, from, j);
    case 4:
      return copy_element_of<4>(to, i, from, j);
    default:
      return copy_element_of<16>(to, i, from, j);
  }
}

}  // namespace

// Registers are those of the program, then some of the loop's own; each has a block in scratch
// memory or, for literals, in `literals`.
struct ScalarLoopPlan {
  struct Step {
    Loop loop;
    std::array<int, 3> in;
    int out;
  };
  // A register that goes from the block of waiting elements into the running ones.
  struct Carried {
    int waiting, running;
    std::size_t size;
  };

  int states = 0;
  bool until = false;
  int done = kNone;              // the register of the condition
  std::vector<Step> prepare;     // what depends on constants only: once for each element
  std::vector<Step> code;        // an iteration
  std::vector<Carried> carried;  // the states come first
  // After an iteration state i goes on in the memory of next[i]; results[i] in that of spares[i].
  std::vector<int> next, results, spares;

  LoopNest nest;  // of outputs, then inputs
  std::int64_t total = 0, row = 1;
  std::vector<std::size_t> in_sizes, out_sizes;
  std::vector<int> stored;  // the states that are wanted
  std::int64_t block = 0;

  int registers = 0;
  std::vector<std::pair<int, std::size_t>> places;          // register, place in scratch memory
  std::vector<std::pair<int, std::size_t>> literal_places;  // register, place in `literals`
  std::vector<std::byte> literals;
  std::size_t ordinals = 0, deadlines = 0, counts = 0, held = 0, scratch_bytes = 0;

  std::size_t input_view(std::size_t k) const { return out_sizes.size() + k; }
};

namespace {

// What the value of a register depends on.
enum class Level : std::uint8_t { literal, constant, state };

class Binder {
 public:
  Binder(const ScalarLoopBody& body, const Extents& shape, std::span<const ConstView> in,
         std::span<const View> out, const std::vector<bool>& wanted, ScalarLoopPlan& plan)
      : p_(body.program), plan_(plan), dtypes_(p_.registers) {
    plan_.states = body.states;
    plan_.until = body.until;
    for (int i = 0; i < plan_.states; ++i) {
      if (wanted.empty() || wanted[i]) plan_.stored.push_back(i);
    }
    check(shape, in, out);
    bind_views(shape, in, out);
    bind_code();
    bind_outputs();
    lay_out();
  }

 private:
  void check(const Extents& shape, std::span<const ConstView> in, std::span<const View> out) const {
    validate(p_);
    const int outputs = plan_.states + (plan_.until ? 1 : 0);
    if (!p_.reductions.empty()) fail("the body reduces");
    if (plan_.states < 0 || plan_.states > p_.n_inputs ||
        static_cast<int>(p_.outputs.size()) != outputs) {
      fail("the body has " + std::to_string(p_.n_inputs) + " inputs and " +
           std::to_string(p_.outputs.size()) + " outputs for " + std::to_string(plan_.states) +
           " states");
    }
    if (static_cast<int>(in.size()) != p_.n_inputs + 1 || static_cast<int>(out.size()) != outputs) {
      fail(std::to_string(in.size()) + " inputs and " + std::to_string(out.size()) +
           " outputs do not fit the body");
    }
    for (int i = 0; i < plan_.states; ++i) {
      if (dtypes_[p_.outputs[i]] != dtypes_[i])
        fail("state " + std::to_string(i) + " changes its dtype");
    }
    if (plan_.until && dtypes_[p_.outputs.back()] != DType::bool_)
      fail("the condition is not bool");
    const auto fits = [&](const auto& view, DType dtype) {
      return view.dtype == dtype && view.shape == shape && view.strides.size() == shape.size();
    };
    bool all = shape.size() <= kMaxRank && fits(in[0], DType::i64);
    for (int i = 0; i < p_.n_inputs; ++i) all = all && fits(in[i + 1], dtypes_[i]);
    for (int i = 0; i < outputs; ++i) all = all && fits(out[i], dtypes_[p_.outputs[i]]);
    if (!all) fail("a view has another dtype or shape than the body says");
  }

  void bind_views(const Extents& shape, std::span<const ConstView> in, std::span<const View> out) {
    std::vector<const Extents*> strides;
    for (const View& view : out) {
      strides.push_back(&view.strides);
      plan_.out_sizes.push_back(size_of(view.dtype));
    }
    for (const ConstView& view : in) {
      strides.push_back(&view.strides);
      plan_.in_sizes.push_back(size_of(view.dtype));
    }
    plan_.nest = merge_dims(shape, strides);
    plan_.total = element_count(shape);
    plan_.row = plan_.nest.rank() == 0 ? 1 : plan_.nest.shape.back();
  }

  int new_register(DType dtype, Level level) {
    dtypes_.push_back(dtype);
    level_.push_back(level);
    return static_cast<int>(dtypes_.size()) - 1;
  }

  std::size_t size(int reg) const { return size_of(dtypes_[reg]); }

  const ElementwiseConstant* literal(int reg) const {
    const auto found = std::find_if(p_.constants.begin(), p_.constants.end(),
                                    [&](const ElementwiseConstant& c) { return c.reg == reg; });
    return found == p_.constants.end() ? nullptr : &*found;
  }

  void bind_code() {
    level_.assign(dtypes_.size(), Level::literal);
    for (int i = 0; i < p_.n_inputs; ++i)
      level_[i] = i < plan_.states ? Level::state : Level::constant;
    for (const ElementwiseInstruction& i : p_.code) {
      const int arity = info(i.op).arity;
      Level level = Level::constant;
      unsigned scalars = 0;
      for (int a = 0; a < arity; ++a) {
        level = std::max(level, level_[i.in[a]]);
        if (literal(i.in[a]) != nullptr) scalars |= 1u << a;
      }
      level_[i.out] = level;
      // As `validate` has it: the second operand of `where` decides, which begins with a bool.
      const DType dtype = dtypes_[i.in[info(i.op).result == ResultRule::select ? 1 : 0]];
      Loop chosen =
          scalars == 0 || i.op == Op::cast ? nullptr : scalar_operand_loop(i.op, dtype, scalars);
      if (chosen == nullptr) {
        chosen = i.op == Op::cast ? cast_loop(dtype, dtypes_[i.out]) : loop(i.op, dtype);
        if (chosen == nullptr)
          fail(std::string(info(i.op).name) + " is not defined for this dtype");
        for (int a = 0; a < arity; ++a) {
          if (scalars >> a & 1) filled_.push_back(i.in[a]);
        }
      }
      std::array<int, 3> in{};
      for (int a = 0; a < 3; ++a) in[a] = i.in[a < arity ? a : 0];
      (level == Level::constant ? plan_.prepare : plan_.code).push_back({chosen, in, i.out});
    }
  }

  // Every output gets a register of its own, which is a state's or a result of the code.
  void bind_outputs() {
    std::vector<bool> taken(dtypes_.size(), false);
    const auto own = [&](int reg, bool may_be_state) {
      const bool is_state = reg < plan_.states;
      if (level_[reg] == Level::state && !taken[reg] && (!is_state || may_be_state)) {
        taken[reg] = true;
        return reg;
      }
      const int copy = new_register(dtypes_[reg], Level::state);
      const bool fills = literal(reg) != nullptr;
      plan_.code.push_back(
          {fills ? fill_loop(size(reg)) : copy_loop(size(reg)), {reg, reg, reg}, copy});
      return copy;
    };
    for (int i = 0; i < plan_.states; ++i) {
      plan_.next.push_back(own(p_.outputs[i], true));
      if (plan_.next.back() >= plan_.states) plan_.results.push_back(plan_.next.back());
    }
    for (int i = 0; i < plan_.states; ++i) {
      if (std::find(plan_.next.begin(), plan_.next.end(), i) == plan_.next.end())
        plan_.spares.push_back(i);
    }
    if (plan_.until) plan_.done = own(p_.outputs.back(), false);
  }

  void lay_out() {
    // The elements that wait have registers of their own, behind those of the ones that run. What
    // is prepared for them is carried over where the code reads it.
    const int count = static_cast<int>(dtypes_.size());
    std::vector<bool> read(count, false);
    for (const ScalarLoopPlan::Step& step : plan_.code) {
      for (const int reg : step.in) read[reg] = true;
    }
    for (ScalarLoopPlan::Step& step : plan_.prepare) {
      for (int& reg : step.in) reg = literal(reg) == nullptr ? count + reg : reg;
      step.out += count;
    }
    for (int reg = 0; reg < count; ++reg) {
      const bool carries = reg < plan_.states || (level_[reg] == Level::constant && read[reg]);
      if (carries) plan_.carried.push_back({count + reg, reg, size(reg)});
    }
    plan_.registers = 2 * count;

    std::size_t widest = 8;
    for (int reg = 0; reg < count; ++reg) widest = std::max<std::size_t>(widest, size(reg));
    std::vector<int> slot(2 * count, kNone);
    int slots = assign_slots(slot);
    std::vector<bool> prepared(count, false);
    for (int reg = 0; reg < p_.n_inputs; ++reg) prepared[reg] = true;
    for (const ScalarLoopPlan::Step& step : plan_.prepare) prepared[step.out - count] = true;
    const int running_slots = slots;
    for (int reg = 0; reg < count; ++reg) {
      if (prepared[reg]) slot[count + reg] = slots++;
    }
    std::int64_t block = kMaxBlock;
    while (block > kMinBlock &&
           block * static_cast<std::int64_t>(widest) * running_slots > kBlockBytes)
      block /= 2;
    plan_.block = std::max<std::int64_t>(std::min(block, plan_.total), 1);

    std::size_t bytes = 0;
    const auto take = [&](std::size_t size) { return std::exchange(bytes, rounded(bytes + size)); };
    const auto elements = static_cast<std::size_t>(plan_.block);
    take(static_cast<std::size_t>(plan_.registers) * sizeof(void*));
    plan_.held = take(static_cast<std::size_t>(plan_.states + 1) * sizeof(void*));
    plan_.ordinals = take(elements * sizeof(std::int64_t));
    plan_.deadlines = take(elements * sizeof(std::int64_t));
    plan_.counts = take(elements * sizeof(std::int64_t));
    const std::size_t slot_bytes = rounded(elements * widest);
    const std::size_t first = take(static_cast<std::size_t>(slots) * slot_bytes);
    for (int reg = 0; reg < 2 * count; ++reg) {
      if (slot[reg] != kNone)
        plan_.places.emplace_back(reg, first + static_cast<std::size_t>(slot[reg]) * slot_bytes);
    }
    plan_.scratch_bytes = bytes;
    for (const ElementwiseConstant& c : p_.constants) {
      const bool fills = std::find(filled_.begin(), filled_.end(), c.reg) != filled_.end();
      const std::int64_t n = fills ? plan_.block : 1;
      const std::size_t place = rounded(plan_.literals.size());
      plan_.literals.resize(place + size(c.reg) * static_cast<std::size_t>(n));
      move_elements(size(c.reg), plan_.literals.data() + place, 1, c.bits.data(), 0, n);
      plan_.literal_places.emplace_back(c.reg, place);
    }
  }

  // Linear scan over an iteration. States, carried constants and outputs keep their slots.
  int assign_slots(std::vector<int>& slot) const {
    int slots = 0;
    for (const ScalarLoopPlan::Carried& c : plan_.carried) slot[c.running] = slots++;
    for (const int reg : plan_.results) slot[reg] = slots++;
    if (plan_.until) slot[plan_.done] = slots++;
    std::vector<int> last(dtypes_.size(), kNone);
    const int end = static_cast<int>(plan_.code.size());
    for (int k = 0; k < end; ++k) {
      for (const int reg : plan_.code[k].in) last[reg] = k;
    }
    std::vector<int> free;
    std::vector<bool> temporary(dtypes_.size(), false);
    for (int k = 0; k < end; ++k) {
      const ScalarLoopPlan::Step& step = plan_.code[k];
      const auto release = [&](bool same_size) {
        for (const int reg : step.in) {
          if (!temporary[reg] || last[reg] != k || (size(reg) == size(step.out)) != same_size)
            continue;
          temporary[reg] = false;  // once
          free.push_back(slot[reg]);
        }
      };
      release(true);  // a loop may write over an operand of the same element size
      if (slot[step.out] == kNone) {
        if (free.empty()) free.push_back(slots++);
        slot[step.out] = free.back();
        free.pop_back();
        temporary[step.out] = true;
      }
      release(false);
      if (temporary[step.out] && last[step.out] == kNone) {
        temporary[step.out] = false;
        free.push_back(slot[step.out]);
      }
    }
    return slots;
  }

  const ElementwiseProgram& p_;
  ScalarLoopPlan& plan_;
  std::vector<DType> dtypes_;
  std::vector<Level> level_;
  std::vector<int> filled_;  // literals of which some loop reads a whole block
};

class Pass {
 public:
  Pass(const ScalarLoopPlan& plan, const void* const* in, void* const* out, std::byte* memory)
      : p_(plan),
        in_(in),
        out_(out),
        registers_(reinterpret_cast<std::byte**>(memory)),
        held_(reinterpret_cast<std::byte**>(memory + p_.held)),
        ordinals_(reinterpret_cast<std::int64_t*>(memory + p_.ordinals)),
        deadlines_(reinterpret_cast<std::int64_t*>(memory + p_.deadlines)),
        counts_(reinterpret_cast<std::int64_t*>(memory + p_.counts)) {
    for (const auto& [reg, place] : p_.places) registers_[reg] = memory + place;
    for (const auto& [reg, place] : p_.literal_places) {
      registers_[reg] = const_cast<std::byte*>(p_.literals.data()) + place;  // only read
    }
  }

  void run() {
    while (running_ < p_.block && start(running_)) ++running_;
    while (running_ > 0) {
      execute(p_.code, running_);
      advance_states();
      ++iteration_;
      const bool some_done = p_.until && std::memchr(registers_[p_.done], 1,
                                                     static_cast<std::size_t>(running_)) != nullptr;
      if (some_done || iteration_ >= earliest_) retire();
    }
  }

 private:
  void execute(const std::vector<ScalarLoopPlan::Step>& steps, std::int64_t n) const {
    for (const ScalarLoopPlan::Step& step : steps) {
      const void* const operands[] = {registers_[step.in[0]], registers_[step.in[1]],
                                      registers_[step.in[2]]};
      step.loop(operands, registers_[step.out], n);
    }
  }

  // The new states take the place of the old ones: their memory changes hands.
  void advance_states() {
    for (int i = 0; i < p_.states; ++i) held_[i] = registers_[p_.next[i]];
    for (std::size_t k = 0; k < p_.results.size(); ++k) {
      registers_[p_.results[k]] = registers_[p_.spares[k]];
    }
    for (int i = 0; i < p_.states; ++i) registers_[i] = held_[i];
  }

  // Puts the next element that has something to do into a lane; false when none is left.
  bool start(std::int64_t lane) {
    for (;; ++next_) {
      if (next_ == waiting_ && !load()) return false;
      const std::int64_t n = counts_[next_];
      if (n > 0) break;
      if (n < 0 && !p_.until) {
        throw UserError("[scalar_loop] the number of steps is " + std::to_string(n) +
                        " and the loop has no condition that ends it");
      }
      for (const int i : p_.stored)
        store(i, first_ + next_, registers_[p_.carried[i].waiting], next_);
      constexpr std::byte not_done[16] = {};  // as copy_element may read
      if (p_.until) store(p_.states, first_ + next_, not_done, 0);
    }
    for (const ScalarLoopPlan::Carried& c : p_.carried) {
      copy_element(c.size, registers_[c.running], lane, registers_[c.waiting], next_);
    }
    ordinals_[lane] = first_ + next_;
    deadlines_[lane] =
        counts_[next_] > kForever - iteration_ ? kForever : iteration_ + counts_[next_];
    earliest_ = std::min(earliest_, deadlines_[lane]);
    ++next_;
    return true;
  }

  // The next block of elements that wait; false when there are no more.
  bool load() {
    first_ += waiting_;
    next_ = waiting_ = 0;
    const std::int64_t n = std::min(p_.block, p_.total - first_);
    if (n <= 0) return false;
    load(0, reinterpret_cast<std::byte*>(counts_), n);
    const int inputs = static_cast<int>(p_.in_sizes.size()) - 1;
    for (int i = 0; i < inputs; ++i) load(i + 1, registers_[p_.registers / 2 + i], n);
    execute(p_.prepare, n);
    waiting_ = n;
    return true;
  }

  void load(std::size_t input, std::byte* to, std::int64_t n) const {
    const std::size_t view = p_.input_view(input), size = p_.in_sizes[input];
    const auto* const base = static_cast<const std::byte*>(in_[input]);
    const std::int64_t stride = p_.nest.rank() == 0 ? 0 : p_.nest.strides[view].back();
    for (std::int64_t done = 0; done < n;) {  // row by row
      const std::int64_t at = first_ + done, part = std::min(n - done, p_.row - at % p_.row);
      move_elements(size, to + done * static_cast<std::int64_t>(size), 1,
                    base + offset(view, at) * static_cast<std::int64_t>(size), stride, part);
      done += part;
    }
  }

  void store(std::size_t output, std::int64_t ordinal, const std::byte* from,
             std::int64_t lane) const {
    copy_element(p_.out_sizes[output], static_cast<std::byte*>(out_[output]),
                 offset(output, ordinal), from, lane);
  }

  // In elements, of the element with this number, row by row.
  std::int64_t offset(std::size_t view, std::int64_t ordinal) const {
    const Extents& strides = p_.nest.strides[view];
    if (strides.size() == 1) return ordinal * strides[0];
    std::int64_t offset = 0;
    for (std::size_t dim = strides.size(); dim-- > 0; ordinal /= p_.nest.shape[dim]) {
      offset += ordinal % p_.nest.shape[dim] * strides[dim];
    }
    return offset;
  }

  // Elements that are done leave. The last lane comes first: it moves into a lane that stays empty.
  // `earliest_` may be that of one that has left: then nothing is found and it is set anew.
  void retire() {
    const auto* const done =
        p_.until ? reinterpret_cast<const unsigned char*>(registers_[p_.done]) : nullptr;
    if (iteration_ >= earliest_) {
      earliest_ = kForever;
      for (std::int64_t lane = running_ - 1; lane >= 0; --lane) {
        if ((done != nullptr && done[lane] != 0) || deadlines_[lane] <= iteration_) {
          leave(lane);
        } else {
          earliest_ = std::min(earliest_, deadlines_[lane]);
        }
      }
      return;
    }
    for (std::int64_t end = running_; end > 0;) {
      std::uint64_t eight = 1;
      if (end >= 8) std::memcpy(&eight, done + end - 8, 8);
      if (eight == 0) {
        end -= 8;
      } else if (done[--end] != 0) {
        leave(end);
      }
    }
  }

  void leave(std::int64_t lane) {
    for (const int i : p_.stored) store(i, ordinals_[lane], registers_[i], lane);
    if (p_.until) store(p_.states, ordinals_[lane], registers_[p_.done], lane);
    if (start(lane)) return;
    --running_;
    if (lane == running_) return;
    for (const ScalarLoopPlan::Carried& c : p_.carried) {
      copy_element(c.size, registers_[c.running], lane, registers_[c.running], running_);
    }
    ordinals_[lane] = ordinals_[running_];
    deadlines_[lane] = deadlines_[running_];
  }

  const ScalarLoopPlan& p_;
  const void* const* in_;
  void* const* out_;
  std::byte** registers_;
  std::byte** held_;
  std::int64_t *ordinals_, *deadlines_;  // of the elements that run
  std::int64_t* counts_;                 // of the elements that wait
  std::int64_t running_ = 0, iteration_ = 0, earliest_ = kForever;
  std::int64_t first_ = 0, waiting_ = 0,
               next_ = 0;  // the block that waits begins at element `first_`
};

}  // namespace

ScalarLoopKernel::ScalarLoopKernel(const ScalarLoopBody& body, const Extents& shape,
                                   std::span<const ConstView> in, std::span<const View> out,
                                   const std::vector<bool>& wanted) {
  auto plan = std::make_unique<ScalarLoopPlan>();
  Binder(body, shape, in, out, wanted, *plan);
  plan_ = std::move(plan);
}
ScalarLoopKernel::~ScalarLoopKernel() = default;
ScalarLoopKernel::ScalarLoopKernel(ScalarLoopKernel&&) noexcept = default;
ScalarLoopKernel& ScalarLoopKernel::operator=(ScalarLoopKernel&&) noexcept = default;

void ScalarLoopKernel::run(const void* const* in, void* const* out) const {
  if (plan_->total == 0) return;
  const Scratch scratch(plan_->scratch_bytes);
  Pass(*plan_, in, out, scratch.as<std::byte>()).run();
}

}  // namespace gemmule::kernels
