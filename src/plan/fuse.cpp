// Elementwise ops of one shape run as one pass over the elements, with several results, and with
// the reductions of what they compute: a `fused` node. Axes of size 1 are no part of a shape here,
// and views that only add, drop or repeat along them are looked through.
//
// What stays outside: a vector that a matrix-shaped pass reads, else its elements would be computed
// once per row; what reads a reduction of the pass itself.
#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "ir/fused.h"
#include "plan/fuse_groups.h"
#include "plan/prepare.h"

namespace gemmule {
namespace {

Type scalar_type(DType dtype) { return {dtype, {}}; }

class Fuser {
 public:
  Fuser(const Graph& from, const Grouping& grouping)
      : from_(from),
        grouping_(grouping),
        moved_(from.values.size(), kNone),
        core_(from.values.size(), kNone) {}

  Graph run() {
    to_.symbols = from_.symbols;
    for (const ValueId input : from_.inputs) {
      moved_[input] = to_.add_input(from_.type(input), from_.values[input].name);
    }
    for (const Node& node : from_.nodes) {
      if (node.op == Op::constant) copy(node);
    }
    find_read();
    for (const Group& step : grouping_.steps) {
      if (step.size() > 1 && build(step)) continue;
      for (const NodeId id : step) {
        if (from_.nodes[id].op != Op::constant) copy(from_.nodes[id]);
      }
    }
    for (const ValueId output : from_.outputs) to_.outputs.push_back(view_of(output));
    return pruned(to_);
  }

 private:
  // The new value of `value`; views that passes look through are made when something else reads
  // them.
  ValueId view_of(ValueId value) {
    if (moved_[value] == kNone && core_[value] != kNone) {
      moved_[value] = with_unit_axes(to_, core_[value], from_.type(value));
    }
    if (moved_[value] == kNone) copy(*from_.producer(value));
    return moved_[value];
  }

  // An operand of a pass of `rank` axes.
  ValueId operand_of(PassOperand operand, int rank) {
    if (core_[operand.value] != kNone) {
      operand.value = core_[operand.value];
      std::erase(operand.axes, -1);
    } else {
      operand.value = view_of(operand.value);
    }
    const auto [found, is_new] = aligned_.try_emplace({operand.value, operand.axes, rank}, kNone);
    if (is_new) found->second = aligned(to_, operand, rank);
    return found->second;
  }

  void copy(const Node& node) {
    std::vector<ValueId> operands;
    for (const ValueId operand : node.inputs) operands.push_back(view_of(operand));
    const auto results = to_.add_all(node.op, std::move(operands), node.attributes, node.origin);
    to_.nodes.back().equation = node.equation;
    for (std::size_t i = 0; i < results.size(); ++i) moved_[node.outputs[i]] = results[i];
  }

  // Values that something outside their step reads.
  void find_read() {
    std::vector<int> step_of(from_.nodes.size(), kNone);
    for (std::size_t step = 0; step < grouping_.steps.size(); ++step) {
      for (const NodeId id : grouping_.steps[step]) step_of[id] = static_cast<int>(step);
    }
    is_read_.assign(from_.values.size(), false);
    for (const ValueId output : from_.outputs) is_read_[output] = true;
    for (NodeId id = 0; id < static_cast<NodeId>(from_.nodes.size()); ++id) {
      if (step_of[id] == kNone) continue;
      const bool alone = grouping_.steps[step_of[id]].size() == 1;
      for (std::size_t i = 0; i < from_.nodes[id].inputs.size(); ++i) {
        const ValueId seen = grouping_.in_pass(id)
                                 ? grouping_.operand(id, static_cast<int>(i)).value
                                 : from_.nodes[id].inputs[i];
        const NodeId producer = from_.values[seen].node;
        if (alone || producer == kNone || step_of[producer] != step_of[id]) is_read_[seen] = true;
      }
    }
  }

  // The fused node of a group; false where there is nothing to read.
  bool build(const Group& group) {
    const Integers pass = pass_of(group);
    const int rank = static_cast<int>(pass.size());
    auto body = std::make_shared<Graph>();
    std::map<ValueId, ValueId> inside;                         // values of the group
    std::map<ValueId, ValueId> entered;                        // operands, as new values
    std::map<std::pair<DType, std::string>, ValueId> numbers;  // constants
    std::vector<ValueId> operands;
    std::map<std::tuple<Op, std::vector<ValueId>, DType>, ValueId>
        known;  // what is computed already
    const auto compute = [&](Op op, std::vector<ValueId> inputs, const Attributes& attributes) {
      const DType dtype = op == Op::cast ? attributes.dtype("dtype") : DType::bool_;
      const auto [found, is_new] = known.try_emplace({op, inputs, dtype}, kNone);
      if (is_new) found->second = body->add(op, std::move(inputs), attributes);
      return found->second;
    };
    const auto enter = [&](const PassOperand& operand) {
      const Tensor* constant = from_.constant(operand.value);
      if (constant != nullptr && constant->count() == 1) {
        const std::pair bits(constant->dtype,
                             std::string(reinterpret_cast<const char*>(constant->data.get()),
                                         size_of(constant->dtype)));
        const auto [found, is_new] = numbers.try_emplace(bits, kNone);
        if (is_new) {
          found->second =
              body->add_constant(Tensor::from_bytes(constant->dtype, {}, constant->data.get()));
        }
        return found->second;
      }
      const ValueId value = operand_of(operand, rank);
      const auto [found, is_new] = entered.try_emplace(value, kNone);
      if (is_new) {
        found->second = body->add_input(scalar_type(to_.type(value).dtype));
        operands.push_back(value);
      }
      return found->second;
    };

    std::vector<FusedResult> reductions;
    std::vector<ValueId> results;  // of the group, one for each output of the body
    std::map<std::tuple<ValueId, std::optional<Op>, Integers>, std::size_t> outputs;
    std::vector<std::pair<ValueId, std::size_t>> same;  // results that are another one
    const auto give = [&](ValueId result, ValueId computed, FusedResult reduction) {
      const auto [found, is_new] =
          outputs.try_emplace({computed, reduction.reduction, reduction.axes}, reductions.size());
      if (!is_new) {
        same.emplace_back(result, found->second);
        return;
      }
      body->outputs.push_back(computed);
      reductions.push_back(std::move(reduction));
      results.push_back(result);
    };
    for (const NodeId id : group) {
      const Node& node = from_.nodes[id];
      std::vector<ValueId> inputs;
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const PassOperand& operand = grouping_.operand(id, static_cast<int>(i));
        const auto member = inside.find(operand.value);
        inputs.push_back(member != inside.end() ? member->second : enter(operand));
      }
      const ValueId result = node.outputs[0];
      if (is_elementwise(node.op)) {
        inside[result] = compute(node.op, std::move(inputs), node.attributes);
        if (is_read_[result]) give(result, inside[result], {});
        continue;
      }
      // A reduction works in the dtype of its result.
      const DType accumulator = from_.type(result).dtype;
      ValueId reduced = inputs[0];
      if (body->type(reduced).dtype != accumulator)
        reduced = compute(Op::cast, {reduced}, {{"dtype", accumulator}});
      give(result, reduced, {node.op, reduced_pass_axes(from_, node)});
    }
    if (!cover(pass, operands)) return false;

    Attributes attributes{{"body", std::shared_ptr<const Graph>(body)}};
    if (const std::string reduce = reduce_attribute(reductions); !reduce.empty())
      attributes.set("reduce", reduce);
    const auto fused =
        to_.add_all(Op::fused, operands, std::move(attributes), from_.nodes[group.back()].origin);
    for (std::size_t i = 0; i < results.size(); ++i) core_[results[i]] = fused[i];
    for (const auto& [result, i] : same) core_[result] = fused[i];
    return true;
  }

  Integers pass_of(const Group& group) const {
    const Node& node = from_.nodes[group[0]];
    return pass_sizes(from_.type(is_elementwise(node.op) ? node.outputs[0] : node.inputs[0]));
  }

  // Repeats an operand where no operand has the sizes of the pass: the values were broadcast
  // before.
  bool cover(const Integers& pass, std::vector<ValueId>& operands) {
    Integers covered(pass.size(), 1);
    for (const ValueId operand : operands) {
      const Shape& shape = to_.type(operand).shape;
      for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        if (!shape[axis].is_one()) covered[axis] = shape[axis].size;
      }
    }
    if (covered == pass) return true;
    if (operands.empty()) return false;
    // One with axes stretches; a number stays a number as long as there is another.
    const auto widest = std::max_element(
        operands.begin(), operands.end(),
        [&](ValueId a, ValueId b) { return to_.type(a).rank() < to_.type(b).rank(); });
    *widest = broadcast_view(to_, *widest, pass);
    return true;
  }

  const Graph& from_;
  const Grouping& grouping_;
  Graph to_;
  std::vector<ValueId> moved_;  // the new value of each, once there is one
  std::vector<ValueId> core_;   // for results of passes: the new value without axes of size 1
  std::map<std::tuple<ValueId, std::vector<int>, int>, ValueId> aligned_;
  std::vector<bool> is_read_;
};

}  // namespace

void fuse(Graph& graph, const PrepareOptions&) { graph = Fuser(graph, group_passes(graph)).run(); }

}  // namespace gemmule
