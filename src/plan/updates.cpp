// Indices that are known and name a region become slices: views that move nothing. Updates of all that there
// is become the new value or a sum, which passes over elements take in.
#include <algorithm>
#include <optional>

#include "ir/infer.h"
#include "plan/prepare.h"
#include "plan/rebuild.h"
#include "plan/unit_views.h"

namespace gemmule {
namespace {

struct Region {
  std::int64_t start = 0, step = 1, count = 0;
  bool single = false;  // a 0-d index: the axis is gone
};

class Updates {
 public:
  explicit Updates(const Graph& graph) : from_(graph) {}

  Graph run() {
    return rebuilt(from_, to_, moved_, [this](const Node& node) { return replacement(node); });
  }

 private:
  ValueId replacement(const Node& node) {
    switch (node.op) {
      case Op::gather:
        return gather(node);
      case Op::scatter_set:
      case Op::scatter_add:
        return scatter(node);
      case Op::slice_set:
      case Op::slice_add:
        return slice_update(node);
      default:
        return kNone;
    }
  }

  std::int64_t axis_of(const Node& node, int rank) const {
    const std::int64_t axis = node.attributes.integers("axes")[0];
    return axis < 0 ? axis + rank : axis;
  }

  // The region that the only index of a gather or scatter names, within the bounds.
  std::optional<Region> region(const Node& node, std::size_t first_index) const {
    if (node.inputs.size() != first_index + 1) return std::nullopt;
    const Tensor* index = from_.constant(node.inputs[first_index]);
    if (index == nullptr || index->shape.size() > 1 || index->count() == 0) return std::nullopt;
    const Type& type = from_.type(node.inputs[0]);
    const std::int64_t size = type.shape[axis_of(node, type.rank())].size;
    const auto element = [&](std::int64_t i) {
      const std::int64_t at = index->integer_at(i).value_or(size);
      return at < 0 ? at + size : at;
    };
    Region region{element(0), 1, index->count(), index->shape.empty()};
    if (region.count > 1) region.step = element(1) - element(0);
    if (region.step < 1) return std::nullopt;
    for (std::int64_t i = 0; i < region.count; ++i) {
      const std::int64_t at = element(i);
      if (at < 0 || at >= size || at != region.start + i * region.step) return std::nullopt;
    }
    return region;
  }

  std::vector<ValueId> bounds(const Region& region) {
    std::vector<ValueId> values;
    for (const std::int64_t bound : {region.start, region.start + (region.count - 1) * region.step + 1, region.step}) {
      values.push_back(to_.add_constant(Tensor::from_bytes(DType::i64, {}, &bound)));
    }
    return values;
  }

  ValueId gather(const Node& node) {
    const auto found = region(node, 1);
    if (!found) return kNone;
    const std::int64_t axis = axis_of(node, from_.type(node.inputs[0]).rank());
    std::vector<ValueId> operands{moved_[node.inputs[0]]};
    for (const ValueId bound : bounds(*found)) operands.push_back(bound);
    const ValueId slice = to_.add(Op::slice, operands, {{"axes", Integers{axis}}}, node.origin);
    return found->single ? to_.add(Op::squeeze, {slice}, {{"axes", Integers{axis}}}, node.origin) : slice;
  }

  ValueId scatter(const Node& node) {
    const auto found = region(node, 2);
    if (!found) return kNone;
    const Type& x = from_.type(node.inputs[0]);
    const std::int64_t axis = axis_of(node, x.rank());
    ValueId y = moved_[node.inputs[1]];
    if (found->single) {
      if (to_.type(y).rank() != x.rank() - 1) return kNone;
      y = to_.add(Op::expand_dims, {y}, {{"axes", Integers{axis}}}, node.origin);
    }
    const Op op = node.op == Op::scatter_add ? Op::slice_add : Op::slice_set;
    if (found->count == x.shape[axis].size) return updated(op, moved_[node.inputs[0]], y, node);
    std::vector<ValueId> operands{moved_[node.inputs[0]], y};
    for (const ValueId bound : bounds(*found)) operands.push_back(bound);
    return to_.add(op, operands, {{"axes", Integers{axis}}}, node.origin);
  }

  ValueId slice_update(const Node& node) {
    const Type& x = from_.type(node.inputs[0]);
    const Integers& axes = node.attributes.integers("axes");
    for (std::size_t i = 0; i < axes.size(); ++i) {
      std::int64_t bound[3];
      for (int j = 0; j < 3; ++j) {
        const auto known = from_.integer_constant(node.inputs[2 + 3 * i + j]);
        if (!known) return kNone;
        bound[j] = *known;
      }
      const std::int64_t size = x.shape[axes[i] < 0 ? axes[i] + x.rank() : axes[i]].size;
      const ResolvedSlice slice = resolve_slice(bound[0], bound[1], bound[2], size);
      if (slice.count != size || (size > 1 && slice.step != 1)) return kNone;
    }
    return updated(node.op, moved_[node.inputs[0]], moved_[node.inputs[1]], node);
  }

  // All of x set to y, or y added to all of it.
  ValueId updated(Op op, ValueId x, ValueId y, const Node& node) {
    const bool adds = op == Op::slice_add;
    if (adds && to_.type(x).dtype == DType::bool_) return kNone;
    const Integers shape = static_shape(to_.type(x));
    if (static_shape(to_.type(y)) != shape) y = broadcast_view(to_, y, shape);
    return adds ? to_.add(Op::add, {x, y}, {}, node.origin) : y;
  }

  const Graph& from_;
  Graph to_;
  std::vector<ValueId> moved_;
};

}  // namespace

void updates(Graph& graph, const PrepareOptions&) { graph = Updates(graph).run(); }

}  // namespace gemmule
