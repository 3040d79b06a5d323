#include "kernels/elementwise.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels/elementwise_loops.h"
#include "kernels/strided.h"

namespace gemmule::kernels {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::invalid_argument("[elementwise] " + what);
}

std::string text(std::string_view s) { return std::string(s); }

std::string text(const Extents& extents) {
  std::string s;
  for (const std::int64_t e : extents) {
    if (!s.empty()) s += ",";
    s += std::to_string(e);
  }
  return std::string("[").append(s).append("]");
}

// Memory of one thread, aligned to a cache line. Loops do not call back, so one block is enough.
std::byte* scratch(std::size_t bytes) {
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t(64)); }
  };
  thread_local std::unique_ptr<std::byte[], Free> memory;
  thread_local std::size_t capacity = 0;
  if (bytes > capacity) {
    memory.reset();
    memory.reset(static_cast<std::byte*>(::operator new[](bytes, std::align_val_t(64))));
    capacity = bytes;
  }
  return memory.get();
}

Loop resolve(const ElementwiseProgram& p, const ElementwiseInstruction& i) {
  const DType out = p.registers[i.out];
  if (i.op == Op::cast) return cast_loop(p.registers[i.in[0]], out);
  return loop(i.op, p.registers[i.in[info(i.op).result == ResultRule::select ? 1 : 0]]);
}

// Blocks are as long as fits this many bytes of scratch registers, within limits: long enough to
// pay for the calls, short enough for the first-level cache or little more.
constexpr std::int64_t kScratchBytes = 64 << 10, kMinBlock = 128, kMaxBlock = 1024;

// Rows shorter than this are not worth a pass through the code each: blocks then span rows, and
// operands that are not contiguous across rows are gathered.
constexpr std::int64_t kMinRow = 128;

}  // namespace

void validate(const ElementwiseProgram& p) {
  const int count = static_cast<int>(p.registers.size());
  if (p.n_inputs < 0 || p.n_inputs > count) {
    fail(std::to_string(p.n_inputs) + " inputs, but " + std::to_string(count) + " registers");
  }
  std::vector<bool> written(p.registers.size(), false);
  std::fill(written.begin(), written.begin() + p.n_inputs, true);
  const auto check = [&](int reg, const std::string& where) {
    if (reg < 0 || reg >= count) {
      fail(where + ": register " + std::to_string(reg) + " of " + std::to_string(count));
    }
  };
  const auto write = [&](int reg, const std::string& where) {
    check(reg, where);
    if (written[reg]) fail(where + ": register " + std::to_string(reg) + " is written twice");
    written[reg] = true;
  };
  const auto read = [&](int reg, const std::string& where) {
    check(reg, where);
    if (!written[reg]) {
      fail(where + ": register " + std::to_string(reg) + " is read before it is written");
    }
  };

  for (const ElementwiseConstant& c : p.constants) write(c.reg, "constant");
  for (std::size_t k = 0; k < p.code.size(); ++k) {
    const ElementwiseInstruction& i = p.code[k];
    const OpInfo& op = info(i.op);
    const std::string where = "instruction " + std::to_string(k) + " (" + text(op.name) + ")";
    if (!op.elementwise()) fail(where + ": not an elementwise op");
    for (int a = 0; a < op.arity; ++a) read(i.in[a], where);
    write(i.out, where);
    const DType out = p.registers[i.out];
    if (op.result == ResultRule::cast) continue;

    const bool selects = op.result == ResultRule::select;
    if (selects && p.registers[i.in[0]] != DType::bool_) {
      fail(where + ": the condition is " + text(numpy_name(p.registers[i.in[0]])) + ", not bool");
    }
    const DType dtype = p.registers[i.in[selects ? 1 : 0]];
    for (int a = selects ? 2 : 1; a < op.arity; ++a) {
      if (p.registers[i.in[a]] != dtype) {
        fail(where + ": operands are " + text(numpy_name(dtype)) + " and " +
             text(numpy_name(p.registers[i.in[a]])));
      }
    }
    if (loop(i.op, dtype) == nullptr) fail(where + ": not defined for " + text(numpy_name(dtype)));
    if (out != result_dtype(i.op, dtype)) {
      fail(where + ": the result is " + text(numpy_name(result_dtype(i.op, dtype))) + ", not " +
           text(numpy_name(out)));
    }
  }
  for (const int reg : p.outputs) read(reg, "output");
}

struct ElementwiseKernel::Plan {
  // Where the elements of a view are within a block.
  enum class Access {
    direct,   // contiguous: used in place
    splat,    // one value for the whole row
    strided,  // one stride along the row
    nested,   // anything, in a block that spans rows
  };

  struct Operand {
    int reg;
    Access access;
    bool copied;             // into scratch memory, though contiguous
    bool varies;             // between rows; a splat that does not is filled once
    std::size_t size;        // of an element
    std::int64_t stride;     // along the row
    const Extents* strides;  // of the nest
  };

  struct Result {
    int reg;
    Access access;
    bool in_place;  // the code writes to the output itself; else the block is stored at its end
    std::size_t size;
    std::int64_t stride;
    const Extents* strides;
  };

  struct Step {
    Loop loop;
    std::array<int, 3> in;
    int out;
  };

  LoopNest nest;         // of results, then operands
  Extents outer;         // the dims that rows are counted in
  std::int64_t row = 0;  // elements of a row
  std::int64_t rows = 0;
  std::int64_t block = 0;
  std::vector<Operand> operands;
  std::vector<Result> results;
  std::vector<Step> code;
  std::vector<int> slots;  // scratch slot of each register, or -1
  std::size_t slot_bytes = 0;
  std::size_t scratch_bytes = 0;
  std::vector<std::byte> constants;
  std::vector<std::pair<int, std::size_t>> constant_offsets;  // register, offset in `constants`

  void bind(const ElementwiseProgram& p, std::span<const ConstView> in, std::span<const View> out);
  void assign_slots(const ElementwiseProgram& p);
  void move_nested(std::size_t size, const Extents& strides, std::int64_t start, std::int64_t n,
                   std::byte* view, std::byte* buffer, bool load) const;
};

void ElementwiseKernel::Plan::bind(const ElementwiseProgram& p, std::span<const ConstView> in,
                                   std::span<const View> out) {
  if (static_cast<int>(in.size()) != p.n_inputs || out.size() != p.outputs.size()) {
    fail("the program has " + std::to_string(p.n_inputs) + " inputs and " +
         std::to_string(p.outputs.size()) + " outputs, not " + std::to_string(in.size()) + " and " +
         std::to_string(out.size()));
  }
  if (out.empty()) return;  // nothing to do: rows is 0
  const Extents& shape = out[0].shape;
  if (shape.size() > kMaxRank) fail("rank " + std::to_string(shape.size()) + " is above 64");
  const auto check = [&](const auto& view, DType dtype, const char* what, std::size_t k) {
    const std::string name = what + std::to_string(k);
    if (view.shape != shape || view.strides.size() != shape.size()) {
      fail(name + " has shape " + text(view.shape) + ", output 0 " + text(shape));
    }
    if (view.dtype != dtype) {
      fail(name + " is " + text(numpy_name(view.dtype)) + ", its register " +
           text(numpy_name(dtype)));
    }
  };
  std::vector<const Extents*> strides;
  for (std::size_t k = 0; k < out.size(); ++k) {
    check(out[k], p.registers[p.outputs[k]], "output ", k);
    strides.push_back(&out[k].strides);
  }
  for (std::size_t k = 0; k < in.size(); ++k) {
    check(in[k], p.registers[k], "input ", k);
    strides.push_back(&in[k].strides);
  }
  const std::int64_t total = element_count(shape);
  if (total == 0) return;

  nest = loop_nest(shape, strides);
  const bool by_row = nest.rank() <= 1 || nest.shape.back() >= kMinRow;
  row = nest.rank() == 0 ? 1 : by_row ? nest.shape.back() : total;
  rows = total / row;
  if (by_row && nest.rank() > 1) outer.assign(nest.shape.begin(), nest.shape.end() - 1);

  const Extents linear = row_major_strides(nest.shape);
  const auto is_zero = [](std::int64_t stride) { return stride == 0; };
  const auto access = [&](const Extents& s) {
    if (s.empty()) return Access::direct;
    if (by_row) {
      return s.back() == 1 ? Access::direct : s.back() == 0 ? Access::splat : Access::strided;
    }
    if (s == linear) return Access::direct;
    return std::all_of(s.begin(), s.end(), is_zero) ? Access::splat : Access::nested;
  };

  std::vector<int> last_read(p.registers.size(), -1);
  for (std::size_t k = 0; k < p.code.size(); ++k) {
    for (int a = 0; a < info(p.code[k].op).arity; ++a)
      last_read[p.code[k].in[a]] = static_cast<int>(k);
  }
  for (std::size_t k = 0; k < in.size(); ++k) {
    const Extents& s = nest.strides[out.size() + k];
    const int reg = static_cast<int>(k);
    const bool is_output = std::find(p.outputs.begin(), p.outputs.end(), reg) != p.outputs.end();
    if (last_read[reg] < 0 && !is_output) continue;
    const bool varies = !s.empty() && !std::all_of(s.begin(), s.end() - 1, is_zero);
    // An operand that is also an output might be overwritten, in place, by another output.
    const bool copied = is_output && out.size() > 1;
    operands.push_back(
        {reg, access(s), copied, varies, size_of(p.registers[reg]), s.empty() ? 1 : s.back(), &s});
  }

  std::vector<int> written_at(p.registers.size(), -1);
  for (std::size_t k = 0; k < p.code.size(); ++k) written_at[p.code[k].out] = static_cast<int>(k);
  std::vector<bool> placed(p.registers.size(), false);
  for (std::size_t k = 0; k < out.size(); ++k) {
    const int reg = p.outputs[k];
    const Extents& s = nest.strides[k];
    Result r{reg, access(s), false, size_of(p.registers[reg]), s.empty() ? 1 : s.back(), &s};
    if (r.access == Access::splat) fail("output " + std::to_string(k) + " has a stride of 0");
    r.in_place = r.access == Access::direct && written_at[reg] >= 0 && !placed[reg];
    for (const Operand& o : operands) {  // possibly the same memory, and read later
      if (o.access == Access::direct && !o.copied && last_read[o.reg] > written_at[reg]) {
        r.in_place = false;
      }
    }
    if (r.in_place) placed[reg] = true;
    results.push_back(r);
  }
  for (const ElementwiseInstruction& i : p.code) code.push_back({resolve(p, i), i.in, i.out});

  assign_slots(p);
  for (const ElementwiseConstant& c : p.constants) {
    const std::size_t size = size_of(p.registers[c.reg]);
    const std::size_t offset = (constants.size() + 63) / 64 * 64;
    constants.resize(offset + size * static_cast<std::size_t>(std::min(block, row)));
    constant_offsets.emplace_back(c.reg, offset);
    move_elements(size, constants.data() + offset, 1, c.bits.data(), 0, std::min(block, row));
  }
}

// Linear scan: a slot is free again after the last instruction that reads its register.
void ElementwiseKernel::Plan::assign_slots(const ElementwiseProgram& p) {
  constexpr int never = -1;
  const int end = static_cast<int>(p.code.size());
  std::vector<int> last(p.registers.size(), never);
  for (int k = 0; k < end; ++k) {
    for (int a = 0; a < info(p.code[k].op).arity; ++a) last[p.code[k].in[a]] = k;
  }
  std::vector<bool> needs_slot(p.registers.size(), false);
  std::size_t widest = 1;
  for (const Operand& o : operands) {
    if (o.access == Access::direct && !o.copied) continue;
    needs_slot[o.reg] = true;
    if (o.access == Access::splat) last[o.reg] = end;  // kept from block to block
    widest = std::max(widest, o.size);
  }
  for (const ElementwiseInstruction& i : p.code) needs_slot[i.out] = true;
  for (const Result& r : results) {
    if (r.in_place)
      needs_slot[r.reg] = false;
    else
      last[r.reg] = end;
  }
  slots.assign(p.registers.size(), -1);
  std::vector<int> free;
  int count = 0;
  const auto take = [&](int reg) {
    if (!needs_slot[reg]) return;
    widest = std::max(widest, size_of(p.registers[reg]));
    if (free.empty()) free.push_back(count++);
    slots[reg] = free.back();
    free.pop_back();
  };
  const auto release = [&](int reg) {
    if (slots[reg] < 0 || !needs_slot[reg]) return;
    free.push_back(slots[reg]);
    needs_slot[reg] = false;  // once
  };
  for (const Operand& o : operands) take(o.reg);
  for (int k = 0; k < end; ++k) {
    const ElementwiseInstruction& i = p.code[k];
    const std::size_t size = size_of(p.registers[i.out]);
    const auto dying = [&](bool same_size) {
      for (int a = 0; a < info(i.op).arity; ++a) {
        if (last[i.in[a]] == k && (size_of(p.registers[i.in[a]]) == size) == same_size) {
          release(i.in[a]);
        }
      }
    };
    dying(true);  // a loop may write over an operand of the same element size
    take(i.out);
    dying(false);
    if (last[i.out] == never) release(i.out);
  }
  const std::int64_t per_element = static_cast<std::int64_t>(widest) * std::max(count, 1);
  block = kMaxBlock;
  while (block > kMinBlock && block * per_element > kScratchBytes) block /= 2;
  slot_bytes = (static_cast<std::size_t>(std::min(block, row)) * widest + 63) / 64 * 64;
  const std::size_t pointers = p.registers.size() + nest.strides.size();
  scratch_bytes =
      (pointers * sizeof(void*) + 63) / 64 * 64 + static_cast<std::size_t>(count) * slot_bytes;
}

// Elements start ... start + n of a block that spans rows, run by run of the innermost dim.
void ElementwiseKernel::Plan::move_nested(std::size_t size, const Extents& strides,
                                          std::int64_t start, std::int64_t n, std::byte* view,
                                          std::byte* buffer, bool load) const {
  const std::size_t rank = nest.rank();
  std::array<std::int64_t, kMaxRank> index;
  std::int64_t rest = start, offset = 0;
  for (std::size_t dim = rank; dim-- > 0;) {
    index[dim] = rest % nest.shape[dim];
    rest /= nest.shape[dim];
    offset += index[dim] * strides[dim];
  }
  const std::int64_t width = nest.shape[rank - 1], stride = strides[rank - 1];
  const auto bytes = static_cast<std::int64_t>(size);
  while (true) {
    const std::int64_t run = std::min(n, width - index[rank - 1]);
    std::byte* const at = view + offset * bytes;
    if (load)
      move_elements(size, buffer, 1, at, stride, run);
    else
      move_elements(size, at, stride, buffer, 1, run);
    n -= run;
    if (n == 0) return;
    buffer += run * bytes;
    offset -= index[rank - 1] * stride;
    index[rank - 1] = 0;
    for (std::size_t dim = rank - 1; dim-- > 0;) {
      offset += strides[dim];
      if (++index[dim] < nest.shape[dim]) break;
      offset -= strides[dim] * nest.shape[dim];
      index[dim] = 0;
    }
  }
}

ElementwiseKernel::ElementwiseKernel(const ElementwiseProgram& program,
                                     std::span<const ConstView> in, std::span<const View> out) {
  validate(program);
  auto plan = std::make_unique<Plan>();
  plan->bind(program, in, out);
  plan_ = std::move(plan);
}

ElementwiseKernel::~ElementwiseKernel() = default;
ElementwiseKernel::ElementwiseKernel(ElementwiseKernel&&) noexcept = default;
ElementwiseKernel& ElementwiseKernel::operator=(ElementwiseKernel&&) noexcept = default;

void ElementwiseKernel::run(const void* const* in, void* const* out) const {
  using Access = Plan::Access;
  const Plan& p = *plan_;
  if (p.rows == 0) return;

  // Scratch memory: the registers' addresses, the views' offsets in this row, the slots.
  std::byte* const memory = scratch(p.scratch_bytes);
  const std::size_t n_registers = p.slots.size(), n_views = p.nest.strides.size();
  std::byte** const registers = reinterpret_cast<std::byte**>(memory);
  std::int64_t* const offsets = reinterpret_cast<std::int64_t*>(registers + n_registers);
  std::byte* const slots = memory + ((n_registers + n_views) * sizeof(void*) + 63) / 64 * 64;
  for (std::size_t r = 0; r < n_registers; ++r) {
    registers[r] = slots + static_cast<std::size_t>(std::max(p.slots[r], 0)) * p.slot_bytes;
  }
  for (const auto& [reg, offset] : p.constant_offsets) {
    registers[reg] = const_cast<std::byte*>(p.constants.data()) + offset;  // only read
  }
  std::fill(offsets, offsets + n_views, 0);
  std::array<std::int64_t, kMaxRank> index;
  std::fill_n(index.begin(), p.outer.size(), 0);
  const std::size_t n_results = p.results.size();

  for (std::int64_t row = 0;;) {
    for (std::int64_t start = 0; start < p.row; start += p.block) {
      const std::int64_t n = std::min(p.block, p.row - start);
      for (const Plan::Operand& o : p.operands) {
        const auto size = static_cast<std::int64_t>(o.size);
        std::byte* const base = static_cast<std::byte*>(const_cast<void*>(in[o.reg])) +
                                offsets[n_results + static_cast<std::size_t>(o.reg)] * size;
        switch (o.access) {
          case Access::direct:
            if (o.copied)
              std::memcpy(registers[o.reg], base + start * size,
                          o.size * static_cast<std::size_t>(n));
            else
              registers[o.reg] = base + start * size;
            break;
          case Access::splat:
            if (start == 0 && (row == 0 || o.varies)) {
              move_elements(o.size, registers[o.reg], 1, base, 0, std::min(p.block, p.row));
            }
            break;
          case Access::strided:
            move_elements(o.size, registers[o.reg], 1, base + start * o.stride * size, o.stride, n);
            break;
          case Access::nested:
            p.move_nested(o.size, *o.strides, start, n, base, registers[o.reg], true);
            break;
        }
      }
      for (std::size_t k = 0; k < n_results; ++k) {
        const Plan::Result& r = p.results[k];
        if (!r.in_place) continue;
        registers[r.reg] = static_cast<std::byte*>(out[k]) +
                           (offsets[k] + start) * static_cast<std::int64_t>(r.size);
      }
      for (const Plan::Step& step : p.code) {
        const void* const operands[] = {registers[step.in[0]], registers[step.in[1]],
                                        registers[step.in[2]]};
        step.loop(operands, registers[step.out], n);
      }
      for (std::size_t k = 0; k < n_results; ++k) {
        const Plan::Result& r = p.results[k];
        if (r.in_place) continue;
        const auto size = static_cast<std::int64_t>(r.size);
        std::byte* const base = static_cast<std::byte*>(out[k]) + offsets[k] * size;
        if (r.access == Access::nested) {
          p.move_nested(r.size, *r.strides, start, n, base, registers[r.reg], false);
        } else {
          move_elements(r.size, base + start * r.stride * size, r.stride, registers[r.reg], 1, n);
        }
      }
    }
    if (++row == p.rows) return;
    for (std::size_t dim = p.outer.size(); dim-- > 0;) {
      const bool wraps = ++index[dim] == p.outer[dim];
      for (std::size_t v = 0; v < n_views; ++v) {
        const std::int64_t stride = p.nest.strides[v][dim];
        offsets[v] += wraps ? stride * (1 - p.outer[dim]) : stride;
      }
      if (!wraps) break;
      index[dim] = 0;
    }
  }
}

void run(const ElementwiseProgram& program, std::span<const ConstView> in,
         std::span<const View> out) {
  const ElementwiseKernel kernel(program, in, out);
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (const ConstView& view : in) inputs.push_back(view.data);
  for (const View& view : out) outputs.push_back(view.data);
  kernel.run(inputs.data(), outputs.data());
}

void apply(Op op, std::span<const ConstView> in, const View& out) {
  ElementwiseProgram program;
  ElementwiseInstruction instruction{op, {}, static_cast<int>(in.size())};
  if (static_cast<int>(in.size()) != info(op).arity || in.size() > 3) {
    fail(text(info(op).name) + " takes " + std::to_string(info(op).arity) + " operands, not " +
         std::to_string(in.size()));
  }
  for (std::size_t k = 0; k < in.size(); ++k) {
    program.registers.push_back(in[k].dtype);
    instruction.in[k] = static_cast<int>(k);
  }
  program.n_inputs = static_cast<int>(in.size());
  program.registers.push_back(out.dtype);
  program.code = {instruction};
  program.outputs = {instruction.out};
  run(program, in, {{out}});
}

}  // namespace gemmule::kernels
