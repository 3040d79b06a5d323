// Rules: an equation, the condition under which it holds, and how the driver applies lists of them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "rewrite/pattern.h"

namespace gemmule {

// What one match found.
struct Match {
  const Graph* graph = nullptr;
  const std::vector<int>* uses = nullptr;  // readers of each value
  ValueId root = kNone;
  std::map<std::string, ValueId> bindings;  // variable -> value
  std::map<Op, ValueId> calls;              // first result of the node matched for each op of the pattern
  std::vector<ValueId> rest;                // what a sum left over: scale, term, scale, term ...

  const Type& type(const std::string& variable) const { return graph->type(bindings.at(variable)); }
};

// A condition on a match. `check` returns "" when it holds, otherwise the reason why it does not, in
// words for the user: "%4 also feeds %12".
struct Guard {
  std::string text;
  std::function<std::string(const Match&)> check;
  bool tell = true;  // whether a failure is worth telling the user (a missed opportunity)
};

struct Rule {
  std::string name;
  Pattern pattern;
  Pattern replacement;
  std::vector<Guard> guards;

  // "gemm: a*matmul(A, B) + b*C -> gemm(a, A, B, b, C), when matmul has no other reader"
  std::string text() const;
};

// -- guards -----------------------------------------------------------------------------------------
Guard sole_use(Op op);                                     // the matched node of `op` has one reader
Guard same_shape(std::string variable, Op op);             // variable and the result of `op`: no broadcasting
Guard not_one(std::string variable);                       // the scale is not the constant 1
Guard static_one(std::string variable, int axis);          // that axis has size 1 in every run
Guard not_static_one(std::string variable, int axis);
Guard not_product(std::string variable);                   // the value is not a product that could fuse itself

// Something that nearly matched.
struct Missed {
  std::string rule;
  std::string node;    // "%7" or the user's name
  std::string reason;  // "%4 also feeds %12"

  friend auto operator<=>(const Missed&, const Missed&) = default;
};

struct RewriteReport {
  std::map<std::string, int> fired;  // by rule
  std::vector<Missed> missed;        // of the last round: what stayed
};

// The op that the rule makes, "" when it makes a view or nothing new.
std::string_view made_by(const Rule& rule);

// Throws InternalError when a replacement or a guard names a variable that the pattern does not bind.
void check_rules(const std::vector<Rule>& rules);

// Applies the rules, the first that matches at each node, until none does. Replaced nodes are pruned.
// Rules named in `disabled`, and rules that make an op named there ("gemm": all that make a gemm), are
// left out. Throws InternalError when rules do not come to an end.
RewriteReport apply_rules(Graph& graph, const std::vector<Rule>& rules,
                          const std::vector<std::string>& disabled = {});

// All matches of `pattern` with `value` as the root, until `accept` returns true; returns whether it did.
bool match(const Graph& graph, const std::vector<int>& uses, const Pattern& pattern, ValueId value,
           const std::function<bool(const Match&)>& accept);

// Adds the nodes of `pattern` with the bound values and returns its value.
ValueId instantiate(Graph& graph, const Pattern& pattern, const Match& match);

// Makes every reader of `from` read `to`, and gives `to` the sizes that only `from` knew.
void replace_uses(Graph& graph, ValueId from, ValueId to);

}  // namespace gemmule
