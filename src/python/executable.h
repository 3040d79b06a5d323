// What _core.Executable is: a graph, its programs by shape, and the way in and out for Python's
// arrays.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mlx/program.h"
#include "plan/program_cache.h"
#include "plan/sized_graph.h"
#include "python/arguments.h"
#include "python/native.h"

namespace gemmule {

class Executable {
 public:
  enum class Executor : std::uint8_t { automatic, cpu, mlx };

  // `donatable`: indices of inputs whose memory a call may overwrite. `device`: "cpu", "gpu", or nothing for
  // MLX's default device at the time of a call. `executor`: "cpu" computes at once on the calling thread, "mlx"
  // through MLX's arrays, "auto" takes the first where the device is the CPU. `disabled`: names of passes of the
  // native executor.
  Executable(Graph graph, std::vector<int> donatable, const std::optional<std::string>& device,
             const std::string& executor, std::vector<std::string> disabled);
  Executable(const Executable&) = delete;

  // NumPy in, NumPy out; mx.array out, which MLX's executor leaves lazy, where any input is an mx.array.
  nanobind::object run(nanobind::handle inputs) const;

  // The same from an array of borrowed references; null where only `run` can decide what to do.
  PyObject* run_native(std::span<PyObject* const> inputs) const;

  // Unevaluated mx.arrays whatever the inputs are.
  nanobind::object lazy(nanobind::handle inputs) const;
  // The graph that a call with these inputs runs.
  Graph specialised(nanobind::handle inputs) const;

  // The program of the native executor as text. Throws UserError where that would not run the call.
  std::string program_text(nanobind::handle inputs) const;
  // Its graph, and the seconds of each instruction: (index of the node or -1, minimum over `repeats` calls).
  std::pair<Graph, std::vector<std::pair<int, double>>> profile(nanobind::handle inputs, int repeats) const;

  const SizedGraph& sized_graph() const { return graph_; }
  // What the constructor takes besides the graph.
  const std::vector<int>& donatable() const { return donatable_; }
  std::optional<std::string> device_name() const;
  std::string executor_name() const;
  const std::vector<std::string>& disabled() const { return prepare_.disabled; }
  // The graphs of all programs made so far.
  std::vector<Graph> graphs() const;
  // The graph that a call with inputs of these sizes runs.
  Graph graph_for(std::span<const std::int64_t> sizes, const SizedGraph::ValueOf& value_of) const;

 private:
  struct Call;

  bool is_native() const;
  Call begin(nanobind::handle inputs) const;
  std::shared_ptr<const MlxProgram> program(const Call& call) const;
  nanobind::object run_lazy(Call& call) const;
  nanobind::object run_now(Call& call) const;
  Tensor value_of(const Call& call, int input) const;

  SizedGraph graph_;
  Executor executor_;
  PrepareOptions prepare_;
  NativeExecutable native_;
  mutable ProgramCache<MlxProgram> cache_;
  std::vector<int> donatable_;
  std::optional<mx::Device> device_;
  std::vector<DType> input_dtypes_, output_dtypes_;
};

}  // namespace gemmule
