// Reading a large matrix once: nodes that work row by row, products with the matrix among them,
// become one node that runs block of rows by block of rows. In a generalised linear model X@b, what
// is done with it and X.T@r read the same X: a block of it stays in cache from one product to the
// other.
//
// A set of nodes is grown from what is cut (a matrix along one of its axes, or a large product):
// nodes whose operands are cut in a way that row_cuts lists join it, in the order of the graph.
// What depends on the set through something outside of it, or on a sum over all rows, cannot join.
// Then the nodes that only the set reads join, as far as they can be cut. Of all sets the one that
// saves most is taken.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "plan/prepare.h"
#include "plan/row_cuts.h"
#include "rewrite/rule.h"

namespace gemmule {
namespace {

constexpr std::int64_t kFewestRows = 16, kMostRows = 2048;  // of a block
constexpr std::int64_t kSmallConstant = 64;                 // elements: goes into the body
constexpr int kMostSets = 8;
// Products of two matrices do this much with each element they read: beyond it memory does not
// matter, but how large the products are.
constexpr std::int64_t kMostColumns = 16;

std::int64_t bytes_of(const Type& type) {
  std::int64_t bytes = static_cast<std::int64_t>(size_of(type.dtype));
  for (const Dim& dim : type.shape) bytes *= dim.size;
  return bytes;
}

// An axis of a value.
struct Axis {
  ValueId value = kNone;
  std::int64_t axis = 0;
  friend auto operator<=>(const Axis&, const Axis&) = default;
};

// The axis of the matrix that this one is a transpose of.
Axis stored(const Graph& graph, Axis axis) {
  while (const Node* node = graph.producer(axis.value, Op::transpose)) {
    const Integers& perm = node->attributes.integers("perm");
    const auto rank = static_cast<std::int64_t>(perm.size());
    axis = {node->inputs[0], perm[axis.axis] < 0 ? perm[axis.axis] + rank : perm[axis.axis]};
  }
  return axis;
}

bool is_product(Op op) {
  return op == Op::matvec || op == Op::gemv || op == Op::matmul || op == Op::gemm ||
         op == Op::outer || op == Op::ger;
}

// Whether cutting a product leaves it as fast.
bool is_worth_cutting(const Graph& graph, const Node& node, const RowCut& cut) {
  if (node.op != Op::matmul && node.op != Op::gemm) return true;
  const Shape& shape = graph.type(node.outputs[0]).shape;
  const std::int64_t columns =
      cut.result == kNone ? std::min(shape[0].size, shape[1].size) : shape[1 - cut.result].size;
  return columns <= kMostColumns;
}

// A graph with what the search asks for often.
struct Indexed {
  const Graph& graph;
  std::vector<std::vector<RowCut>> cuts;                     // of each node
  std::vector<std::vector<std::pair<NodeId, int>>> readers;  // of each value: node and operand
  std::vector<bool> is_output;
  std::vector<ValueId> matrices;  // large ones, as they are stored
  std::vector<Axis> seeds;        // axes of matrices that may be worth cutting

  Indexed(const Graph& graph, const PrepareOptions& options)
      : graph(graph),
        cuts(graph.nodes.size()),
        readers(graph.values.size()),
        is_output(graph.values.size(), false) {
    for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
      cuts[id] = row_cuts(graph, graph.nodes[id]);
      std::erase_if(cuts[id], [&](const RowCut& cut) {
        return !is_worth_cutting(graph, graph.nodes[id], cut);
      });
      for (std::size_t i = 0; i < graph.nodes[id].inputs.size(); ++i) {
        readers[graph.nodes[id].inputs[i]].emplace_back(id, static_cast<int>(i));
      }
    }
    for (const ValueId output : graph.outputs) is_output[output] = true;
    for (ValueId value = 0; value < static_cast<ValueId>(graph.values.size()); ++value) {
      const Type& type = graph.type(value);
      const bool is_matrix =
          type.rank() == 2 && (type.dtype == DType::f32 || type.dtype == DType::f64);
      if (!is_matrix || readers[value].empty() || graph.producer(value, Op::transpose) != nullptr)
        continue;
      if (bytes_of(type) < static_cast<std::int64_t>(options.cache_bytes)) continue;
      matrices.push_back(value);
      if (may_be_worth_it(value)) seeds.insert(seeds.end(), {Axis{value, 0}, Axis{value, 1}});
    }
  }

  // Results of products and what products read are kept in cache; other matrices have to be read
  // twice.
  bool may_be_worth_it(ValueId value) const {
    const Node* producer = graph.producer(value);
    const bool by_pass = producer != nullptr && is_elementwise(producer->op);
    int reads = 0;
    const auto look = [&](ValueId seen) {
      for (const auto& [id, operand] : readers[seen]) {
        const Op op = graph.nodes[id].op;
        if (op != Op::transpose && (!by_pass || is_product(op))) ++reads;
      }
    };
    look(value);
    for (const auto& [id, operand] : readers[value]) {
      if (graph.nodes[id].op == Op::transpose) look(graph.nodes[id].outputs[0]);
    }
    return reads > 1 || (by_pass && reads > 0) || (producer != nullptr && is_product(producer->op));
  }
};

struct RowSet {
  std::int64_t rows = 0;
  std::map<NodeId, RowCut> nodes;  // in the order of the graph
  std::int64_t saved = 0;          // bytes that need not come from memory or go there
};

class Growth {
 public:
  // Rows are what `seed` says: an axis of a stored matrix, or of the result of a product.
  Growth(const Indexed& indexed, const PrepareOptions& options, Axis seed)
      : indexed_(indexed), graph_(indexed.graph), options_(options), seed_(seed) {
    set_.rows = graph_.type(seed.value).shape[seed.axis].size;
  }

  std::optional<RowSet> run() {
    if (set_.rows <= kFewestRows) return std::nullopt;
    for (const ValueId matrix : indexed_.matrices) {
      const Shape& shape = graph_.type(matrix).shape;
      if (shape[0] != shape[1] && shape[0].size == set_.rows) cut_axis_[matrix] = 0;
      if (shape[0] != shape[1] && shape[1].size == set_.rows) cut_axis_[matrix] = 1;
    }
    const bool is_result =
        graph_.producer(seed_.value) != nullptr && graph_.producer(seed_.value)->op != Op::constant;
    if (!is_result || cut_axis_.count(seed_.value) > 0) cut_axis_[seed_.value] = seed_.axis;
    grow();
    if (set_.nodes.size() < 2) return std::nullopt;
    pull();
    take_shared();
    count_saved();
    return set_;
  }

 private:
  // What is known of a value: the axis of its rows, or one of these.
  static constexpr std::int64_t outside = -1, summed = -2, after = -3;

  bool is_large(ValueId value) const {
    return bytes_of(graph_.type(value)) >= static_cast<std::int64_t>(options_.cache_bytes);
  }

  std::int64_t size(ValueId value, std::int64_t axis) const {
    return graph_.type(value).shape[axis].size;
  }

  // Whether a value from outside can be read like this; `wanted` becomes true where it is a matrix
  // that is to be read once.
  bool fits_outside(ValueId value, std::int64_t axis, bool& wanted) const {
    if (axis == kWhole) return !is_large(value);
    if (size(value, axis) != set_.rows) return false;
    const Axis base = stored(graph_, {value, axis});
    const auto cut = cut_axis_.find(base.value);
    if (cut == cut_axis_.end()) return true;
    wanted = wanted || cut->second == base.axis;
    return cut->second == base.axis;
  }

  bool fits(const Node& node, const RowCut& cut) const {
    bool joined = node.outputs[0] == seed_.value && cut.result == seed_.axis;
    const auto shared = shared_.find(node.outputs[0]);
    joined = joined || (shared != shared_.end() && cut.result == shared->second);
    if (cut.result >= 0 && size(node.outputs[0], cut.result) != set_.rows) return false;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const std::int64_t axis = cut.operands[i], is = state_[node.inputs[i]];
      if (axis == kAfterwards || axis == kRowNumbers) continue;
      if (is == outside) {
        if (!fits_outside(node.inputs[i], axis, joined)) return false;
      } else {
        if (is != axis) return false;
        joined = true;
      }
    }
    return joined;
  }

  void grow() {
    state_.assign(graph_.values.size(), outside);
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id) {
      const Node& node = graph_.nodes[id];
      const auto& cuts = indexed_.cuts[id];
      const auto found = std::find_if(cuts.begin(), cuts.end(),
                                      [&](const RowCut& cut) { return fits(node, cut); });
      if (found != cuts.end()) {
        // A view of the matrix itself is no work.
        const bool only_a_view = node.op == Op::transpose && state_[node.inputs[0]] == outside;
        if (only_a_view) continue;
        set_.nodes.emplace(id, *found);
        const bool afterwards = std::find(found->operands.begin(), found->operands.end(),
                                          kAfterwards) != found->operands.end();
        state_[node.outputs[0]] = found->result >= 0 ? found->result : afterwards ? after : summed;
        continue;
      }
      const bool depends = std::any_of(node.inputs.begin(), node.inputs.end(),
                                       [&](ValueId operand) { return state_[operand] != outside; });
      for (const ValueId output : node.outputs) state_[output] = depends ? after : outside;
    }
  }

  // Elementwise values that the set and others read: where they join, the others may.
  void take_shared() {
    for (const auto& [id, cut] : set_.nodes) {
      const Node& node = graph_.nodes[id];
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const ValueId value = node.inputs[i];
        const Node* producer = graph_.producer(value);
        if (cut.operands[i] < 0 || state_[value] != outside || producer == nullptr) continue;
        if (is_elementwise(producer->op) && !is_large(value))
          shared_.emplace(value, cut.operands[i]);
      }
    }
    if (shared_.empty()) return;
    const RowSet before = set_;
    set_.nodes.clear();
    grow();
    pull();
    const bool complete =
        std::all_of(before.nodes.begin(), before.nodes.end(),
                    [&](const auto& node) { return set_.nodes.count(node.first) > 0; });
    if (complete) return;
    shared_.clear();
    set_.nodes.clear();
    grow();
    pull();
  }

  // Nodes that only the set reads, each along one axis.
  void pull() {
    for (auto id = static_cast<NodeId>(graph_.nodes.size()) - 1; id >= 0; --id) {
      const Node& node = graph_.nodes[id];
      if (set_.nodes.count(id) > 0 || indexed_.cuts[id].empty()) continue;
      const ValueId value = node.outputs[0];
      if (state_[value] != outside || indexed_.is_output[value] || indexed_.readers[value].empty())
        continue;
      std::optional<std::int64_t> axis;
      bool agree = true;
      for (const auto& [reader, operand] : indexed_.readers[value]) {
        const auto member = set_.nodes.find(reader);
        if (member == set_.nodes.end()) {
          agree = false;
          break;
        }
        const std::int64_t cut = member->second.operands[operand];
        agree = agree && cut >= 0 && (!axis || axis == cut);
        axis = cut;
      }
      if (!agree) continue;
      for (const RowCut& cut : indexed_.cuts[id]) {
        bool ok = cut.result == *axis, wanted = false;
        for (std::size_t i = 0; ok && i < node.inputs.size(); ++i) {
          ok = cut.operands[i] == kRowNumbers ||
               (cut.operands[i] != kAfterwards &&
                fits_outside(node.inputs[i], cut.operands[i], wanted));
        }
        if (!ok) continue;
        set_.nodes.emplace(id, cut);
        state_[value] = cut.result;
        break;
      }
    }
  }

  void count_saved() {
    std::map<ValueId, int> reads;  // of matrices from outside
    for (const auto& [id, cut] : set_.nodes) {
      const Node& node = graph_.nodes[id];
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        if (cut.operands[i] < 0 || state_[node.inputs[i]] != outside) continue;
        const ValueId base = stored(graph_, {node.inputs[i], cut.operands[i]}).value;
        if (cut_axis_.count(base) > 0) ++reads[base];
      }
      const ValueId value = node.outputs[0];
      if (is_kept(value) && (is_product(node.op) || is_read_by_product(value))) {
        set_.saved += 2 * bytes_of(graph_.type(value));
      }
    }
    for (const auto& [base, count] : reads) set_.saved += (count - 1) * bytes_of(graph_.type(base));
  }

  bool is_read_by_product(ValueId value) const {
    const auto& readers = indexed_.readers[value];
    return std::any_of(readers.begin(), readers.end(), [&](const auto& reader) {
      return is_product(graph_.nodes[reader.first].op);
    });
  }

  // A large value that only the set reads is neither written nor read.
  bool is_kept(ValueId value) const {
    if (state_[value] < 0 || graph_.type(value).rank() != 2 || !is_large(value) ||
        indexed_.is_output[value])
      return false;
    const auto& readers = indexed_.readers[value];
    return std::all_of(readers.begin(), readers.end(),
                       [&](const auto& reader) { return set_.nodes.count(reader.first) > 0; });
  }

  const Indexed& indexed_;
  const Graph& graph_;
  const PrepareOptions& options_;
  const Axis seed_;
  std::map<ValueId, std::int64_t> cut_axis_;  // of large matrices
  std::map<ValueId, std::int64_t>
      shared_;  // values that join though others read them, and their axes
  std::vector<std::int64_t> state_;
  RowSet set_;
};

std::optional<RowSet> best_set(const Graph& graph, const PrepareOptions& options) {
  // Most graphs hold nothing large.
  const bool any = std::any_of(graph.values.begin(), graph.values.end(), [&](const Value& value) {
    return value.type.rank() == 2 &&
           bytes_of(value.type) >= static_cast<std::int64_t>(options.cache_bytes);
  });
  if (!any) return std::nullopt;
  const Indexed indexed(graph, options);
  std::optional<RowSet> best;
  for (const Axis& seed : indexed.seeds) {
    auto set = Growth(indexed, options, seed).run();
    if (set && set->saved > 0 && (!best || set->saved > best->saved)) best = std::move(set);
  }
  return best;
}

// Replaces the set by a node.
class Builder {
 public:
  Builder(Graph& graph, const RowSet& set, const PrepareOptions& options)
      : graph_(graph), set_(set), options_(options), body_(std::make_shared<Graph>()) {
    rows_ = body_->add_symbol("rows");
  }

  // Whether there was something to replace.
  bool run() {
    const std::int64_t block = block_rows();
    if (block >= set_.rows) return false;
    struct Result {
      NodeId node;
      ValueId inside;
    };
    std::vector<Result> results;
    const std::vector<bool> is_read = read_outside();
    for (const auto& [id, cut] : set_.nodes) {
      const Node& node = graph_.nodes[id];
      std::vector<ValueId> operands;
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const auto member = inside_.find(node.inputs[i]);
        const bool enters = cut.operands[i] >= 0 || cut.operands[i] == kWhole;
        operands.push_back(!enters                   ? kNone
                           : member != inside_.end() ? member->second
                                                     : enter({node.inputs[i], cut.operands[i]}));
      }
      const ValueId value = add_block(*body_, graph_, node, cut, operands);
      if (cut.result >= 0) inside_[node.outputs[0]] = value;
      if (is_read[node.outputs[0]]) results.push_back({id, value});
    }
    Integers result_axes;
    for (const Result& result : results) {
      body_->outputs.push_back(result.inside);
      result_axes.push_back(set_.nodes.at(result.node).result);
    }
    if (results.empty()) return false;
    *body_ = pruned(*body_);
    const auto values = graph_.add_all(Op::row_blocks, operands_,
                                       {{"body", std::shared_ptr<const Graph>(body_)},
                                        {"block", block},
                                        {"operand_axes", operand_axes_},
                                        {"result_axes", result_axes}});
    for (std::size_t i = 0; i < results.size(); ++i) {
      const Node node = graph_.nodes[results[i].node];
      const bool is_sum = result_axes[i] == kNone;
      replace_uses(graph_, node.outputs[0],
                   is_sum ? add_afterwards(graph_, node, values[i]) : values[i]);
    }
    graph_ = pruned(graph_);
    return true;
  }

 private:
  // As many rows as fill options.block_bytes with all that is cut into blocks.
  std::int64_t block_rows() const {
    std::map<ValueId, std::int64_t> matrices;
    std::int64_t row = 0;
    for (const auto& [id, cut] : set_.nodes) {
      const Node& node = graph_.nodes[id];
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        if (cut.operands[i] < 0) continue;
        const Type& type = graph_.type(node.inputs[i]);
        const ValueId base = stored(graph_, {node.inputs[i], cut.operands[i]}).value;
        if (type.rank() >= 2 && matrices.emplace(base, 0).second) row += bytes_of(type) / set_.rows;
      }
    }
    const double fitting = static_cast<double>(options_.block_bytes) /
                           static_cast<double>(std::max<std::int64_t>(row, 1));
    return std::clamp(static_cast<std::int64_t>(std::llround(fitting)), kFewestRows, kMostRows);
  }

  // By value: whether the graph's results or something outside the set read it.
  std::vector<bool> read_outside() const {
    std::vector<bool> read(graph_.values.size(), false);
    for (const ValueId output : graph_.outputs) read[output] = true;
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id) {
      const auto member = set_.nodes.find(id);
      const auto& inputs = graph_.nodes[id].inputs;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (member == set_.nodes.end() || member->second.operands[i] == kAfterwards)
          read[inputs[i]] = true;
      }
    }
    return read;
  }

  // A value from outside, inside the body. Small constants move in; a transpose is made inside.
  ValueId enter(const Axis& operand) {
    const Tensor* constant = graph_.constant(operand.value);
    const bool moves_in =
        operand.axis == kWhole && constant != nullptr && constant->count() <= kSmallConstant;
    const Axis base = operand.axis == kWhole ? operand : stored(graph_, operand);
    const auto [found, is_new] = entered_.try_emplace(operand, kNone);
    if (!is_new) return found->second;
    if (moves_in) return found->second = body_->add_constant(*constant);
    if (base.value != operand.value && graph_.type(base.value).rank() == 2) {
      const ValueId whole = enter(base);
      return entered_[operand] = base.axis == operand.axis ? whole
                                                           : body_->add(Op::transpose, {whole},
                                                                        {{"perm", Integers{1, 0}}});
    }
    Type type = graph_.type(operand.value);
    if (operand.axis != kWhole) type.shape[operand.axis] = Dim::unknown(rows_);
    operands_.push_back(operand.value);
    operand_axes_.push_back(operand.axis);
    return entered_[operand] = body_->add_input(std::move(type), graph_.values[operand.value].name);
  }

  Graph& graph_;
  const RowSet& set_;
  const PrepareOptions& options_;
  std::shared_ptr<Graph> body_;
  SymbolId rows_;
  std::map<ValueId, ValueId> inside_;
  std::map<Axis, ValueId> entered_;
  std::vector<ValueId> operands_;
  Integers operand_axes_;
};

}  // namespace

void row_blocks(Graph& graph, const PrepareOptions& options) {
  for (int i = 0; i < kMostSets; ++i) {
    const auto set = best_set(graph, options);
    if (!set || !Builder(graph, *set, options).run()) return;
  }
}

}  // namespace gemmule
