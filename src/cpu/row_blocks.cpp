// A part of the graph that runs block of rows by block of rows.
#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "cpu/program.h"
#include "cpu/step.h"
#include "kernels/fold_loops.h"
#include "kernels/movement.h"
#include "plan/prepare.h"

namespace gemmule::cpu {
namespace {

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
    scratch_.resize(bytes);
    inputs_.resize(context.operands.size());
    outputs_.resize(context.results.size());
  }

  void run(void* const* address) override {
    if (rows_ == 0) return run_block(address, *full_, 0);
    std::int64_t row = 0;
    for (; row + block_ <= rows_; row += block_) run_block(address, *full_, row);
    if (row < rows_) run_block(address, *rest_, row);
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
    }
    if (result.stored) {
      const auto block = static_cast<std::size_t>(full_->program.plan().outputs[i].count());
      scratch += (block * size_of(layout.dtype) + 63) / 64 * 64;
    }
    return result;
  }

  void run_block(void* const* address, const Block& block, std::int64_t row) {
    for (int i = 0; i < operands_; ++i) {
      inputs_[i] = static_cast<const std::byte*>(address[i]) + row * operand_steps_[i];
    }
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const Result& result = results_[i];
      std::byte* const whole = static_cast<std::byte*>(address[operands_ + static_cast<int>(i)]);
      // The first block's part of a sum goes where the others are added.
      const bool direct = result.sum ? row == 0 : !result.stored;
      outputs_[i] = direct ? whole + row * result.step : scratch_.data() + result.scratch;
    }
    block.program.run(inputs_.data(), outputs_.data());
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const Result& result = results_[i];
      std::byte* const whole = static_cast<std::byte*>(address[operands_ + static_cast<int>(i)]);
      if (result.sum && row > 0) result.add(whole, outputs_[i], result.count);
      if (result.stored) block.stores[i]->run(outputs_[i], whole + row * result.step);
    }
  }

  int operands_;
  std::int64_t rows_ = 0, block_ = 1;
  std::vector<std::int64_t> operand_steps_;
  std::optional<Block> full_, rest_;
  std::vector<Result> results_;
  std::vector<std::byte> scratch_;
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
};

}  // namespace

std::unique_ptr<Step> make_row_blocks(const StepContext& context) { return std::make_unique<RowBlocks>(context); }

}  // namespace gemmule::cpu
