// Inference: draws from distributions.
#include <algorithm>

#include "ir/distributions.h"
#include "ir/infer_rules.h"

namespace gemmule {
namespace {

const DistributionInfo& distribution_of(const InferContext& context) {
  const Attribute* attribute = context.attributes.find("distribution");
  const std::string* name = attribute != nullptr ? std::get_if<std::string>(attribute) : nullptr;
  if (name == nullptr) throw UserError(message(context, "takes the name of a distribution"));
  const DistributionInfo* found = find_distribution(*name);
  if (found == nullptr)
    throw UnsupportedError(message(context, "there is no distribution '" + *name + "'"));
  return *found;
}

// NumPy's rule: 1 stretches to anything, whether that is known now or at the call.
Dim broadcast_dim(InferContext& context, const Dim& a, const Dim& b) {
  if (a == b || b.is_one()) return a;
  if (a.is_one()) return b;
  if (a.is_known() && b.is_known()) fail_shape(context, "the parameters do not broadcast together");
  if (a.is_known()) return a;
  if (b.is_known()) return b;
  return Dim::unknown(context.graph.add_symbol());
}

Shape broadcast_batches(InferContext& context, const std::vector<Shape>& batches) {
  Shape result;
  for (const Shape& batch : batches) {
    if (batch.size() > result.size())
      result.insert(result.begin(), batch.size() - result.size(), Dim::known(1));
    const std::size_t shift = result.size() - batch.size();
    for (std::size_t axis = 0; axis < batch.size(); ++axis) {
      result[axis + shift] = broadcast_dim(context, result[axis + shift], batch[axis]);
    }
  }
  return result;
}

std::string sizes_text(const InferContext& context, const Shape& shape) {
  const std::string text = to_text(Type{DType::f64, shape}, &context.graph);
  return text.substr(text.find('['));
}

void need_fits(const InferContext& context, const Shape& batch, const Shape& sizes) {
  const bool longer = batch.size() > sizes.size();
  for (std::size_t axis = 0; !longer && axis < batch.size(); ++axis) {
    const Dim& size = sizes[axis + sizes.size() - batch.size()];
    if (!batch[axis].is_one() && !may_agree(batch[axis], size)) {
      fail_shape(context, "Output size " + sizes_text(context, sizes) +
                              " is not compatible with broadcast dimensions of inputs " +
                              sizes_text(context, batch));
    }
  }
  if (longer) {
    fail_shape(context, "Output size " + sizes_text(context, sizes) +
                            " is not compatible with broadcast dimensions of inputs " +
                            sizes_text(context, batch));
  }
}

}  // namespace

Types infer_random(InferContext& context) {
  need_operands(context, 1, -1);
  const Type generator = context.type(0);
  if (generator.dtype != DType::u64 || generator.rank() != 0) {
    fail_dtype(context, describe(context, 0, "the generator") + ", it must be u64[]");
  }
  const DistributionInfo& distribution = distribution_of(context);
  const std::int64_t given = context.attributes.integer("sizes", -1);
  const int count = static_cast<int>(std::max<std::int64_t>(given, 0));
  const int parameters = static_cast<int>(distribution.parameters.size());
  need_operands(context, 1 + count + parameters, 1 + count + parameters);
  Shape sizes;
  for (int i = 0; i < count; ++i) sizes.push_back(size_operand(context, 1 + i));

  DType dtype = distribution.result;
  Shape draw;
  if (distribution.counts) {
    if (sizes.empty()) throw UserError(message(context, "takes the number of items of a draw"));
    draw.push_back(sizes.back());
    sizes.pop_back();
  }
  std::vector<Shape> batches;
  for (int i = 0; i < parameters; ++i) {
    const DistributionParameter& parameter = distribution.parameters[i];
    const int operand = 1 + count + i;
    const Type& type = context.type(operand);
    const bool free = parameter.rank == kFreeRank;
    const int rank =
        free ? static_cast<int>(context.attributes.integer("core", 1)) : parameter.rank;
    if (!free && type.dtype != parameter.dtype) {
      fail_dtype(context, describe(context, operand, std::string(parameter.name)) +
                              ", it must be " + std::string(name(parameter.dtype)));
    }
    need_rank_at_least(context, operand, rank, std::string(parameter.name));
    batches.emplace_back(type.shape.begin(), type.shape.end() - rank);
    if (i != distribution.shaped_like) continue;
    draw.insert(draw.end(), type.shape.end() - rank + (distribution.counts && rank > 0 ? 1 : 0),
                type.shape.end());
    if (free) dtype = type.dtype;
    if (free && rank == 0 && dtype != DType::i64) {
      fail_dtype(context,
                 describe(context, operand, std::string(parameter.name)) + ", it must be i64");
    }
  }
  if (given < 0) {
    sizes = broadcast_batches(context, batches);
  } else {
    for (const Shape& batch : batches) need_fits(context, batch, sizes);
  }
  sizes.insert(sizes.end(), draw.begin(), draw.end());
  return {generator, Type{dtype, std::move(sizes)}};
}

}  // namespace gemmule
