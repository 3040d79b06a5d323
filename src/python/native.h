// Calls of the native executor: NumPy arrays and mx.arrays in and out, computed on the calling thread.
#pragma once

#include <Python.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cpu/program.h"
#include "plan/program_cache.h"
#include "plan/sized_graph.h"

namespace gemmule {

class NativeExecutable {
 public:
  // `graph` outlives this. `donatable`: indices of inputs whose memory a call may overwrite and return.
  NativeExecutable(const SizedGraph& graph, std::vector<int> donatable, PrepareOptions options);

  // A new list (reference) of the results: NumPy arrays, or mx.arrays where any input is one. The number of
  // `inputs` is the graph's. Throws what executable.h says.
  PyObject* run(std::span<PyObject* const> inputs) const;

  // The program that a call with these inputs runs.
  std::shared_ptr<const CpuProgram> program(std::span<PyObject* const> inputs) const;

  // Seconds of each instruction, the minimum over `repeats` calls.
  std::vector<double> profile(std::span<PyObject* const> inputs, int repeats) const;

  std::vector<std::shared_ptr<const CpuProgram>> programs() const { return cache_.programs(); }

 private:
  class Call;

  std::shared_ptr<const CpuProgram> program_of(const Call& call) const;

  const SizedGraph& graph_;
  std::vector<int> donatable_;
  PrepareOptions options_;
  std::vector<DType> input_dtypes_, output_dtypes_;
  std::vector<int> input_types_, output_types_;  // NumPy's numbers
  std::vector<int> input_ranks_;
  mutable ProgramCache<CpuProgram> cache_;
  // The program that ran last; the interpreter's lock guards both.
  mutable ProgramKey last_key_;
  mutable std::shared_ptr<const CpuProgram> last_;
};

}  // namespace gemmule
