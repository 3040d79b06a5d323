// From a graph with symbolic sizes to one with the sizes of a call.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace gemmule {

// Inputs whose values shapes depend on (a length given as an integer argument): the program is made
// for their values, which are part of the key of the cache. Indices into graph.inputs.
std::vector<int> static_value_inputs(const Graph& graph);

// The graph for inputs of the given static types, `values[i]` holding the tensor of input i where
// static_value_inputs asks for it. All types of the result are static, everything that depends on
// shapes and constants alone is folded. Throws ShapeError when sizes do not fit together (also where
// two sizes would have to broadcast that are not statically 1), and UnsupportedError when a size
// depends on computed data.
Graph specialise(const Graph& graph, const std::vector<Type>& input_types,
                 const std::vector<const Tensor*>& values);

// The same with elementwise ops one by one: no fused nodes, what `prepare` starts from.
Graph specialise_unfused(const Graph& graph, const std::vector<Type>& input_types,
                         const std::vector<const Tensor*>& values);

}  // namespace gemmule
