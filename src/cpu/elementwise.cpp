// Elementwise and fused nodes, and reductions.
#include "kernels/elementwise.h"

#include <algorithm>

#include "cpu/step.h"
#include "ir/fused.h"
#include "kernels/blas.h"
#include "kernels/reduce.h"
#include "kernels/workers.h"
#include "plan/elementwise_program.h"

namespace gemmule::cpu {
namespace {

// The broadcast of all operands; ranks may differ only by 0-d ones.
Extents pass_extents(const StepContext& context) {
  Extents shape;
  for (const Layout& operand : context.operands) {
    if (operand.shape.size() > shape.size()) shape.resize(operand.shape.size(), 1);
    for (std::size_t axis = 0; axis < operand.shape.size(); ++axis) {
      if (operand.shape[axis] != 1) shape[axis] = operand.shape[axis];
    }
  }
  return shape;
}

// -- passes that threads share ---------------------------------------------------------------------

// From so much work on: about a third of a millisecond. One unit is an addition of two elements in cache.
constexpr double kWorkOfThreads = 1.5e6;
// More parts than threads: who begins late takes fewer.
constexpr int kPartsPerThread = 2;

double work_of(const kernels::ElementwiseProgram& program, const Extents& shape) {
  double units = 0;
  for (const kernels::ElementwiseInstruction& instruction : program.code) {
    const bool is_cheap = info(instruction.op).properties != OpProperties::float_only || instruction.op == Op::divide ||
                          instruction.op == Op::sqrt || instruction.op == Op::reciprocal;
    units += is_cheap ? 1 : 6;
  }
  return units * static_cast<double>(element_count(shape));
}

// The axes of the pass over which each result is reduced.
std::vector<Integers> reduced_axes(const StepContext& context) {
  std::vector<Integers> axes(context.results.size());
  if (context.node.op != Op::fused) return axes;
  const std::vector<FusedResult> results = fused_results(context.node.attributes);
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = results[i].axes;
  return axes;
}

// The first axis along which every result can be cut into `parts`; -1 where there is none.
int axis_to_cut(const Extents& shape, const std::vector<Integers>& reduced, int parts) {
  for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) {
    const auto reduces = [&](const Integers& axes) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); };
    if (shape[axis] >= 2 * parts && std::none_of(reduced.begin(), reduced.end(), reduces)) return axis;
  }
  return -1;
}

class SharedPass : public Step {
 public:
  // Cut along `axis`.
  SharedPass(const kernels::ElementwiseProgram& program, const Extents& shape, const std::vector<ConstView>& in,
             const std::vector<View>& out, const std::vector<Integers>& reduced, int axis, int parts)
      : inputs_(in.size()) {
    const std::int64_t size = shape[axis];
    // Whole cache lines, where the axis is long enough for it not to matter.
    const std::int64_t grain = size >= 256 * parts ? 64 : 1;
    const auto border = [&](int part) { return part == parts ? size : size * part / parts / grain * grain; };
    for (int part = 0; part < parts; ++part) {
      const std::int64_t first = border(part), count = border(part + 1) - first;
      std::vector<std::int64_t> offsets;
      const auto cut = [&](auto view, std::size_t at) {
        view.shape[at] = count;
        offsets.push_back(first * view.strides[at] * static_cast<std::int64_t>(size_of(view.dtype)));
        return view;
      };
      Extents part_shape = shape;
      part_shape[axis] = count;
      std::vector<ConstView> part_in;
      std::vector<View> part_out;
      for (const ConstView& view : in) part_in.push_back(cut(view, axis));
      for (std::size_t i = 0; i < out.size(); ++i) {
        const auto before = std::count_if(reduced[i].begin(), reduced[i].end(), [&](std::int64_t a) { return a < axis; });
        part_out.push_back(cut(out[i], static_cast<std::size_t>(axis - before)));
      }
      std::vector<void*> addresses(offsets.size());
      parts_.push_back({kernels::ElementwiseKernel(program, part_shape, part_in, part_out), std::move(offsets), std::move(addresses)});
    }
  }

  void run(void* const* address) override {
    kernels::run_parts(static_cast<int>(parts_.size()), [&](int i) {
      Part& part = parts_[static_cast<std::size_t>(i)];
      for (std::size_t k = 0; k < part.offsets.size(); ++k) {
        part.addresses[k] = static_cast<std::byte*>(address[k]) + part.offsets[k];
      }
      part.kernel.run(part.addresses.data(), part.addresses.data() + inputs_);
    });
  }

 private:
  struct Part {
    kernels::ElementwiseKernel kernel;
    std::vector<std::int64_t> offsets;  // bytes, of operands and results
    std::vector<void*> addresses;
  };

  std::size_t inputs_;
  std::vector<Part> parts_;
};

std::unique_ptr<Step> reduction(const StepContext& context) {
  std::vector<int> axes = context.axes("axes", static_cast<int>(context.operands[0].shape.size()));
  std::sort(axes.begin(), axes.end());
  return step_of([kernel = kernels::ReduceKernel(context.node.op, context.dtype(), context.operand(0), axes,
                                                 context.result())](void* const* address) {
    kernel.run(address[0], address[1]);
  });
}

}  // namespace

std::unique_ptr<Step> make_elementwise(const StepContext& context) {
  const Extents shape = context.node.op == Op::fused || context.count() == 0 ? pass_extents(context)
                                                                             : context.results[0].shape;
  std::vector<ConstView> in;
  std::vector<View> out;
  for (int i = 0; i < context.count(); ++i) in.push_back(context.stretched(i, shape));
  for (int i = 0; i < static_cast<int>(context.results.size()); ++i) out.push_back(context.result(i));
  const kernels::ElementwiseProgram program = elementwise_program(context.graph, context.node);
  if (work_of(program, shape) >= kWorkOfThreads) {
    const std::vector<Integers> reduced = reduced_axes(context);
    const int threads = kernels::blas_threads(), parts = kPartsPerThread * threads;
    const int axis = axis_to_cut(shape, reduced, parts);
    if (threads > 1 && axis >= 0) return std::make_unique<SharedPass>(program, shape, in, out, reduced, axis, parts);
  }
  return step_of([kernel = kernels::ElementwiseKernel(program, shape, in, out),
                  operands = context.count()](void* const* address) { kernel.run(address, address + operands); });
}

std::unique_ptr<Step> make_fused(const StepContext& context) { return make_elementwise(context); }

std::unique_ptr<Step> make_reduce_sum(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_reduce_prod(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_reduce_max(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_reduce_min(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_reduce_any(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_reduce_all(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_argmax(const StepContext& context) { return reduction(context); }
std::unique_ptr<Step> make_argmin(const StepContext& context) { return reduction(context); }

}  // namespace gemmule::cpu
