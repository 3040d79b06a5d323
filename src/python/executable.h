// What _core.Executable is: a graph, its programs by shape, and the way in and out for Python's
// arrays.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mlx/program_cache.h"
#include "python/numpy_arrays.h"

namespace gemmule {

class Executable {
 public:
  // `donatable`: indices of inputs whose memory a call may overwrite. `device`: "cpu", "gpu", or
  // nothing for MLX's default device at the time of a call.
  Executable(Graph graph, std::vector<int> donatable, const std::optional<std::string>& device);

  // NumPy in, NumPy out; lazy mx.array out where any input is an mx.array.
  nanobind::object run(nanobind::handle inputs) const;
  // Unevaluated mx.arrays whatever the inputs are.
  nanobind::object lazy(nanobind::handle inputs) const;
  // The graph that a call with these inputs runs.
  Graph specialised(nanobind::handle inputs) const;

  const ProgramCache& cache() const { return cache_; }

 private:
  // One input of a call.
  struct Argument {
    nanobind::object
        keep;  // the NumPy array that is read, perhaps converted; invalid for an mx.array
    NumpyView view;
    const mx::array* mlx = nullptr;
    bool shared = false;  // read where it lies
  };
  struct Call;

  Argument argument(int index, PyObject* object) const;
  Call begin(nanobind::handle inputs) const;
  std::shared_ptr<const MlxProgram> program(const Call& call) const;
  nanobind::object run_lazy(Call& call) const;
  nanobind::object run_now(Call& call) const;
  Tensor value_of(const Call& call, int input) const;
  std::string describe(int index) const;  // "input 0 "A" of float64 with 2 dimensions"

  mutable ProgramCache cache_;
  std::vector<int> donatable_;
  std::optional<mx::Device> device_;
  std::vector<DType> input_dtypes_, output_dtypes_;
  std::vector<std::size_t> input_ranks_;
};

}  // namespace gemmule
