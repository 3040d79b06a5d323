// A part of the graph that runs block of rows by block of rows.
#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "cpu/program.h"
#include "cpu/step.h"
#include "kernels/blas.h"
#include "kernels/fold_loops.h"
#include "kernels/movement.h"
#include "kernels/workers.h"
#include "plan/cost.h"
#include "plan/prepare.h"

namespace gemmule::cpu {
namespace {

// Flops and words of memory from which threads share the blocks: some milliseconds. One chain of a model stays on its
// thread, for others run the other chains.
constexpr double kWorkOfThreads = 2e7;

class RowBlocks : public Step {
 public:
  explicit RowBlocks(const StepContext& context) : operands_(context.count()) {
    const Attributes& attributes = context.node.attributes;
    const Integers& operand_axes = attributes.integers("operand_axes");
    const Integers& result_axes = attributes.integers("result_axes");
    for (int i = 0; i < operands_; ++i) {
      const Layout& layout = context.operands[i];
      if (operand_axes[i] >= 0) rows_ = layout.shape[operand_axes[i]];
      operand_steps_.push_back(operand_axes[i] < 0 ? 0 : step_of_rows(layout, operand_axes[i]));
    }
    block_ = std::max<std::int64_t>(1, std::min(attributes.integer("block"), rows_));
    full_.emplace(context, operand_axes, block_);
    if (rows_ % block_ != 0) rest_.emplace(context, operand_axes, rows_ % block_);
    if (rows_ == 0) full_.emplace(context, operand_axes, 0);

    std::size_t bytes = 0;
    for (std::size_t i = 0; i < context.results.size(); ++i) {
      results_.push_back(result_of(context, static_cast<int>(i), static_cast<int>(result_axes[i]), bytes));
    }
    parts_.resize(number_of_parts());
    for (Part& part : parts_) {
      part.scratch.resize(bytes);
      part.inputs.resize(context.operands.size());
      part.outputs.resize(context.results.size());
    }
  }

  void run(void* const* address) override {
    if (parts_.size() == 1) return run_part(address, 0);
    kernels::run_parts(static_cast<int>(parts_.size()), [&](int part) { run_part(address, part); });
    for (std::size_t part = 1; part < parts_.size(); ++part) {
      for (std::size_t i = 0; i < results_.size(); ++i) {
        const Result& result = results_[i];
        if (result.sum) result.add(address[operands_ + static_cast<int>(i)], parts_[part].scratch.data() + result.total, result.count);
      }
    }
  }

 private:
  // The body for one number of rows.
  struct Block {
    CpuProgram program;
    std::vector<std::optional<kernels::CopyKernel>> stores;  // of results whose rows are not contiguous

    Block(const StepContext& context, const Integers& operand_axes, std::int64_t rows)
        : program(body(context, rows), options(context, operand_axes)) {
      const Integers& result_axes = context.node.attributes.integers("result_axes");
      for (std::size_t i = 0; i < context.results.size(); ++i) {
        stores.emplace_back();
        if (result_axes[i] < 1) continue;
        const Layout& block = program.plan().outputs[i];
        View to{nullptr, block.dtype, block.shape, context.results[i].strides};
        stores.back().emplace(ConstView{nullptr, block.dtype, block.shape, block.strides}, to);
      }
    }

    static Graph body(const StepContext& context, std::int64_t rows) {
      std::vector<Type> types;
      for (const Layout& operand : context.operands) types.push_back(static_type(operand.dtype, operand.shape));
      return row_block_body(context.node, types, rows);
    }

    static PlanOptions options(const StepContext& context, const Integers& operand_axes) {
      PlanOptions options;
      for (std::size_t i = 0; i < context.operands.size(); ++i) {
        const Layout& layout = context.operands[i];
        const bool dense = operand_axes[i] < 1 && layout.is_row_major();
        options.input_strides.push_back(dense ? Extents{} : layout.strides);
      }
      return options;
    }
  };

  struct Result {
    std::int64_t step = 0;     // bytes between rows; of a sum 0
    bool sum = false;
    bool stored = false;       // by the block's own copy
    std::size_t scratch = 0;   // where a block's part is before it is added or stored
    std::size_t total = 0;     // where the sum of a part of the blocks is, but that of the first part
    std::int64_t count = 0;    // elements of a sum
    std::size_t bytes = 0;
    void (*add)(void* to, const void* x, std::int64_t n) = nullptr;
  };

  static std::int64_t step_of_rows(const Layout& layout, std::int64_t axis) {
    return layout.strides[axis] * static_cast<std::int64_t>(size_of(layout.dtype));
  }

  Result result_of(const StepContext& context, int i, int axis, std::size_t& scratch) const {
    const Layout& layout = context.results[i];
    Result result;
    result.sum = axis < 0;
    result.stored = axis > 0;
    result.scratch = scratch;
    if (!result.sum) result.step = step_of_rows(layout, axis);
    if (result.sum) {
      result.count = layout.count();
      result.bytes = static_cast<std::size_t>(result.count) * size_of(layout.dtype);
      result.add = kernels::fold_loops(Op::add, layout.dtype).combine;
      scratch += (result.bytes + 63) / 64 * 64;
      result.total = scratch;
      scratch += (result.bytes + 63) / 64 * 64;
    }
    if (result.stored) {
      const auto block = static_cast<std::size_t>(full_->program.plan().outputs[i].count());
      scratch += (block * size_of(layout.dtype) + 63) / 64 * 64;
    }
    return result;
  }

  // Consecutive blocks that one thread runs, in memory of their own.
  struct Part {
    std::vector<std::byte> scratch;
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
  };

  std::int64_t blocks() const { return std::max<std::int64_t>(1, (rows_ + block_ - 1) / block_); }

  // The same for every call, so that results do not depend on who else computes.
  std::size_t number_of_parts() const {
    const double work = work_of(full_->program.graph()) * static_cast<double>(blocks());
    if (work < kWorkOfThreads) return 1;
    return static_cast<std::size_t>(std::min<std::int64_t>(kernels::blas_threads(), blocks()));
  }

  void run_part(void* const* address, int index) {
    const auto parts = static_cast<std::int64_t>(parts_.size());
    const std::int64_t first = blocks() * index / parts, end = blocks() * (index + 1) / parts;
    for (std::int64_t block = first; block < end; ++block) {
      const std::int64_t row = block * block_;
      const bool whole = row + block_ <= rows_ || rows_ == 0;
      run_block(address, whole ? *full_ : *rest_, row, index, block == first);
    }
  }

  void run_block(void* const* address, const Block& block, std::int64_t row, int index, bool is_first) {
    Part& part = parts_[static_cast<std::size_t>(index)];
    for (int i = 0; i < operands_; ++i) {
      part.inputs[i] = static_cast<const std::byte*>(address[i]) + row * operand_steps_[i];
    }
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const Result& result = results_[i];
      std::byte* const whole = static_cast<std::byte*>(address[operands_ + static_cast<int>(i)]);
      // The first block's part of a sum goes where the others are added.
      if (result.sum) {
        part.outputs[i] = is_first ? total(address, i, index) : part.scratch.data() + result.scratch;
      } else {
        part.outputs[i] = result.stored ? part.scratch.data() + result.scratch : whole + row * result.step;
      }
    }
    block.program.run(part.inputs.data(), part.outputs.data());
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const Result& result = results_[i];
      std::byte* const whole = static_cast<std::byte*>(address[operands_ + static_cast<int>(i)]);
      if (result.sum && !is_first) result.add(total(address, i, index), part.outputs[i], result.count);
      if (result.stored) block.stores[i]->run(part.outputs[i], whole + row * result.step);
    }
  }

  std::byte* total(void* const* address, std::size_t i, int index) {
    if (index == 0) return static_cast<std::byte*>(address[operands_ + static_cast<int>(i)]);
    return parts_[static_cast<std::size_t>(index)].scratch.data() + results_[i].total;
  }

  int operands_;
  std::int64_t rows_ = 0, block_ = 1;
  std::vector<std::int64_t> operand_steps_;
  std::optional<Block> full_, rest_;
  std::vector<Result> results_;
  std::vector<Part> parts_;
};

}  // namespace

std::unique_ptr<Step> make_row_blocks(const StepContext& context) { return std::make_unique<RowBlocks>(context); }

}  // namespace gemmule::cpu
