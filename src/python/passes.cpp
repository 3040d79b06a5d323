// _core.optimise, rules and passes.
#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "passes/batch.h"
#include "passes/pipeline.h"
#include "plan/evaluate.h"
#include "python/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gemmule {

void bind_passes(nb::module_& m) {
  nb::class_<Optimised>(m, "Optimised", "What the passes made of a graph.")
      .def_prop_ro("graph", [](const Optimised& optimised) { return optimised.graph; })
      .def_prop_ro("counts", [](const Optimised& optimised) { return kernel_counts(optimised.graph); },
                   "Kernels of the graph by name: {\"gemm\": 1}.")
      .def_ro("fired", &Optimised::fired, "How often each rule fired.")
      .def_ro("timings", &Optimised::times, "(pass, seconds), in order.")
      .def_prop_ro(
          "missed",
          [](const Optimised& optimised) {
            nb::list rows;
            for (const Missed& missed : optimised.missed) {
              nb::dict row;
              row["rule"] = missed.rule;
              row["node"] = missed.node;
              row["reason"] = missed.reason;
              rows.append(row);
            }
            return rows;
          },
          "What nearly matched: dicts of rule, node and reason.")
      .def("__getstate__",
           [](const Optimised& optimised) {
             nb::list missed;
             for (const Missed& row : optimised.missed) missed.append(nb::make_tuple(row.rule, row.node, row.reason));
             return nb::make_tuple(optimised.graph, optimised.fired, missed, optimised.times);
           })
      .def("__setstate__",
           [](Optimised& optimised, const nb::tuple& state) {
             Optimised restored{nb::cast<Graph>(state[0]), nb::cast<decltype(Optimised::fired)>(state[1]), {},
                                nb::cast<decltype(Optimised::times)>(state[3])};
             for (const nb::handle row : nb::cast<nb::list>(state[2])) {
               restored.missed.push_back({nb::cast<std::string>(row[0]), nb::cast<std::string>(row[1]),
                                          nb::cast<std::string>(row[2])});
             }
             new (&optimised) Optimised(std::move(restored));
           })
      .def("__deepcopy__", [](const Optimised& optimised, nb::handle) { return Optimised(optimised); }, "memo"_a);

  m.def(
      "optimise",
      [](const Graph& graph, std::vector<std::string> disabled, std::string dump, bool verify) {
        nb::gil_scoped_release release;
        return optimise(graph, {std::move(disabled), std::move(dump), verify});
      },
      "graph"_a, "disabled"_a = std::vector<std::string>{}, "dump"_a = "", "verify"_a = true,
      "Runs the passes. `disabled` names rules or passes; `dump` is \"all\" or \"after:<pass>\", comma\n"
      "separated, and prints to stderr. Raises ValueError for a name that does not exist.");
  m.def(
      "batched",
      [](const Graph& graph, std::vector<int> inputs, std::optional<std::int64_t> chains, bool reject) {
        nb::gil_scoped_release release;
        Graph result = batched(graph, {std::move(inputs), chains});
        if (reject) reject_failed(result);
        return result;
      },
      "graph"_a, "inputs"_a, "chains"_a = nb::none(), "reject"_a = false,
      "The graph for many chains, which are the first axis of these inputs and of all outputs; `chains` is their\n"
      "number, None for any. With `reject` the last output, bool[chains], says which chains passed all checks:\n"
      "results of the others become -inf or 0. Raises UnsupportedError for what chains cannot share.");
  m.def(
      "reject_failed",
      [](Graph& graph) { reject_failed(graph); }, "graph"_a,
      "What `reject` does, of a graph for one chain: its last output is bool[].");
  m.def(
      "evaluated_ops",
      [] {
        std::vector<std::string> names;
        for (int i = 0; i < kOpCount; ++i) {
          if (evaluates(static_cast<Op>(i))) names.emplace_back(info(static_cast<Op>(i)).name);
        }
        return names;
      },
      "The ops that are computed at once where all operands are known, so that sizes may be made of them.");
  m.def(
      "rules",
      [] {
        std::vector<std::pair<std::string, std::string>> rows;
        for (const Rule* rule : all_rules()) rows.emplace_back(rule->name, rule->text());
        return rows;
      },
      "(name, equation) of every rule, in the order in which they are tried.");
  m.def(
      "passes",
      [] {
        std::vector<std::pair<std::string, std::string>> rows;
        for (const Pass& pass : pipeline()) rows.emplace_back(pass.name, pass.summary);
        return rows;
      },
      "(name, summary) of every pass, in order.");
}

}  // namespace gemmule
