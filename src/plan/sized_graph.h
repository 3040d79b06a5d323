// A graph for all sizes, and its form for those of one call.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ir/graph.h"
#include "plan/prepare.h"

namespace gemmule {

class SizedGraph {
 public:
  explicit SizedGraph(Graph graph);

  const Graph& graph() const { return graph_; }

  // Indices of the inputs whose values decide sizes.
  const std::vector<int>& static_value_inputs() const { return static_values_; }

  // The tensor of an input that is one of static_value_inputs.
  using ValueOf = std::function<Tensor(int input)>;

  // `sizes` are those of all inputs in order; their ranks are the graph's. Throws what specialise throws.
  Graph specialised(std::span<const std::int64_t> sizes, const ValueOf& value_of) const;

  // The same for the native executor: see prepare.h.
  Graph prepared(std::span<const std::int64_t> sizes, const ValueOf& value_of, const PrepareOptions& options) const;

 private:
  template <class Specialise>
  Graph with_sizes(std::span<const std::int64_t> sizes, const ValueOf& value_of, Specialise specialise) const;

  Graph graph_;
  std::vector<int> static_values_;
};

}  // namespace gemmule
