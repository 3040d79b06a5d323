// What depends on the values of its operands: positions, distinct values, choices.
#include <algorithm>
#include <utility>
#include <vector>

#include "cpu/step.h"
#include "ir/error.h"
#include "kernels/movement.h"
#include "kernels/selection.h"

namespace gemmule::cpu {
std::unique_ptr<Step> make_nonzero(const StepContext& context) {
  return step_of([x = context.operand(0), indices = context.result(0), operands = context.count()](
                     void* const* address) mutable {
    x.data = address[0];
    indices.data = address[operands];
    *static_cast<std::int64_t*>(address[operands + 1]) = kernels::nonzero(x, indices);
  });
}

std::unique_ptr<Step> make_unique(const StepContext& context) {
  kernels::UniqueResults results{context.result(0), context.result(1), context.result(2), context.result(3)};
  return step_of([x = context.operand(0), results = std::move(results)](void* const* address) mutable {
    x.data = address[0];
    results.values.data = address[1];
    results.first.data = address[2];
    results.inverse.data = address[3];
    results.counts.data = address[4];
    *static_cast<std::int64_t*>(address[5]) = kernels::unique(x, results);
  });
}

std::unique_ptr<Step> make_searchsorted(const StepContext& context) {
  const auto batch = static_cast<std::ptrdiff_t>(context.node.attributes.integer("batch"));
  // The leading dims of every operand are walked here, the kernel gets the others.
  struct Part {
    ConstView core;
    Extents strides;  // of the batch
    std::int64_t element;
  };
  const auto part = [batch](const ConstView& view) {
    Part result{view, Extents(view.strides.begin(), view.strides.begin() + batch),
                static_cast<std::int64_t>(size_of(view.dtype))};
    result.core.shape.erase(result.core.shape.begin(), result.core.shape.begin() + batch);
    result.core.strides.erase(result.core.strides.begin(), result.core.strides.begin() + batch);
    return result;
  };
  std::vector<Part> parts;
  for (int i = 0; i < context.count(); ++i) parts.push_back(part(context.operand(i)));
  const ConstView out = context.result();
  parts.push_back(part(out));
  const Extents batches(out.shape.begin(), out.shape.begin() + batch);
  View positions = context.result();
  positions.shape = parts.back().core.shape;
  positions.strides = parts.back().core.strides;
  return step_of([parts = std::move(parts), batches, positions, sorter = ConstView(), index = Extents(batch, 0),
                  right = context.node.attributes.flag("right"), operands = context.count(),
                  message = context.message("the sorter points outside")](void* const* address) mutable {
    const std::int64_t count = element_count(batches);
    std::fill(index.begin(), index.end(), 0);
    for (std::int64_t b = 0; b < count; ++b) {
      for (std::size_t p = 0; p < parts.size(); ++p) {
        std::int64_t offset = 0;
        for (std::size_t d = 0; d < index.size(); ++d) offset += index[d] * parts[p].strides[d];
        parts[p].core.data = static_cast<const std::byte*>(address[p]) + offset * parts[p].element;
      }
      positions.data = const_cast<void*>(parts.back().core.data);
      const ConstView& given = operands == 3 ? parts[2].core : sorter;
      if (!kernels::searchsorted(parts[0].core, parts[1].core, given, right, positions)) throw ShapeError(message);
      for (std::size_t d = index.size(); d-- > 0;) {
        if (++index[d] < batches[d]) break;
        index[d] = 0;
      }
    }
  });
}

std::unique_ptr<Step> make_repeat_indices(const StepContext& context) {
  return step_of([counts = context.operand(0), indices = context.result(),
                  message = context.message("repeats may not contain negative values")](
                     void* const* address) mutable {
    counts.data = address[0];
    indices.data = address[2];
    if (!kernels::repeat_indices(counts, indices)) throw ShapeError(message);
  });
}

std::unique_ptr<Step> make_choose_branch(const StepContext& context) {
  const int results = static_cast<int>(context.results.size());
  struct Choice {
    kernels::CopyKernel if_true, if_false;
  };
  std::vector<Choice> choices;
  for (int i = 0; i < results; ++i) {
    choices.push_back({kernels::CopyKernel(context.operand(1 + i), context.result(i)),
                       kernels::CopyKernel(context.operand(1 + results + i), context.result(i))});
  }
  return step_of([choices = std::move(choices), dtype = context.operands[0].dtype, results](void* const* address) {
    const bool holds = kernels::is_nonzero(dtype, address[0]);
    for (int i = 0; i < results; ++i) {
      const Choice& choice = choices[static_cast<std::size_t>(i)];
      (holds ? choice.if_true : choice.if_false).run(address[1 + (holds ? 0 : results) + i], address[1 + 2 * results + i]);
    }
  });
}

}  // namespace gemmule::cpu
