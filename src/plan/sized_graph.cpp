#include "plan/sized_graph.h"

#include <utility>

#include "plan/specialise.h"

namespace gemmule {

SizedGraph::SizedGraph(Graph graph)
    : graph_(std::move(graph)), static_values_(gemmule::static_value_inputs(graph_)) {}

template <class Specialise>
Graph SizedGraph::with_sizes(std::span<const std::int64_t> sizes, const ValueOf& value_of,
                             Specialise specialise) const {
  std::vector<Type> types;
  for (const ValueId input : graph_.inputs) {
    const std::size_t rank = graph_.type(input).shape.size();
    types.push_back(static_type(graph_.type(input).dtype, {sizes.begin(), sizes.begin() + rank}));
    sizes = sizes.subspan(rank);
  }
  std::vector<Tensor> tensors(static_values_.size());
  std::vector<const Tensor*> values(graph_.inputs.size(), nullptr);
  for (std::size_t i = 0; i < static_values_.size(); ++i) {
    tensors[i] = value_of(static_values_[i]);
    values[static_values_[i]] = &tensors[i];
  }
  return specialise(graph_, types, values);
}

Graph SizedGraph::specialised(std::span<const std::int64_t> sizes, const ValueOf& value_of) const {
  return with_sizes(sizes, value_of, specialise);
}

Graph SizedGraph::prepared(std::span<const std::int64_t> sizes, const ValueOf& value_of,
                           const PrepareOptions& options) const {
  return prepare(with_sizes(sizes, value_of, specialise_unfused), options);
}

}  // namespace gemmule
