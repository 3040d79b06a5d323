// Running a bound pass.
#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "kernels/elementwise_plan.h"
#include "kernels/scratch.h"

namespace gemmule::kernels {
namespace {

using Reduction = ElementwisePlan::Reduction;

// Blocks that are added one after the other before their sum joins the others.
constexpr std::int64_t kGroup = 64;

// Scratch memory up to this size is on the stack.
constexpr std::size_t kLocalBytes = 8 << 10;

// Elements of a size whatever their type.
template <class Bits>
struct __attribute__((packed, may_alias)) Opaque {
  Bits bits;
};
struct Words {
  std::uint64_t words[2];
};

// Whole rows of a view to or from a buffer: short ones do not pay for a call each.
template <class T, int Stride>  // -1: any
void load_rows(const T* at, std::int64_t row_stride, std::int64_t stride, T* to, std::int64_t rows,
               std::int64_t width) {
  if constexpr (Stride >= 0) stride = Stride;
  for (std::int64_t i = 0; i < rows; ++i, at += row_stride, to += width) {
    for (std::int64_t j = 0; j < width; ++j) to[j] = at[j * stride];
  }
}

template <class T>
void move_rows(std::byte* view, std::int64_t row_stride, std::int64_t stride, std::byte* buffer,
               std::int64_t rows, std::int64_t width, bool load) {
  T* const at = reinterpret_cast<T*>(view);
  T* const packed = reinterpret_cast<T*>(buffer);
  if (width >= 64) {
    for (std::int64_t i = 0; i < rows; ++i) {
      if (load)
        move_elements(sizeof(T), packed + i * width, 1, at + i * row_stride, stride, width);
      else
        move_elements(sizeof(T), at + i * row_stride, stride, packed + i * width, 1, width);
    }
  } else if (load) {
    const auto loads = stride == 0   ? load_rows<T, 0>
                       : stride == 1 ? load_rows<T, 1>
                                     : load_rows<T, -1>;
    loads(at, row_stride, stride, packed, rows, width);
  } else {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < width; ++j) {
        at[i * row_stride + j * stride] = packed[i * width + j];
      }
    }
  }
}

// Elements start ... start + n of a view of several dims, row by row, to or from `buffer`: whole
// rows of the innermost dim together.
template <class T>
void move_nested_typed(std::span<const std::int64_t> shape, std::span<const std::int64_t> strides,
                       std::int64_t start, std::int64_t n, std::byte* view, std::byte* buffer,
                       bool load) {
  const std::size_t rank = shape.size();
  constexpr auto size = static_cast<std::int64_t>(sizeof(T));
  std::array<std::int64_t, kMaxRank> index;
  std::int64_t rest = start, offset = 0;
  for (std::size_t dim = rank; dim-- > 0;) {
    index[dim] = rest % shape[dim];
    rest /= shape[dim];
    offset += index[dim] * strides[dim];
  }
  const std::int64_t width = shape[rank - 1], stride = strides[rank - 1];
  const std::int64_t height = shape[rank - 2], row_stride = strides[rank - 2];
  while (true) {
    // The rest of a row, or rows up to the end of the dim around.
    const std::int64_t column = index[rank - 1];
    const bool whole = column == 0 && n >= width;
    const std::int64_t rows = whole ? std::min(n / width, height - index[rank - 2]) : 1;
    const std::int64_t run = whole ? width : std::min(n, width - column);
    move_rows<T>(view + offset * size, row_stride, stride, buffer, rows, run, load);
    n -= rows * run;
    if (n == 0) return;
    buffer += rows * run * size;
    offset += rows * row_stride - column * stride;
    index[rank - 1] = 0;
    index[rank - 2] += rows;
    for (std::size_t dim = rank - 1; dim-- > 0;) {
      if (index[dim] < shape[dim]) break;
      offset -= strides[dim] * shape[dim];
      index[dim] = 0;
      if (dim == 0) break;
      offset += strides[dim - 1];
      ++index[dim - 1];
    }
  }
}

void move_nested(std::span<const std::int64_t> shape, std::span<const std::int64_t> strides,
                 std::int64_t size, std::int64_t start, std::int64_t n, std::byte* view,
                 std::byte* buffer, bool load) {
  switch (size) {
    case 1:
      return move_nested_typed<Opaque<std::uint8_t>>(shape, strides, start, n, view, buffer, load);
    case 2:
      return move_nested_typed<Opaque<std::uint16_t>>(shape, strides, start, n, view, buffer, load);
    case 4:
      return move_nested_typed<Opaque<std::uint32_t>>(shape, strides, start, n, view, buffer, load);
    case 8:
      return move_nested_typed<Opaque<std::uint64_t>>(shape, strides, start, n, view, buffer, load);
    default:
      return move_nested_typed<Opaque<Words>>(shape, strides, start, n, view, buffer, load);
  }
}

// Folds rows of `width` elements, `n` elements in all, into to[0 ... width), halving their number
// each time. `x` may be `to`.
void fold_periods(Loop combine, std::int64_t size, const std::byte* x, std::byte* to,
                  std::int64_t n, std::int64_t width) {
  std::int64_t rows = n / width;
  if (rows == 1 && x != to) std::memcpy(to, x, static_cast<std::size_t>(width * size));
  while (rows > 1) {
    const std::int64_t half = rows / 2, rest = rows - half;
    if (rest > half && x != to) {
      std::memcpy(to + half * width * size, x + half * width * size,
                  static_cast<std::size_t>(width * size));
    }
    const void* const operands[] = {x, x + rest * width * size, nullptr};
    combine(operands, to, half * width);
    x = to;
    rows = rest;
  }
}

// The partial results of one block of a reduction over rows, and their place.
struct Rows {
  ElementwiseRows& state;
  std::byte *partial, *total;
};

// `Single`: one block is the whole pass.
template <bool Single>
class Pass {
 public:
  Pass(const ElementwisePlan& plan, const void* const* in, void* const* out, std::byte* memory)
      : p_(plan),
        in_(in),
        out_(out),
        memory_(memory),
        registers_(reinterpret_cast<std::byte**>(memory)) {
    for (const auto& [reg, place] : p_.slots) registers_[reg] = memory + place;
    for (const auto& [reg, place] : p_.literals) {
      registers_[reg] = const_cast<std::byte*>(p_.constants.data()) + place;  // only read
    }
  }

  void run() {
    if constexpr (Single) {
      load(0, p_.row);
      execute(p_.once, p_.row);
      compute(0, p_.row);
    } else {
      begin();
      if (p_.panels) {
        for (std::int64_t start = 0; start < p_.row; start += p_.block) {
          const std::int64_t n = std::min(p_.block, p_.row - start);
          do run_block(start, n, true);
          while (advance());
        }
      } else {
        do {
          for (std::int64_t start = 0; start < p_.row; start += p_.block) {
            run_block(start, std::min(p_.block, p_.row - start), start == 0);
          }
        } while (advance());
      }
    }
  }

 private:
  void begin() {
    offsets_ = reinterpret_cast<std::int64_t*>(memory_ + p_.offsets);
    std::fill_n(offsets_, p_.nest.strides.size(), 0);
    std::fill_n(index_.begin(), p_.n_outer, 0);
    at_end_ = 0;
    for (const Reduction& r : p_.reductions) {
      if (r.form == ReductionForm::all)
        new (memory_ + r.state) Pairwise(r.loops, static_cast<std::size_t>(r.size));
      else if (r.grouped)
        for (std::int64_t start = 0; start < (r.by_block ? p_.row : 1); start += p_.block) {
          new (&rows_of(r, start).state) ElementwiseRows;
        }
    }
    for (const ElementwisePlan::Operand& o : p_.operands) {
      if (o.access == Access::scalar) registers_[o.reg] = input(o.reg);
    }
    execute(p_.once, p_.block);
  }

  // To the next position of the outer dims; false behind the last one, at the first one again.
  bool advance() {
    for (std::size_t dim = p_.n_outer; dim-- > 0;) {
      const std::int64_t size = p_.nest.shape[dim];
      const std::uint64_t bit = std::uint64_t{1} << dim;
      const bool wraps = ++index_[dim] == size;
      for (std::size_t v = 0; v < p_.nest.strides.size(); ++v) {
        const std::int64_t stride = p_.nest.strides[v][dim];
        offsets_[v] += wraps ? stride * (1 - size) : stride;
      }
      if (wraps) {
        index_[dim] = 0;
        moved_ &= ~bit;
        at_end_ &= ~bit;
      } else {
        moved_ |= bit;
        if (index_[dim] == size - 1) at_end_ |= bit;
        return true;
      }
    }
    return false;
  }

  std::byte* input(int reg) const { return static_cast<std::byte*>(const_cast<void*>(in_[reg])); }
  std::byte* at(void* data, std::size_t view, std::int64_t size) const {
    if constexpr (Single)
      return static_cast<std::byte*>(data);
    else
      return static_cast<std::byte*>(data) + offsets_[view] * size;
  }

  void run_block(std::int64_t start, std::int64_t n, bool begins_row) {
    load(start, n);
    if (begins_row) execute(p_.per_row, p_.block);
    compute(start, n);
  }

  void load(std::int64_t start, std::int64_t n) {
    for (const ElementwisePlan::Operand& o : p_.operands) {
      std::byte* const base = at(input(o.reg), o.view, o.size);
      switch (o.access) {
        case Access::direct:
          if (o.copied)
            std::memcpy(registers_[o.reg], base + start * o.size,
                        static_cast<std::size_t>(n * o.size));
          else
            registers_[o.reg] = base + start * o.size;
          break;
        case Access::scalar:
          registers_[o.reg] = base;
          break;
        case Access::strided:
          move_elements(static_cast<std::size_t>(o.size), registers_[o.reg], 1,
                        base + start * o.stride * o.size, o.stride, n);
          break;
        case Access::nested:
          if (o.repeats && start > 0) break;  // the block holds it already
          move_nested(p_.row_shape(), row_strides(o.view), o.size, start, n, base,
                      registers_[o.reg], true);
          break;
      }
    }
  }

  std::span<const std::int64_t> row_strides(std::size_t view) const {
    return std::span(p_.nest.strides[view]).subspan(p_.n_outer);
  }

  void execute(const std::vector<ElementwisePlan::Step>& steps, std::int64_t n) {
    for (const ElementwisePlan::Step& step : steps) {
      const void* const operands[] = {registers_[step.in[0]], registers_[step.in[1]],
                                      registers_[step.in[2]]};
      step.loop(operands, registers_[step.out], step.single ? 1 : n);
    }
  }

  void compute(std::int64_t start, std::int64_t n) {
    std::uint64_t stored = 0;  // results that are where they belong
    for (std::size_t k = 0; k < p_.results.size(); ++k) {
      const ElementwisePlan::Result& r = p_.results[k];
      if (!r.placed) continue;
      void* const out = out_[r.output];
      const bool overwrites = std::any_of(r.hazards.begin(), r.hazards.end(),
                                          [&](int input) { return in_[input] == out; });
      if (overwrites) {
        registers_[r.reg] = slot_of(r.reg);
        continue;
      }
      registers_[r.reg] = at(out, r.view, r.size) + start * r.size;
      stored |= std::uint64_t{1} << k;
    }
    execute(p_.code, n);
    for (const Reduction& r : p_.reductions) reduce(r, start, n);
    for (std::size_t k = 0; k < p_.results.size(); ++k) {
      const ElementwisePlan::Result& r = p_.results[k];
      if (r.placed && (stored >> k & 1)) continue;
      const auto size = static_cast<std::size_t>(r.size);
      std::byte* const base = at(out_[r.output], r.view, r.size);
      if (r.access == Access::nested) {
        move_nested(p_.row_shape(), row_strides(r.view), r.size, start, n, base, registers_[r.reg],
                    false);
      } else {
        move_elements(size, base + start * r.stride * r.size, r.stride, registers_[r.reg], 1, n);
      }
    }
  }

  // Only read when hazards are not empty: then the register has one.
  std::byte* slot_of(int reg) const {
    for (const auto& [slot, place] : p_.slots) {
      if (slot == reg) return memory_ + place;
    }
    return nullptr;
  }

  void reduce(const Reduction& r, std::int64_t start, std::int64_t n) {
    const std::byte* const x = registers_[r.reg];
    if constexpr (Single) {
      switch (r.form) {
        case ReductionForm::all:
          return r.loops.fold(x, out_[r.output], n);
        case ReductionForm::segments:
          r.loops.fold_segments(x, memory_ + r.partial, n / r.length, r.length);
          return finish(r, 0, n / r.length, memory_ + r.partial);
        default:
          fold_periods(r.combine, r.size, x, memory_ + r.partial, n, r.length);
          return finish(r, 0, r.length, memory_ + r.partial);
      }
    }
    switch (r.form) {
      case ReductionForm::all: {
        Pairwise& sum = *reinterpret_cast<Pairwise*>(memory_ + r.state);
        alignas(16) std::array<std::byte, 16> partial;
        r.loops.fold(x, partial.data(), n);
        const bool ends = is_complete(r) && start + n == p_.row;
        if (ends && sum.empty()) return finish(r, 0, 1, partial.data());
        sum.add(partial.data());
        if (ends) finish(r, 0, 1, static_cast<const std::byte*>(sum.result()));
        return;
      }
      case ReductionForm::segments:
        r.loops.fold_segments(x, memory_ + r.partial, n / r.length, r.length);
        return finish(r, start / r.length, n / r.length, memory_ + r.partial);
      case ReductionForm::periodic: {
        const Rows rows = rows_of(r, 0);
        add_rows(r, rows, x, n, r.length);
        if (is_complete(r) && start + n == p_.row) finish(r, 0, r.length, total(r, rows, r.length));
        return;
      }
      case ReductionForm::none: {
        if (!r.grouped) return finish(r, start, n, x);
        const Rows rows = rows_of(r, start);
        add_rows(r, rows, x, n, n);
        if (is_complete(r)) finish(r, start, n, total(r, rows, n));
      }
    }
  }

  bool is_complete(const Reduction& r) const { return (r.period & ~at_end_) == 0; }

  Rows rows_of(const Reduction& r, std::int64_t start) {
    if (!r.by_block) start = 0;
    auto* const states = reinterpret_cast<ElementwiseRows*>(memory_ + r.state);
    return {states[start / p_.block], memory_ + r.partial + start * r.size,
            memory_ + r.total + start * r.size};
  }

  void add_rows(const Reduction& r, const Rows& rows, const std::byte* x, std::int64_t n,
                std::int64_t width) {
    if (rows.state.pending > 0 && n > rows.state.filled) join_total(r, rows, width);
    if (rows.state.pending == 0) {
      std::memcpy(rows.partial, x, static_cast<std::size_t>(n * r.size));
      rows.state.filled = n;
    } else {
      const void* const operands[] = {rows.partial, x, nullptr};
      r.combine(operands, rows.partial, n);
    }
    if (++rows.state.pending == kGroup) join_total(r, rows, width);
  }

  void join_total(const Reduction& r, const Rows& rows, std::int64_t width) {
    fold_periods(r.combine, r.size, rows.partial, rows.partial, rows.state.filled, width);
    if (rows.state.has_total) {
      const void* const operands[] = {rows.total, rows.partial, nullptr};
      r.combine(operands, rows.total, width);
    } else {
      std::memcpy(rows.total, rows.partial, static_cast<std::size_t>(width * r.size));
    }
    rows.state.has_total = true;
    rows.state.pending = 0;
  }

  const std::byte* total(const Reduction& r, const Rows& rows, std::int64_t width) {
    if (rows.state.pending > 0) join_total(r, rows, width);
    rows.state.has_total = false;
    return rows.total;
  }

  // Results first ... first + count of this row, from `values`, which are not those of r.total
  // unless nothing is revisited.
  void finish(const Reduction& r, std::int64_t first, std::int64_t count, const std::byte* values) {
    std::byte* const base = at(out_[r.output], r.view, r.size);
    const auto size = static_cast<std::size_t>(r.size);
    const bool joins = !Single && (moved_ & r.revisited) != 0;
    const bool nested = r.shape.size() > 1;
    const std::int64_t stride = r.shape.empty() ? 1 : r.strides[0];
    std::byte* const to = nested ? base : base + first * stride * r.size;
    if (joins && !nested && (stride == 1 || count == 1)) {
      const void* const operands[] = {to, values, nullptr};
      return r.combine(operands, to, count);
    }
    if (joins) {
      std::byte* const held = memory_ + r.partial;
      if (values == held) {
        std::memcpy(memory_ + r.total, values, static_cast<std::size_t>(count * r.size));
        values = memory_ + r.total;
      }
      if (nested)
        move_nested(r.shape, r.strides, r.size, first, count, base, held, true);
      else
        move_elements(size, held, 1, to, stride, count);
      const void* const operands[] = {held, values, nullptr};
      r.combine(operands, held, count);
      values = held;
    }
    if (nested) {
      move_nested(r.shape, r.strides, r.size, first, count, base, const_cast<std::byte*>(values),
                  false);
    } else {
      move_elements(size, to, stride, values, 1, count);
    }
  }

  const ElementwisePlan& p_;
  const void* const* in_;
  void* const* out_;
  std::byte* memory_;
  std::byte** registers_;
  std::int64_t* offsets_ = nullptr;  // of each view, of the position of the outer dims
  std::uint64_t moved_ = 0;          // outer dims whose index is not 0
  std::uint64_t at_end_ = 0;         // outer dims whose index is the last one
  std::array<std::int64_t, kMaxRank> index_;
};

}  // namespace

void ElementwiseKernel::run(const void* const* in, void* const* out) const {
  const ElementwisePlan& p = *plan_;
  if (p.scalar) return p.scalar->run(in, out);
  if (p.rows == 0) {
    for (const ElementwisePlan::Fill& fill : p.fills) {
      std::byte* const base = static_cast<std::byte*>(out[fill.output]);
      Odometer<1> position(fill.shape, {fill.strides});
      for (std::int64_t k = element_count(fill.shape); k > 0; --k, position.next()) {
        std::memcpy(base + position.offset(0) * fill.size, fill.value.data(),
                    static_cast<std::size_t>(fill.size));
      }
    }
    return;
  }
  const auto run = [&](std::byte* memory) {
    if (p.rows == 1 && p.row == p.block)
      Pass<true>(p, in, out, memory).run();
    else
      Pass<false>(p, in, out, memory).run();
  };
  if (p.scratch_bytes <= kLocalBytes) {
    alignas(64) std::byte local[kLocalBytes];
    run(local);
  } else {
    const Scratch scratch(p.scratch_bytes);
    run(scratch.as<std::byte>());
  }
}

}  // namespace gemmule::kernels
