// Passes of one shape are made one after the other, those over most elements first. Within a shape,
// the level of a node is how often the way to it leaves the shape and comes back:
//
//   level(node of the shape) = max over operands p of  level(p) if p is of the shape, else after(p)
//   after(another node)      = max over operands p of  level(p) + 1 if p is of the shape, else
//   after(p)
//
// Nodes of one level can run as one pass: a way from one of them to another through something else
// would have raised the level. Then each group counts as one node for the shapes that follow.
#include "plan/fuse_groups.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "ir/error.h"
#include "ir/fused.h"

namespace gemmule {
namespace {

constexpr int kMostInstructions = 96;  // of a group: bounds what a block interpreter holds in cache
constexpr int kMostResults = 16;
// Passes over up to this many elements run together though they share nothing: a node costs more
// than what they lose by it.
constexpr std::int64_t kSmallPass = 4096;

std::int64_t count_of(const Integers& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

// A set of integers that are merged into classes.
class UnionFind {
 public:
  explicit UnionFind(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }
  int find(int i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(int a, int b) { parent_[find(a)] = find(b); }

 private:
  std::vector<int> parent_;
};

class Grouper {
 public:
  explicit Grouper(const Graph& graph)
      : graph_(graph), nodes_(static_cast<NodeId>(graph.nodes.size())) {}

  Grouping run() {
    find_operands();
    find_live();
    find_dependencies();
    std::map<Integers, std::vector<NodeId>> shapes;
    for (NodeId id = 0; id < nodes_; ++id) {
      if (live_[id] && grouping_.in_pass(id)) shapes[shape_of(id)].push_back(id);
    }
    std::vector<std::pair<std::int64_t, const std::vector<NodeId>*>> order;
    for (const auto& [sizes, members] : shapes) order.emplace_back(count_of(sizes), &members);
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });

    step_of_.assign(nodes_, kNone);
    for (NodeId id = 0; id < nodes_; ++id) {
      if (!live_[id]) continue;
      step_of_[id] = static_cast<int>(steps_.size());
      steps_.push_back({id});
    }
    for (const auto& [count, members] : order) {
      if (members->size() > 1) group_shape(*members, count);
    }
    for (const int step : ordered_steps()) grouping_.steps.push_back(std::move(steps_[step]));
    return std::move(grouping_);
  }

 private:
  const Node& node(NodeId id) const { return graph_.nodes[id]; }
  const Type& pass_type(NodeId id) const {
    return graph_.type(is_elementwise(node(id).op) ? node(id).outputs[0] : node(id).inputs[0]);
  }
  Integers shape_of(NodeId id) const { return pass_sizes(pass_type(id)); }
  NodeId producer_of(NodeId id, int operand) const {
    return graph_.values[grouping_.operand(id, operand).value].node;
  }

  void find_operands() {
    grouping_.first_operand.assign(nodes_, kNone);
    for (NodeId id = 0; id < nodes_; ++id) {
      if (!is_elementwise(node(id).op) && !folds_in_pass(graph_, node(id))) continue;
      grouping_.first_operand[id] = static_cast<int>(grouping_.operands.size());
      for (const ValueId operand : node(id).inputs) {
        grouping_.operands.push_back(look_through(graph_, operand, pass_type(id).shape));
      }
    }
  }

  // Views that every reader looks through are not live.
  void find_live() {
    live_.assign(nodes_, false);
    is_output_.assign(graph_.values.size(), false);
    const auto use = [&](ValueId value) {
      if (graph_.values[value].node != kNone) live_[graph_.values[value].node] = true;
    };
    for (const ValueId output : graph_.outputs) is_output_[output] = true, use(output);
    for (NodeId id = nodes_ - 1; id >= 0; --id) {
      if (!live_[id]) continue;
      for (std::size_t i = 0; i < node(id).inputs.size(); ++i) {
        use(grouping_.in_pass(id) ? grouping_.operand(id, static_cast<int>(i)).value
                                  : node(id).inputs[i]);
      }
    }
  }

  void find_dependencies() {
    dependencies_.resize(nodes_);
    readers_.resize(nodes_);
    for (NodeId id = 0; id < nodes_; ++id) {
      if (!live_[id]) continue;
      for (std::size_t i = 0; i < node(id).inputs.size(); ++i) {
        const ValueId value = grouping_.in_pass(id)
                                  ? grouping_.operand(id, static_cast<int>(i)).value
                                  : node(id).inputs[i];
        const NodeId producer = graph_.values[value].node;
        if (producer == kNone || node(producer).op == Op::constant) continue;
        dependencies_[id].push_back(producer);
        readers_[producer].push_back(id);
      }
    }
  }

  // Steps with members, operands before their users.
  std::vector<int> ordered_steps() const {
    std::vector<int> waits(steps_.size(), 0);
    for (std::size_t step = 0; step < steps_.size(); ++step) {
      for (const NodeId id : steps_[step]) {
        for (const NodeId dependency : dependencies_[id])
          waits[step] += step_of_[dependency] != static_cast<int>(step);
      }
    }
    std::vector<int> order;
    for (std::size_t step = 0; step < steps_.size(); ++step) {
      if (waits[step] == 0 && !steps_[step].empty()) order.push_back(static_cast<int>(step));
    }
    std::size_t expected = 0;
    for (const Group& step : steps_) expected += !step.empty();
    for (std::size_t next = 0; next < order.size(); ++next) {
      for (const NodeId id : steps_[order[next]]) {
        for (const NodeId reader : readers_[id]) {
          const int step = step_of_[reader];
          if (step != order[next] && --waits[step] == 0) order.push_back(step);
        }
      }
    }
    if (order.size() != expected) throw InternalError("fuse: groups depend on each other");
    return order;
  }

  void group_shape(const std::vector<NodeId>& members, std::int64_t count) {
    std::vector<bool> of_shape(nodes_, false);
    for (const NodeId id : members) of_shape[id] = true;
    const std::vector<int> order = ordered_steps();
    std::vector<NodeId> ordered;  // the members

    level_.assign(nodes_, 0);
    std::vector<int> after(nodes_, 0);  // for what reads a node from another shape
    for (const int step : order) {
      int level = 0;
      for (const NodeId id : steps_[step]) {
        for (const NodeId dependency : dependencies_[id]) {
          if (step_of_[dependency] == step) continue;
          const bool inside =
              of_shape[dependency] && of_shape[id] && is_elementwise(node(dependency).op);
          level = std::max(level, inside ? level_[dependency] : after[dependency]);
        }
      }
      for (const NodeId id : steps_[step]) {
        level_[id] = level;
        after[id] = of_shape[id] ? level + 1 : level;
        if (of_shape[id]) ordered.push_back(id);
      }
    }
    sink(ordered, of_shape);

    UnionFind together(nodes_);
    join_what_shares(ordered, of_shape, count, together);
    std::map<std::pair<int, int>, Group> groups;  // by level
    // In the order of the graph: what is computed is soon read.
    for (const NodeId id : members) groups[{level_[id], together.find(id)}].push_back(id);
    for (auto& [key, group] : groups) split(group);
  }

  // A node that only later levels read moves there, unless that means more to read and to write.
  void sink(const std::vector<NodeId>& ordered, const std::vector<bool>& of_shape) {
    for (auto it = ordered.rbegin(); it != ordered.rend(); ++it) {
      const NodeId id = *it;
      if (!is_elementwise(node(id).op) || is_output_[node(id).outputs[0]] || readers_[id].empty())
        continue;
      int earliest = level_[readers_[id][0]];
      bool inside = true;
      for (const NodeId reader : readers_[id]) {
        inside = inside && of_shape[reader] && is_elementwise(node(reader).op);
        earliest = std::min(earliest, level_[reader]);
      }
      if (!inside || earliest <= level_[id]) continue;
      int transfers = 0;  // moving saves two: its result is neither written nor read
      for (std::size_t i = 0; i < node(id).inputs.size(); ++i) {
        const PassOperand& operand = grouping_.operand(id, static_cast<int>(i));
        if (pass_sizes(graph_.type(operand.value)) != shape_of(id)) continue;
        const NodeId producer = graph_.values[operand.value].node;
        if (producer == kNone || !of_shape[producer]) {
          ++transfers;
          continue;
        }
        const auto is_read_at = [&](int level) {
          return std::any_of(readers_[producer].begin(), readers_[producer].end(),
                             [&](NodeId reader) {
                               return reader != id && of_shape[reader] && level_[reader] == level;
                             });
        };
        const bool is_result = std::any_of(
            readers_[producer].begin(), readers_[producer].end(),
            [&](NodeId reader) { return !of_shape[reader] || level_[reader] != level_[producer]; });
        transfers +=
            (is_read_at(earliest) ? 0 : 1) + (is_result || level_[producer] == earliest ? 0 : 1);
      }
      if (transfers <= 2) level_[id] = earliest;
    }
  }

  void join_what_shares(const std::vector<NodeId>& ordered, const std::vector<bool>& of_shape,
                        std::int64_t count, UnionFind& together) const {
    std::map<std::pair<int, ValueId>, NodeId> first_reader;  // by level and operand
    std::map<int, NodeId> first_of_level;
    for (const NodeId id : ordered) {
      if (count <= kSmallPass)
        together.join(id, first_of_level.emplace(level_[id], id).first->second);
      for (std::size_t i = 0; i < node(id).inputs.size(); ++i) {
        const ValueId value = grouping_.operand(id, static_cast<int>(i)).value;
        const NodeId producer = graph_.values[value].node;
        if (producer != kNone && of_shape[producer] && level_[producer] == level_[id] &&
            is_elementwise(node(producer).op)) {
          together.join(id, producer);
        } else if (!graph_.type(value).is_scalar()) {
          together.join(id, first_reader.emplace(std::pair(level_[id], value), id).first->second);
        }
      }
    }
  }

  // Makes steps of the group: as many as its limits ask for.
  void split(Group group) {
    leave_out_reductions(group);
    while (group.size() > 1) {
      // How many results the first nodes have, for every number of them.
      std::vector<int> unread(group.size(), 0);
      std::vector<bool> inside(nodes_, false);
      int results = 0;
      std::size_t best = 1;
      for (std::size_t i = 0; i < group.size() && i < kMostInstructions; ++i) {
        const NodeId id = group[i];
        inside[id] = true;
        const auto is_result = [&](NodeId member) {
          return !is_elementwise(node(member).op) || is_output_[node(member).outputs[0]] ||
                 std::any_of(readers_[member].begin(), readers_[member].end(),
                             [&](NodeId reader) { return !inside[reader]; });
        };
        results += is_result(id);
        for (const NodeId dependency : distinct(dependencies_[id])) {
          // It was a result until its last reader came.
          if (inside[dependency] && is_elementwise(node(dependency).op) && !is_result(dependency))
            --results;
        }
        if (results <= kMostResults) best = i + 1;
      }
      const Group rest(group.begin() + static_cast<std::ptrdiff_t>(best), group.end());
      group.resize(best);
      const int step = step_of_[group[0]];
      for (const NodeId id : group) {
        steps_[step_of_[id]].clear();
        step_of_[id] = step;
      }
      steps_[step] = std::move(group);
      group = rest;
    }
  }

  static std::vector<NodeId> distinct(std::vector<NodeId> ids) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
  }

  // A pass reduces over all axes, and over one other set of them: that of most of its reductions.
  void leave_out_reductions(Group& group) const {
    std::map<Integers, int> kinds;
    for (const NodeId id : group) {
      if (is_partial(id)) ++kinds[reduced_pass_axes(graph_, node(id))];
    }
    if (kinds.size() < 2) return;
    const auto most =
        std::max_element(kinds.begin(), kinds.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    std::erase_if(group, [&](NodeId id) {
      return is_partial(id) && reduced_pass_axes(graph_, node(id)) != most->first;
    });
  }

  bool is_partial(NodeId id) const {
    return !is_elementwise(node(id).op) &&
           reduced_pass_axes(graph_, node(id)).size() < shape_of(id).size();
  }

  const Graph& graph_;
  const NodeId nodes_;
  Grouping grouping_;
  std::vector<bool> live_, is_output_;
  std::vector<std::vector<NodeId>> dependencies_, readers_;  // live ones, through views
  std::vector<Group> steps_;  // emptied where their nodes joined another
  std::vector<int> step_of_;
  std::vector<int> level_;
};

}  // namespace

Grouping group_passes(const Graph& graph) { return Grouper(graph).run(); }

bool folds_in_pass(const Graph& graph, const Node& node) {
  if (!folds_in_a_pass(node.op)) return false;
  const Type& from = graph.type(node.inputs[0]);
  const DType accumulator = graph.type(node.outputs[0]).dtype;
  if (from.dtype == DType::f16 || accumulator == DType::f16) return false;
  const bool logical = node.op == Op::reduce_any || node.op == Op::reduce_all;
  if (!logical && accumulator == DType::bool_) return false;
  const bool extremum = node.op == Op::reduce_max || node.op == Op::reduce_min;
  if (extremum && kind(from.dtype) == DTypeKind::complex) return false;
  // Reductions of nothing, and over nothing, are left to what they are.
  return count_of(pass_sizes(from)) > 0 && !reduced_pass_axes(graph, node).empty();
}

Integers reduced_pass_axes(const Graph& graph, const Node& node) {
  const Type& type = graph.type(node.inputs[0]);
  std::vector<bool> reduced(type.rank(), false);
  for (const std::int64_t axis : node.attributes.integers("axes")) {
    reduced[axis < 0 ? axis + type.rank() : axis] = true;
  }
  Integers axes;
  std::int64_t in_pass = 0;
  for (int axis = 0; axis < type.rank(); ++axis) {
    if (type.shape[axis].is_one()) continue;
    if (reduced[axis]) axes.push_back(in_pass);
    ++in_pass;
  }
  return axes;
}

}  // namespace gemmule
