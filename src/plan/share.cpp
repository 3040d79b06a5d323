// Functions of x and -x that begin with the same exponential share it:
//
//   e = exp(-|x|)
//   softplus(x)  = max(x, 0) + log1p(e)         softplus(-x) = max(-x, 0) + log1p(e)
//   sigmoid(x)   = (x < 0 ? e : 1) / (1 + e)    sigmoid(-x)  = (x > 0 ? e : 1) / (1 + e)
//
// These are the formulas by which the functions are computed anyway (kernels/scalar_functions.h), so that
// no value changes. The density of a Bernoulli variable with logits and its gradient have three of them.
#include <algorithm>
#include <map>

#include "plan/prepare.h"
#include "plan/rebuild.h"

namespace gemmule {
namespace {

struct Use {
  ValueId x;
  bool negated;  // the function is applied to -x
};

Use use_of(const Graph& graph, ValueId operand) {
  Use use{operand, false};
  while (const Node* node = graph.producer(use.x, Op::negative)) use = {node->inputs[0], !use.negated};
  return use;
}

bool shares(const Graph& graph, const Node& node) {
  if (node.op != Op::softplus && node.op != Op::sigmoid) return false;
  const DType dtype = graph.type(node.inputs[0]).dtype;
  return dtype == DType::f32 || dtype == DType::f64;
}

// The values that the functions of one x have in common.
struct Shared {
  ValueId zero, one, e, log1p = kNone, denominator = kNone;
};

class Sharer {
 public:
  explicit Sharer(const Graph& from) : from_(from) {}

  bool finds_any() {
    for (const Node& node : from_.nodes) {
      if (shares(from_, node)) ++functions_[use_of(from_, node.inputs[0]).x];
    }
    return std::ranges::any_of(functions_, [](const auto& entry) { return entry.second > 1; });
  }

  Graph run() {
    return rebuilt(from_, to_, moved_, [this](const Node& node) {
      origin_ = node.origin;
      return shares(from_, node) ? shared_form(node) : kNone;
    });
  }

 private:
  ValueId add(Op op, std::vector<ValueId> operands) { return to_.add(op, std::move(operands), {}, origin_); }

  Shared& shared(const Use& use) {
    const auto found = shared_.find(use.x);
    if (found != shared_.end()) return found->second;
    const DType dtype = from_.type(use.x).dtype;
    const ValueId size = add(Op::absolute, {moved_[use.x]});
    Shared shared{to_.add_scalar(dtype, 0), to_.add_scalar(dtype, 1), add(Op::exp, {add(Op::negative, {size})})};
    return shared_.emplace(use.x, shared).first->second;
  }

  ValueId shared_form(const Node& node) {
    const Use use = use_of(from_, node.inputs[0]);
    if (functions_[use.x] < 2) return kNone;
    return node.op == Op::softplus ? softplus(use) : sigmoid(use);
  }

  ValueId softplus(const Use& use) {
    Shared& common = shared(use);
    if (common.log1p == kNone) common.log1p = add(Op::log1p, {common.e});
    const ValueId x = use.negated ? add(Op::negative, {moved_[use.x]}) : moved_[use.x];
    return add(Op::add, {add(Op::maximum, {x, common.zero}), common.log1p});
  }

  ValueId sigmoid(const Use& use) {
    Shared& common = shared(use);
    if (common.denominator == kNone) common.denominator = add(Op::add, {common.one, common.e});
    const ValueId below = add(use.negated ? Op::greater : Op::less, {moved_[use.x], common.zero});
    return add(Op::divide, {add(Op::where, {below, common.e, common.one}), common.denominator});
  }

  const Graph& from_;
  Graph to_;
  std::vector<ValueId> moved_;
  std::map<ValueId, int> functions_;  // by x: how many functions of x and -x there are
  std::map<ValueId, Shared> shared_;
  std::string origin_;
};

}  // namespace

void share(Graph& graph, const PrepareOptions&) {
  Sharer sharer(graph);
  if (sharer.finds_any()) graph = sharer.run();
}

}  // namespace gemmule
