// One function per binding area; module.cpp calls them in this order.
#pragma once

#include <nanobind/nanobind.h>

namespace gemmule {

void bind_graph(nanobind::module_& m);      // graph.cpp: Graph
void bind_passes(nanobind::module_& m);     // passes.cpp: optimise, rules, passes
void bind_program(nanobind::module_& m);    // program.cpp: Executable
void bind_stored_program(nanobind::module_& m);  // stored_program.cpp: Program
void bind_sampler(nanobind::module_& m);    // sampler.cpp: SamplerModel
void bind_thunk(nanobind::module_& m);      // thunk.cpp: thunk
void bind_cost(nanobind::module_& m);       // cost.cpp: kernels
void bind_ops(nanobind::module_& m);        // ops.cpp: gemm, gemv, ger ... over mx.array
void bind_call_here(nanobind::module_& m);  // call_here.cpp: evaluation on the calling thread
void bind_xla(nanobind::module_& m);        // xla.cpp: what JAX calls
void bind_generator(nanobind::module_& m);  // generator.cpp: NumPy's generators as values

}  // namespace gemmule
