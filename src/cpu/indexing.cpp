// gather and scatter.
#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "cpu/step.h"
#include "ir/error.h"
#include "kernels/movement.h"
#include "kernels/offsets.h"

namespace gemmule::cpu {
namespace {

// How x[index] relates to x: the indexed axes, which are consecutive, give way to those of the indices.
struct Indexing {
  std::vector<int> axes;
  std::vector<ConstView> indices;  // broadcast to one shape
  Extents result;                  // shape of x[index]

  // A view of that shape with the axes of the indices in front, where the kernels want them.
  template <class V>
  V indices_first(V view) const {
    const auto first = static_cast<std::ptrdiff_t>(axes.front());
    const auto rank = static_cast<std::ptrdiff_t>(indices[0].shape.size());
    std::rotate(view.shape.begin(), view.shape.begin() + first, view.shape.begin() + first + rank);
    std::rotate(view.strides.begin(), view.strides.begin() + first, view.strides.begin() + first + rank);
    return view;
  }
};

Indexing indexing_of(const StepContext& context, int first_index) {
  const Extents& x = context.operands[0].shape;
  Indexing indexing{context.axes("axes", static_cast<int>(x.size())), {}, {}};
  Extents shape;
  for (int i = first_index; i < context.count(); ++i) {
    const Extents& other = context.operands[i].shape;
    if (other.size() > shape.size()) shape.insert(shape.begin(), other.size() - shape.size(), 1);
    for (std::size_t j = 0; j < other.size(); ++j) {
      std::int64_t& size = shape[shape.size() - other.size() + j];
      if (size == 1) size = other[j];
    }
  }
  for (int i = first_index; i < context.count(); ++i) indexing.indices.push_back(context.stretched(i, shape));
  indexing.result.assign(x.begin(), x.begin() + indexing.axes.front());
  indexing.result.insert(indexing.result.end(), shape.begin(), shape.end());
  indexing.result.insert(indexing.result.end(), x.begin() + indexing.axes.back() + 1, x.end());
  return indexing;
}

void raise(const std::optional<kernels::IndexError>& error) {
  if (!error) return;
  throw IndexError("index " + std::to_string(error->index) + " is out of bounds for axis " +
                   std::to_string(error->axis) + " with size " + std::to_string(error->size));
}

// Offsets are kept for so many elements at most.
constexpr std::int64_t kMostOffsets = 1 << 20;

// Where the elements of x[index] lie in `x`, when the indices are constants.
std::optional<kernels::Offsets> constant_offsets(const StepContext& context, const Indexing& indexing,
                                                 const ConstView& x, int first_index) {
  if (element_count(indexing.result) > kMostOffsets) return std::nullopt;
  std::vector<ConstView> indices = indexing.indices;
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const ValueId value = context.node.inputs[static_cast<std::size_t>(first_index) + k];
    const Tensor* constant = context.graph.constant(value);
    if (constant == nullptr) return std::nullopt;
    indices[k].data = constant->data.get();
  }
  return kernels::offsets_of(x, indices, indexing.axes, indexing.result);
}

std::unique_ptr<Step> scatter_to_offsets(const StepContext& context, kernels::ScatterMode mode,
                                         kernels::Offsets offsets) {
  // Only of an array without gaps the elements in between are its own.
  const std::int64_t places = context.results[0].is_row_major() ? element_count(context.results[0].shape)
                                                                : std::numeric_limits<std::int64_t>::max();
  return step_of([whole = kernels::CopyKernel(context.operand(0), context.result()), offsets = std::move(offsets),
                  mode, places, dtype = context.dtype(), results = context.count()](void* const* address) {
    if (address[0] != address[results]) whole.run(address[0], address[results]);
    if (mode == kernels::ScatterMode::set) {
      kernels::scatter_set_offsets(size_of(dtype), address[results], offsets, address[1]);
    } else {
      kernels::scatter_add_offsets(dtype, address[results], places, offsets, address[1]);
    }
  });
}

std::unique_ptr<Step> scatter(const StepContext& context, kernels::ScatterMode mode) {
  const Indexing indexing = indexing_of(context, 2);
  const bool has_loop = mode == kernels::ScatterMode::set || context.dtype() == DType::f32 || context.dtype() == DType::f64;
  if (has_loop && context.operands[1].shape == indexing.result && context.operands[1].is_row_major()) {
    if (auto offsets = constant_offsets(context, indexing, context.result(), 2)) {
      return scatter_to_offsets(context, mode, std::move(*offsets));
    }
  }
  const ConstView y = indexing.indices_first(context.stretched(1, indexing.result));
  return step_of([whole = kernels::CopyKernel(context.operand(0), context.result()),
                  kernel = kernels::ScatterKernel(mode, context.result(), y, indexing.indices, indexing.axes),
                  results = context.count()](void* const* address) {
    if (address[0] != address[results]) whole.run(address[0], address[results]);
    raise(kernel.run(address[results], address[1], address + 2));
  });
}

}  // namespace

std::unique_ptr<Step> make_gather(const StepContext& context) {
  const Indexing indexing = indexing_of(context, 1);
  if (context.results[0].is_row_major()) {
    if (auto offsets = constant_offsets(context, indexing, context.operand(0), 1)) {
      return step_of([offsets = std::move(*offsets), size = size_of(context.dtype()),
                      results = context.count()](void* const* address) {
        kernels::gather_offsets(size, address[0], offsets, address[results]);
      });
    }
  }
  return step_of([kernel = kernels::GatherKernel(context.operand(0), indexing.indices, indexing.axes,
                                                 indexing.indices_first(context.result())),
                  results = context.count()](void* const* address) {
    raise(kernel.run(address[0], address + 1, address[results]));
  });
}

std::unique_ptr<Step> make_scatter_set(const StepContext& context) {
  return scatter(context, kernels::ScatterMode::set);
}
std::unique_ptr<Step> make_scatter_add(const StepContext& context) {
  return scatter(context, kernels::ScatterMode::add);
}

}  // namespace gemmule::cpu
