#include "kernels/elementwise_plan.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels/pair_loops.h"

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

// Blocks are as long as fits this many bytes of scratch registers, within limits: long enough to
// pay for the calls, short enough for the first-level cache, beside the operands.
constexpr std::int64_t kScratchBytes = 24 << 10, kMinBlock = 128, kMaxBlock = 512;

// Sums over outer dims keep a row of partial results up to this many elements.
constexpr std::int64_t kMaxColumns = 8192;

// Rows shorter than this are not worth a pass through the code each: they are joined, and operands
// that are not contiguous across them are gathered.
constexpr std::int64_t kMinRow = 128;

bool is_zero(std::int64_t stride) { return stride == 0; }

// The dtype that decides the loop of an instruction.
DType operand_dtype(const ElementwiseProgram& p, const ElementwiseInstruction& i) {
  return p.registers[i.in[info(i.op).result == ResultRule::select ? 1 : 0]];
}

void validate_reductions(const ElementwiseProgram& p) {
  if (p.reductions.empty()) return;
  if (p.reductions.size() != p.outputs.size()) {
    fail(std::to_string(p.reductions.size()) + " reductions for " +
         std::to_string(p.outputs.size()) + " outputs");
  }
  for (std::size_t k = 0; k < p.reductions.size(); ++k) {
    const auto& [op, axes] = p.reductions[k];
    if (op == Op::fused) continue;
    const std::string where = "output " + std::to_string(k) + " (" + text(info(op).name) + ")";
    const Op fold = fold_op(op);
    if (fold == Op::fused) fail(where + ": not a reduction");
    const bool ascending =
        std::adjacent_find(axes.begin(), axes.end(), std::greater_equal<>()) == axes.end();
    if (!ascending || (!axes.empty() && axes.front() < 0)) {
      fail(where + ": axes are not ascending from 0 on");
    }
    const DType dtype = p.registers[p.outputs[k]];
    const bool is_logical = op == Op::reduce_any || op == Op::reduce_all;
    if (fold_loops(fold, dtype).fold == nullptr || (is_logical && dtype != DType::bool_)) {
      fail(where + ": not defined for " + text(numpy_name(dtype)));
    }
  }
}

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
    const DType dtype = operand_dtype(p, i);
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
  validate_reductions(p);
}

namespace {

// How often the value of a register changes.
enum class Level : std::uint8_t { once, per_row, per_element };

// Binds step by step; the members are what later steps need from earlier ones.
class Binder {
 public:
  Binder(const ElementwiseProgram& program, const Extents& shape, std::span<const ConstView> in,
         std::span<const View> out, ElementwisePlan& plan)
      : p_(program), shape_(shape), in_(in), out_(out), plan_(plan) {}

  void run(const std::string& shape_of) {
    check_views(shape_of);
    if (element_count(shape_) == 0) return fill_identities();
    if (out_.empty()) return;  // nothing to do: rows is 0
    make_nest();
    join_rows();
    bind_operands();
    for (const ElementwiseConstant& c : p_.constants) {
      if (!is_one_element_) level_[c.reg] = Level::once;
    }
    bind_code();
    bind_outputs();
    assign_slots();
    lay_out_scratch();
    lay_out_constants();
  }

 private:
  const ElementwiseReduction& reduction(std::size_t k) const {
    static const ElementwiseReduction none;
    return p_.reductions.empty() ? none : p_.reductions[k];
  }
  bool is_reduced(std::size_t k, std::size_t dim) const {
    const auto& axes = reduction(k).axes;
    return reduction(k).op != Op::fused &&
           std::binary_search(axes.begin(), axes.end(), static_cast<int>(dim));
  }

  void check_views(const std::string& shape_of) {
    if (static_cast<int>(in_.size()) != p_.n_inputs || out_.size() != p_.outputs.size()) {
      fail("the program has " + std::to_string(p_.n_inputs) + " inputs and " +
           std::to_string(p_.outputs.size()) + " outputs, not " + std::to_string(in_.size()) +
           " and " + std::to_string(out_.size()));
    }
    if (shape_.size() > kMaxRank) fail("rank " + std::to_string(shape_.size()) + " is above 64");
    const auto check = [&](const auto& view, const Extents& shape, DType dtype, const char* what,
                           std::size_t k) {
      const std::string name = what + std::to_string(k);
      if (view.shape != shape || view.strides.size() != shape.size()) {
        fail(name + " has shape " + text(view.shape) + ", " + shape_of + " " + text(shape_));
      }
      if (view.dtype != dtype) {
        fail(name + " is " + text(numpy_name(view.dtype)) + ", its register " +
             text(numpy_name(dtype)));
      }
    };
    for (std::size_t k = 0; k < out_.size(); ++k) {
      Extents kept, strides;
      std::size_t next = 0;
      for (std::size_t dim = 0; dim < shape_.size(); ++dim) {
        const bool reduced = is_reduced(k, dim);
        if (!reduced) kept.push_back(shape_[dim]);
        const bool has_stride = !reduced && next < out_[k].strides.size();
        strides.push_back(has_stride ? out_[k].strides[next++] : 0);
      }
      const auto& axes = reduction(k).axes;
      if (!axes.empty() && axes.back() >= static_cast<int>(shape_.size())) {
        fail("output " + std::to_string(k) + " is reduced over axis " +
             std::to_string(axes.back()) + " of " + std::to_string(shape_.size()));
      }
      check(out_[k], kept, p_.registers[p_.outputs[k]], "output ", k);
      strides_.push_back(std::move(strides));
    }
    for (std::size_t k = 0; k < in_.size(); ++k) {
      check(in_[k], shape_, p_.registers[k], "input ", k);
      strides_.push_back(in_[k].strides);
    }
  }

  void fill_identities() {
    for (std::size_t k = 0; k < out_.size(); ++k) {
      if (element_count(out_[k].shape) == 0) continue;
      ElementwisePlan::Fill fill{static_cast<int>(k),
                                 static_cast<std::int64_t>(size_of(out_[k].dtype)),
                                 out_[k].shape,
                                 out_[k].strides,
                                 {}};
      write_identity(reduction(k).op, out_[k].dtype, fill.value.data());
      plan_.fills.push_back(std::move(fill));
    }
  }

  // In the memory order of outputs that are not reduced, then of the largest inputs.
  void make_nest() {
    std::vector<const Extents*> all, plain, inputs, reduced;
    for (std::size_t v = 0; v < strides_.size(); ++v) {
      all.push_back(&strides_[v]);
      const bool is_output = v < out_.size();
      (!is_output ? inputs : reduction(v).op == Op::fused ? plain : reduced).push_back(all.back());
    }
    const auto elements = [&](const Extents* strides) {
      std::int64_t count = 1;
      for (std::size_t dim = 0; dim < shape_.size(); ++dim) {
        if ((*strides)[dim] != 0) count *= shape_[dim];
      }
      return count;
    };
    std::stable_sort(inputs.begin(), inputs.end(),
                     [&](const Extents* a, const Extents* b) { return elements(a) > elements(b); });
    std::vector<const Extents*> priority = plain;
    priority.insert(priority.end(), inputs.begin(), inputs.end());
    priority.insert(priority.end(), reduced.begin(), reduced.end());
    const std::vector<std::size_t> order = memory_order(shape_, priority);
    plan_.nest = merge_dims(shape_, all, order);

    // Dims merge only where an output is reduced over all of them or none.
    reduced_.resize(out_.size());
    for (std::size_t k = 0; k < out_.size(); ++k) {
      for (std::size_t dim = 0; dim < plan_.nest.rank(); ++dim) {
        reduced_[k].push_back(plan_.nest.strides[k][dim] == 0);
      }
    }
    for (const std::size_t dim : order) {
      for (std::size_t k = 0; k < out_.size(); ++k) {
        if (strides_[k][dim] == 0 && !is_reduced(k, dim)) {
          fail("output " + std::to_string(k) + " has a stride of 0");
        }
      }
    }
  }

  bool reduces_any(std::size_t k) const {
    return std::find(reduced_[k].begin(), reduced_[k].end(), true) != reduced_[k].end();
  }

  // The form of output k within a row of the dims from `first` on, and its length; nothing for
  // patterns that have no name.
  std::optional<std::pair<ReductionForm, std::int64_t>> form(std::size_t k,
                                                             std::size_t first) const {
    const auto& reduced = reduced_[k];
    const std::size_t rank = plan_.nest.rank();
    std::int64_t inner = 1;
    std::size_t dim = rank;
    while (dim > first && reduced[dim - 1] == reduced[rank - 1]) inner *= plan_.nest.shape[--dim];
    if (dim == first) {
      const bool all = rank == first || reduced[rank - 1];
      return std::pair{all ? ReductionForm::all : ReductionForm::none, inner};
    }
    while (dim > first && reduced[dim - 1] != reduced[rank - 1]) --dim;
    if (dim > first || inner > kMinBlock) return std::nullopt;
    return std::pair{reduced[rank - 1] ? ReductionForm::segments : ReductionForm::periodic, inner};
  }

  void join_rows() {
    const std::size_t rank = plan_.nest.rank();
    const bool is_long = rank > 0 && plan_.nest.shape.back() >= kMinRow;
    std::size_t first = rank <= 1 ? 0 : is_long ? rank - 1 : 0;
    for (;; ++first) {
      alignment_ = 1;
      bool fits = true;
      for (std::size_t k = 0; k < out_.size() && fits; ++k) {
        if (!reduces_any(k)) continue;
        const auto found = form(k, first);
        fits = found.has_value();
        if (fits &&
            (found->first == ReductionForm::segments || found->first == ReductionForm::periodic)) {
          alignment_ = std::lcm(alignment_, found->second);
        }
        fits = fits && alignment_ <= kMinBlock;
      }
      if (fits) break;
    }
    plan_.n_outer = first;
    const auto begin = plan_.nest.shape.begin(), split = begin + static_cast<std::ptrdiff_t>(first);
    plan_.rows = element_count(Extents(begin, split));
    plan_.row = element_count(Extents(split, plan_.nest.shape.end()));
    is_one_element_ = plan_.row * plan_.rows == 1;
  }

  std::span<const std::int64_t> row_strides(std::size_t view) const {
    return std::span(plan_.nest.strides[view]).subspan(plan_.n_outer);
  }

  Access access(std::size_t view) const {
    const auto s = row_strides(view);
    if (is_one_element_) return Access::direct;
    if (std::all_of(s.begin(), s.end(), is_zero)) return Access::scalar;
    if (s.size() == 1) return s[0] == 1 ? Access::direct : Access::strided;
    const auto shape = plan_.row_shape();
    const Extents linear = row_major_strides(Extents(shape.begin(), shape.end()));
    return std::equal(s.begin(), s.end(), linear.begin()) ? Access::direct : Access::nested;
  }

  std::int64_t stride(std::size_t view) const {
    const auto s = row_strides(view);
    return s.empty() ? 1 : s.back();
  }

  // Whether the dims of the row along which the view goes on are the last ones and so short that
  // blocks can be multiples of them; then they will be.
  bool repeats(std::size_t view) {
    const auto s = row_strides(view);
    const auto shape = plan_.row_shape();
    const auto first = std::find_if_not(s.begin(), s.end(), is_zero) - s.begin();
    std::int64_t period = 1;
    for (std::size_t dim = static_cast<std::size_t>(first); dim < s.size(); ++dim) {
      period *= shape[dim];
    }
    if (first == 0 || period > kMinBlock || std::lcm(alignment_, period) > kMinBlock) return false;
    alignment_ = std::lcm(alignment_, period);
    return true;
  }

  int new_register(DType dtype) {
    dtypes_.push_back(dtype);
    level_.push_back(Level::per_element);
    filled_.push_back(-1);
    return static_cast<int>(dtypes_.size()) - 1;
  }

  void bind_operands() {
    dtypes_ = p_.registers;
    level_.assign(dtypes_.size(), Level::per_element);
    filled_.assign(dtypes_.size(), -1);
    std::vector<bool> used(dtypes_.size(), false);
    int plain_outputs = 0;
    for (const ElementwiseInstruction& i : p_.code) {
      for (int a = 0; a < info(i.op).arity; ++a) used[i.in[a]] = true;
    }
    std::vector<bool> is_output(dtypes_.size(), false);
    for (std::size_t k = 0; k < out_.size(); ++k) {
      used[p_.outputs[k]] = true;
      if (reduces_any(k)) continue;
      is_output[p_.outputs[k]] = true;
      ++plain_outputs;
    }
    for (std::size_t k = 0; k < in_.size(); ++k) {
      if (!used[k]) continue;
      const std::size_t view = out_.size() + k;
      const Access a = access(view);
      // An operand that is also an output might be overwritten, in place, by another output.
      const bool copied = a == Access::direct && is_output[k] && plain_outputs > 1;
      plan_.operands.push_back(
          {static_cast<int>(k), a, copied, a == Access::nested && repeats(view),
           static_cast<std::int64_t>(size_of(dtypes_[k])), stride(view), view});
      if (a != Access::scalar) continue;
      const auto outer = std::span(plan_.nest.strides[view]).first(plan_.n_outer);
      const bool varies = !std::all_of(outer.begin(), outer.end(), is_zero);
      level_[k] = varies ? Level::per_row : Level::once;
    }
  }

  std::vector<ElementwisePlan::Step>& steps(Level level) {
    return level == Level::once ? plan_.once : level == Level::per_row ? plan_.per_row : plan_.code;
  }

  // The register with a whole block of the value.
  int filled(int reg) {
    if (level_[reg] == Level::per_element) return reg;
    if (filled_[reg] >= 0) return filled_[reg];
    const int block = new_register(dtypes_[reg]);
    filled_[reg] = block;
    if (!is_constant(reg)) {
      steps(level_[reg]).push_back({fill_loop(size_of(dtypes_[reg])), {reg}, block, false});
      lasting_.push_back(block);
    }
    return block;
  }

  bool is_constant(int reg) const {
    return std::any_of(p_.constants.begin(), p_.constants.end(),
                       [reg](const ElementwiseConstant& c) { return c.reg == reg; });
  }

  void bind_code() {
    for (const ElementwiseInstruction& i : p_.code) {
      const int arity = info(i.op).arity;
      Level level = arity == 0 ? Level::per_element : Level::once;
      unsigned scalars = 0;
      for (int a = 0; a < arity; ++a) {
        level = std::max(level, level_[i.in[a]]);
        if (level_[i.in[a]] != Level::per_element) scalars |= 1u << a;
      }
      level_[i.out] = level;
      std::array<int, 3> in{};
      for (int a = 0; a < 3 && arity > 0; ++a) in[a] = i.in[a < arity ? a : 0];
      const DType dtype = operand_dtype(p_, i);
      const Loop plain =
          i.op == Op::cast ? cast_loop(dtype, p_.registers[i.out]) : loop(i.op, dtype);
      if (level != Level::per_element) {
        steps(level).push_back({plain, in, i.out, true});
        single_.push_back(i.out);
        continue;
      }
      Loop chosen = nullptr;
      for (const unsigned mask : {scalars, scalars & 6, scalars & 4, scalars & 2}) {
        if (mask == 0 || i.op == Op::cast) continue;
        chosen = scalar_operand_loop(i.op, dtype, mask);
        if (chosen == nullptr) continue;
        scalars = mask;
        break;
      }
      for (int a = 0; a < arity; ++a) {
        const bool as_scalar = chosen != nullptr && (scalars >> a & 1);
        if (!as_scalar) in[a] = filled(in[a]);
      }
      for (int a = std::max(arity, 1); a < 3; ++a) in[a] = in[0];
      plan_.code.push_back({chosen ? chosen : plain, in, i.out, false});
      halves_.push_back({i.op, dtype, arity, chosen ? scalars : 0});
    }
    join_pairs();
  }

  // What a step was made of, as long as it may become part of a pair.
  struct Half {
    Op op;
    DType dtype;
    int arity;
    unsigned scalars;
  };

  // Joins steps of which the second alone reads what the first computes.
  void join_pairs() {
    std::vector<int> uses(dtypes_.size(), 0), step_of(dtypes_.size(), -1);
    for (const int reg : p_.outputs) uses[reg] += 2;
    for (std::size_t k = 0; k < plan_.code.size(); ++k) {
      const auto& in = plan_.code[k].in;
      for (int a = 0; a < halves_[k].arity; ++a) {
        if (a == 0 || in[a] != in[0]) ++uses[in[a]];
      }
      step_of[plan_.code[k].out] = static_cast<int>(k);
    }
    std::vector<bool> gone(plan_.code.size(), false);
    for (std::size_t k = 0; k < plan_.code.size(); ++k) {
      ElementwisePlan::Step& step = plan_.code[k];
      for (int a = 0; a < halves_[k].arity && halves_[k].arity <= 2; ++a) {
        const int reg = step.in[a], from = step_of[reg];
        if (from < 0 || uses[reg] != 1 || halves_[from].arity > 2) continue;
        const bool both = halves_[k].arity == 1 || step.in[0] == step.in[1];
        const PairPlace place = both ? PairPlace::both : a == 0 ? PairPlace::left : PairPlace::right;
        const Half& first = halves_[from];
        const auto loop = pair_loop({first.op, first.scalars, halves_[k].op, place, halves_[k].scalars != 0},
                                    halves_[k].dtype);
        if (!loop) continue;
        std::array<int, 3> in = plan_.code[from].in;
        if (loop->swap) std::swap(in[0], in[1]);
        in[2] = both ? in[0] : step.in[1 - a];
        step = {loop->loop, in, step.out, false};
        halves_[k].arity = 3;
        gone[from] = true;
        break;
      }
    }
    std::size_t kept = 0;
    for (std::size_t k = 0; k < plan_.code.size(); ++k) {
      if (!gone[k]) plan_.code[kept++] = plan_.code[k];
    }
    plan_.code.resize(kept);
  }

  void bind_outputs() {
    const int end = static_cast<int>(plan_.code.size());
    written_at_.assign(dtypes_.size(), -1);
    for (int k = 0; k < end; ++k) written_at_[plan_.code[k].out] = k;
    for (std::size_t k = 0; k < out_.size(); ++k) {
      if (reduces_any(k)) add_reduction(k);
    }
    std::vector<bool> placed(dtypes_.size() + out_.size(), false);
    for (std::size_t k = 0; k < out_.size(); ++k) {
      if (reduces_any(k)) continue;
      const int reg = filled(p_.outputs[k]);
      ElementwisePlan::Result r{
          reg,       static_cast<int>(k),
          access(k), false,
          {},        static_cast<std::int64_t>(size_of(p_.registers[p_.outputs[k]])),
          stride(k), k};
      const int written = reg < static_cast<int>(written_at_.size()) ? written_at_[reg] : -1;
      r.placed =
          r.access == Access::direct && written >= 0 && !placed[reg] && plan_.results.size() < 64;
      if (r.placed) {
        placed[reg] = true;
        for (const ElementwisePlan::Operand& o : plan_.operands) {
          // Possibly the same memory, and read later.
          if (o.access == Access::direct && !o.copied && last_read(o.reg) > written) {
            r.hazards.push_back(o.reg);
          }
        }
      }
      plan_.results.push_back(std::move(r));
    }
  }

  // The step that reads the register last; behind the last one when an output is reduced from it.
  int last_read(int reg) const {
    int last = -1;
    for (std::size_t k = 0; k < plan_.code.size(); ++k) {
      const auto& in = plan_.code[k].in;
      if (std::find(in.begin(), in.end(), reg) != in.end()) last = static_cast<int>(k);
    }
    for (const ElementwisePlan::Reduction& r : plan_.reductions) {
      if (r.reg == reg) last = static_cast<int>(plan_.code.size());
    }
    return last;
  }

  void add_reduction(std::size_t k) {
    const DType dtype = out_[k].dtype;
    const Op fold = fold_op(reduction(k).op);
    const auto [form, length] = *this->form(k, plan_.n_outer);
    ElementwisePlan::Reduction r{};
    r.reg = filled(p_.outputs[k]);
    r.output = static_cast<int>(k);
    r.form = form;
    r.length = length;
    r.size = static_cast<std::int64_t>(size_of(dtype));
    r.view = k;
    r.loops = fold_loops(fold, dtype);
    r.combine = loop(fold, dtype);
    Extents shape, strides;
    for (std::size_t dim = 0; dim < plan_.nest.rank(); ++dim) {
      const bool reduces = reduced_[k][dim];
      if (dim < plan_.n_outer) {
        if (reduces) r.revisited |= std::uint64_t{1} << dim;
      } else if (!reduces) {
        shape.push_back(plan_.nest.shape[dim]);
        strides.push_back(plan_.nest.strides[k][dim]);
      }
    }
    const Extents* const views[] = {&strides};
    LoopNest kept = merge_dims(shape, views);
    r.shape = std::move(kept.shape);
    r.strides = std::move(kept.strides[0]);
    plan_.reductions.push_back(std::move(r));
  }

  // Once the block is known: which reductions wait for several rows.
  void bind_periods() {
    const std::uint64_t all_outer =
        plan_.n_outer == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << plan_.n_outer) - 1;
    bool has_columns = false, may_panel = plan_.nest.rank() - plan_.n_outer == 1;
    for (const ElementwisePlan::Reduction& r : plan_.reductions) {
      if (r.form == ReductionForm::none) has_columns = true;
      if (r.form == ReductionForm::all && r.revisited != all_outer) may_panel = false;
    }
    plan_.panels = has_columns && may_panel && plan_.row > plan_.block;
    for (ElementwisePlan::Reduction& r : plan_.reductions) {
      r.by_block = r.form == ReductionForm::none && !plan_.panels && plan_.row <= kMaxColumns;
      r.grouped = r.form == ReductionForm::periodic ||
                  (r.form == ReductionForm::none && (plan_.panels || r.by_block));
      if (!r.grouped && r.form != ReductionForm::all) continue;
      for (std::size_t dim = plan_.n_outer; dim-- > 0;) {
        const std::uint64_t bit = std::uint64_t{1} << dim;
        if ((r.revisited & bit) == 0) break;
        r.period |= bit;
        r.revisited &= ~bit;
      }
    }
  }

  // Linear scan: a slot is free again after the last instruction that reads its register.
  void assign_slots() {
    constexpr int never = -1;
    const int end = static_cast<int>(plan_.code.size());
    std::vector<int> last(dtypes_.size(), never);
    for (int k = 0; k < end; ++k) {
      for (const int reg : plan_.code[k].in) last[reg] = k;
    }
    std::vector<bool> needs_slot(dtypes_.size(), false);
    std::size_t widest = 1;
    for (const ElementwisePlan::Operand& o : plan_.operands) {
      needs_slot[o.reg] = o.access == Access::strided || o.access == Access::nested || o.copied;
      if (o.repeats) last[o.reg] = end;
    }
    for (const ElementwisePlan::Step& step : plan_.code) needs_slot[step.out] = true;
    for (const int reg : lasting_) {
      needs_slot[reg] = true;
      last[reg] = end;
    }
    for (const ElementwisePlan::Reduction& r : plan_.reductions) last[r.reg] = end;
    for (const ElementwisePlan::Result& r : plan_.results) {
      last[r.reg] = end;
      if (r.placed && r.hazards.empty()) needs_slot[r.reg] = false;
    }
    slot_.assign(dtypes_.size(), -1);
    std::vector<int> free;
    const auto take = [&](int reg) {
      if (!needs_slot[reg]) return;
      widest = std::max(widest, size_of(dtypes_[reg]));
      if (free.empty()) free.push_back(slot_count_++);
      slot_[reg] = free.back();
      free.pop_back();
    };
    const auto release = [&](int reg) {
      if (slot_[reg] < 0 || !needs_slot[reg]) return;
      free.push_back(slot_[reg]);
      needs_slot[reg] = false;  // once
    };
    for (const int reg : lasting_) take(reg);
    for (const ElementwisePlan::Operand& o : plan_.operands) take(o.reg);
    for (int k = 0; k < end; ++k) {
      const ElementwisePlan::Step& step = plan_.code[k];
      const std::size_t size = size_of(dtypes_[step.out]);
      const auto dying = [&](bool same_size) {
        for (const int reg : step.in) {
          if (last[reg] == k && (size_of(dtypes_[reg]) == size) == same_size) release(reg);
        }
      };
      dying(true);  // a loop may write over an operand of the same element size
      take(step.out);
      dying(false);
      if (last[step.out] == never) release(step.out);
    }
    const std::int64_t per_element = static_cast<std::int64_t>(widest) * std::max(slot_count_, 1);
    std::int64_t block = kMaxBlock;
    while (block > kMinBlock && block * per_element > kScratchBytes) block /= 2;
    plan_.block = std::min(plan_.row, block / alignment_ * alignment_);
    slot_bytes_ = rounded(static_cast<std::size_t>(plan_.block) * widest);
    bind_periods();
  }

  // How many blocks of a row have sums of their own.
  std::int64_t blocks(const ElementwisePlan::Reduction& r) const {
    return r.by_block ? (plan_.row + plan_.block - 1) / plan_.block : 1;
  }

  static std::size_t rounded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

  void lay_out_scratch() {
    plan_.n_registers = static_cast<int>(dtypes_.size());
    std::size_t bytes = 0;
    const auto take = [&](std::size_t size) {
      const std::size_t place = bytes;
      bytes = rounded(bytes + size);
      return place;
    };
    take(dtypes_.size() * sizeof(void*));
    plan_.offsets = take(plan_.nest.strides.size() * sizeof(std::int64_t));
    const std::size_t singles = take(single_.size() * 16);
    for (std::size_t k = 0; k < single_.size(); ++k) {
      plan_.slots.emplace_back(single_[k], singles + 16 * k);
    }
    for (ElementwisePlan::Reduction& r : plan_.reductions) {
      const std::int64_t columns = r.by_block ? plan_.row : plan_.block;
      const auto values = static_cast<std::size_t>(columns * r.size);
      if (r.form == ReductionForm::all) {
        r.state = take(sizeof(Pairwise));
      } else {
        r.state = take(sizeof(ElementwiseRows) * static_cast<std::size_t>(blocks(r)));
        r.partial = take(values);
        r.total = take(values);
      }
    }
    const std::size_t slots = take(static_cast<std::size_t>(slot_count_) * slot_bytes_);
    for (std::size_t reg = 0; reg < slot_.size(); ++reg) {
      if (slot_[reg] < 0) continue;
      plan_.slots.emplace_back(static_cast<int>(reg),
                               slots + static_cast<std::size_t>(slot_[reg]) * slot_bytes_);
    }
    plan_.scratch_bytes = bytes;
  }

  void lay_out_constants() {
    for (const ElementwiseConstant& c : p_.constants) {
      const std::size_t size = size_of(dtypes_[c.reg]);
      const auto add = [&](int reg, std::int64_t count) {
        const std::size_t place = rounded(plan_.constants.size());
        plan_.constants.resize(place + size * static_cast<std::size_t>(count));
        move_elements(size, plan_.constants.data() + place, 1, c.bits.data(), 0, count);
        plan_.literals.emplace_back(reg, place);
      };
      add(c.reg, 1);
      if (filled_[c.reg] >= 0) add(filled_[c.reg], plan_.block);
    }
  }

  const ElementwiseProgram& p_;
  const Extents& shape_;
  std::span<const ConstView> in_;
  std::span<const View> out_;
  ElementwisePlan& plan_;

  std::vector<Extents> strides_;            // of outputs, then inputs; 0 where reduced
  std::vector<std::vector<bool>> reduced_;  // dims of the nest, by output
  std::int64_t alignment_ = 1;              // blocks are multiples of it
  bool is_one_element_ = false;
  // By register: those of the program, then blocks of values that are one.
  std::vector<DType> dtypes_;
  std::vector<Level> level_;
  std::vector<int> filled_;  // its block, or -1
  std::vector<Half> halves_;  // of plan_.code
  std::vector<int> written_at_;
  std::vector<int> slot_;
  std::vector<int> single_;   // registers of one computed element
  std::vector<int> lasting_;  // registers with a slot for the whole pass
  int slot_count_ = 0;
  std::size_t slot_bytes_ = 0;
};

}  // namespace

void ElementwisePlan::bind(const ElementwiseProgram& program, const Extents& shape,
                           std::span<const ConstView> in, std::span<const View> out,
                           const std::string& shape_of) {
  Binder(program, shape, in, out, *this).run(shape_of);
}

}  // namespace gemmule::kernels
