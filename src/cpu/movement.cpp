// Ops that write elements to new places, and sequences.
#include "kernels/movement.h"

#include <cstring>
#include <utility>
#include <vector>

#include "cpu/step.h"
#include "ir/error.h"
#include "kernels/elementwise.h"
#include "kernels/reduce.h"
#include "plan/evaluate.h"

namespace gemmule::cpu {
namespace {

std::int64_t bytes_per(const Layout& layout) { return static_cast<std::int64_t>(size_of(layout.dtype)); }

void* moved(void* data, std::int64_t bytes) { return static_cast<std::byte*>(data) + bytes; }

// The operands behind each other along `axis`.
class Concatenate : public Step {
 public:
  Concatenate(const StepContext& context, int axis) {
    std::int64_t start = 0;
    for (int i = 0; i < context.count(); ++i) {
      const ConstView part = context.operand(i);
      const Layout& whole = context.results[0];
      View out = context.result();
      out.shape = part.shape;
      parts_.push_back({kernels::CopyKernel(part, out), start * whole.strides[axis] * bytes_per(whole)});
      start += part.shape[axis];
    }
  }

  void run(void* const* address) override {
    const std::size_t count = parts_.size();
    for (std::size_t i = 0; i < count; ++i) parts_[i].kernel.run(address[i], moved(address[count], parts_[i].offset));
  }

 private:
  struct Part {
    kernels::CopyKernel kernel;
    std::int64_t offset;
  };
  std::vector<Part> parts_;
};

// 0-d values as a vector: no more than loads and stores.
template <class T>
std::unique_ptr<Step> stack_of(int count) {
  return step_of([count](void* const* address) {
    T* const out = static_cast<T*>(address[count]);
    for (int i = 0; i < count; ++i) std::memcpy(out + i, address[i], sizeof(T));
  });
}

// x with y set into, or added to, a slice of it.
std::unique_ptr<Step> slice_update(const StepContext& context, bool add) {
  const Layout& x = context.results[0];
  Layout target = x;
  slice_layout(target, context.graph, context.node.attributes.integers("axes"), context.node.inputs, 2);
  const View part{nullptr, target.dtype, target.shape, target.strides};
  const ConstView y = context.stretched(1, target.shape);
  const int results = context.count();
  const std::int64_t offset = target.offset - x.offset;
  kernels::CopyKernel whole(context.operand(0), context.result());
  if (!add) {
    return step_of([whole = std::move(whole), update = kernels::CopyKernel(y, part), offset,
                    results](void* const* address) {
      if (address[0] != address[results]) whole.run(address[0], address[results]);
      update.run(address[1], moved(address[results], offset));
    });
  }
  const kernels::ElementwiseProgram program{.registers = {x.dtype, x.dtype, x.dtype},
                                            .n_inputs = 2,
                                            .code = {{Op::add, {0, 1}, 2}},
                                            .outputs = {2},
                                            .constants = {}};
  const std::vector<ConstView> in{part, y};
  return step_of([whole = std::move(whole),
                  update = kernels::ElementwiseKernel(program, in, std::vector<View>{part}), offset,
                  results](void* const* address) {
    if (address[0] != address[results]) whole.run(address[0], address[results]);
    void* const to = moved(address[results], offset);
    const void* const operands[] = {to, address[1]};
    update.run(operands, &to);
  });
}

// What depends on no operand's values but constants: computed once, then copied.
std::unique_ptr<Step> sequence(const StepContext& context) {
  std::vector<Tensor> operands;
  for (const ValueId operand : context.node.inputs) {
    const Tensor* constant = context.graph.constant(operand);
    if (constant == nullptr) throw UnsupportedError(context.message("its operands depend on computed data"));
    operands.push_back(*constant);
  }
  const auto results = evaluate(context.graph, context.node, operands);
  if (!results) throw InternalError(context.message("is not evaluated on the host"));
  return step_of([tensor = (*results)[0], at = context.count()](void* const* address) {
    if (tensor.bytes() > 0) std::memcpy(address[at], tensor.data.get(), tensor.bytes());
  });
}

std::unique_ptr<Step> sorted(const StepContext& context, kernels::SortKernel::What what) {
  const int axis = context.axis(static_cast<int>(context.operands[0].shape.size()));
  return step_of([kernel = kernels::SortKernel(what, context.operand(0), axis, context.result())](
                     void* const* address) { kernel.run(address[0], address[1]); });
}

std::unique_ptr<Step> cumulated(const StepContext& context) {
  const int axis = context.axis(static_cast<int>(context.operands[0].shape.size()));
  return step_of([kernel = kernels::CumulateKernel(context.node.op, context.operand(0), axis, context.result())](
                     void* const* address) { kernel.run(address[0], address[1]); });
}

}  // namespace

std::unique_ptr<Step> make_stack(const StepContext& context) {
  switch (size_of(context.dtype())) {
    case 1:
      return stack_of<std::uint8_t>(context.count());
    case 2:
      return stack_of<std::uint16_t>(context.count());
    case 4:
      return stack_of<std::uint32_t>(context.count());
    case 8:
      return stack_of<std::uint64_t>(context.count());
    default:
      return stack_of<std::array<std::uint64_t, 2>>(context.count());
  }
}

std::unique_ptr<Step> make_concatenate(const StepContext& context) {
  return std::make_unique<Concatenate>(context, context.axis(static_cast<int>(context.results[0].shape.size())));
}

std::unique_ptr<Step> make_arange(const StepContext& context) { return sequence(context); }
std::unique_ptr<Step> make_eye(const StepContext& context) { return sequence(context); }
std::unique_ptr<Step> make_slice_set(const StepContext& context) { return slice_update(context, /*add=*/false); }
std::unique_ptr<Step> make_slice_add(const StepContext& context) { return slice_update(context, /*add=*/true); }
std::unique_ptr<Step> make_sort(const StepContext& context) {
  return sorted(context, kernels::SortKernel::What::sort);
}
std::unique_ptr<Step> make_argsort(const StepContext& context) {
  return sorted(context, kernels::SortKernel::What::argsort);
}
std::unique_ptr<Step> make_cumsum(const StepContext& context) { return cumulated(context); }
std::unique_ptr<Step> make_cumprod(const StepContext& context) { return cumulated(context); }

}  // namespace gemmule::cpu
