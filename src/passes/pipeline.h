// The passes in order, and the one loop that runs, verifies, times and dumps them.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "passes/pass.h"

namespace gemmule {

struct PipelineOptions {
  std::vector<std::string> disabled;  // rules, what rules make, or passes: {"ger", "fusion"}
  std::string dump;                   // "", "all", "after:blas" or a comma-separated list of those
  bool verify = true;                 // check the graph after each pass
};

struct Optimised {
  Graph graph;
  std::map<std::string, int> fired;                   // how often each rule fired
  std::vector<Missed> missed;                         // what nearly matched, and why it did not
  std::vector<std::pair<std::string, double>> times;  // seconds per pass, in order
};

const std::vector<Pass>& pipeline();

// Throws UserError when an option names no pass or rule. When a pass fails, the InternalError names it
// and the file with the graph that it was given.
Optimised optimise(Graph graph, const PipelineOptions& options = {});

// The kernels of a graph by name: {"gemm": 1, "elementwise": 2}.
std::map<std::string, int> kernel_counts(const Graph& graph);

// Every rule of every pass, in the order of the pipeline.
std::vector<const Rule*> all_rules();

}  // namespace gemmule
