// Graphs as plain Python values, for pickle: what `Graph.__getstate__` gives and `Graph.__setstate__` takes.
#pragma once

#include <nanobind/nanobind.h>

#include "ir/graph.h"

namespace gemmule {

// Everything that the graph has, equations and names that are no identifiers included, which its text leaves out.
nanobind::tuple state_of(const Graph& graph);

// Throws UserError for what is not the state of a valid graph, and for one of another version of Gemmule.
Graph graph_of(const nanobind::tuple& state);

}  // namespace gemmule
