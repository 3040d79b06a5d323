// One pass over a graph.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "rewrite/rule.h"

namespace gemmule {

// What passes are told, and what they tell.
struct PassContext {
  std::vector<std::string> disabled;   // names of rules and passes that are switched off
  std::map<std::string, int> fired;    // how often each rule fired
  std::vector<Missed> missed;          // what nearly matched

  bool is_disabled(const std::string& name) const;
  // Applies rules and takes note of what they did.
  void apply(Graph& graph, const std::vector<Rule>& rules);
};

struct Pass {
  const char* name;
  const char* summary;
  void (*run)(Graph& graph, PassContext& context);
};

// In the order of the pipeline; each in the file of its name.
void canonicalise(Graph& graph, PassContext& context);
void merge(Graph& graph, PassContext& context);
void flatten(Graph& graph, PassContext& context);
void blas(Graph& graph, PassContext& context);
void expand(Graph& graph, PassContext& context);
void degrade(Graph& graph, PassContext& context);
void absorb(Graph& graph, PassContext& context);
void fusion(Graph& graph, PassContext& context);

// The rules that a pass applies, for listing, counting and fuzzing. The last two match what `degrade`
// and `absorb` see.
const std::vector<Rule>& canonical_rules();
const std::vector<Rule>& blas_rules();
const std::vector<Rule>& degrade_rules();
const std::vector<Rule>& absorb_rules();

}  // namespace gemmule
