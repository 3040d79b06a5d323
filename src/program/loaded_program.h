// A program that runs: its functions with their data, and the density of a model by address.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/program_cache.h"
#include "program/bound_function.h"
#include "program/package.h"

namespace gemmule {

// A copy, row-major.
Tensor packed_tensor(const ArgumentLayout& layout, const void* data);

// Threads may call at once.
class LoadedFunction {
 public:
  // Both outlive this. Inputs that `data` names have those values.
  LoadedFunction(const PackedFunction& function, const Named<Tensor>& data);

  const PackedFunction& packed() const { return function_; }
  // Indices of the graph's inputs that a call gives, in order.
  std::span<const int> arguments() const { return arguments_; }
  const Type& argument_type(int argument) const;
  const std::string& argument_name(int argument) const {
    return function_.inputs[arguments_[argument]];
  }

  // The function for arguments like these; their memory is read where a size is made of their
  // values. Throws ShapeError, DTypeError, and UnsupportedError for what no kernel runs.
  std::shared_ptr<const BoundFunction> bind(std::span<const ArgumentLayout> layouts,
                                            const void* const* inputs) const;

  // Whether sizes are made of the values of arguments: one shape is not enough to bind it.
  bool needs_values() const { return !read_.empty(); }

  // The variables in the flat vector of "logp" or "expand", with the sizes that they have for these
  // data. Throws what `bind` and BoundFunction::run throw, where data do not fit each other.
  std::span<const Part> parts() const;
  // The function that gives the shapes of the parts, which outlives this.
  void set_shapes(const LoadedFunction& shapes) { shapes_ = &shapes; }

  // -1 for a size that a call decides.
  const Extents& argument_shape(int argument) const { return argument_shapes_[argument]; }
  const Extents& output_shape(int output) const { return output_shapes_[output]; }

 private:
  Tensor value_of(int argument, const ArgumentLayout& layout, const void* data) const;

  const PackedFunction& function_;
  std::vector<const Tensor*> data_;  // per input of the graph; null: an argument
  std::vector<int> arguments_;
  std::vector<Extents> argument_shapes_, output_shapes_;
  std::vector<int> read_;  // arguments of whose values sizes are made
  mutable ProgramCache<BoundFunction> cache_;
  const LoadedFunction* shapes_ = nullptr;
  mutable std::mutex parts_mutex_;
  mutable std::optional<std::vector<Part>> parts_;  // made when they are first asked for
};

// A function of one flat vector f64[dim], bound when it is first called.
class FlatFunction {
 public:
  // `ranks` are those of its outputs, all f64. Throws UserError where it is no such function, which
  // outlives this.
  FlatFunction(const LoadedFunction& function, std::span<const int> ranks);
  FlatFunction(const FlatFunction&) = delete;
  FlatFunction& operator=(const FlatFunction&) = delete;

  // Throws ShapeError when x has another length than the function declares or was bound with.
  const BoundFunction& bound(std::uint64_t dim) const;
  // Throws UserError while it is not known.
  std::uint64_t dim() const;

 private:
  const BoundFunction& bind(std::uint64_t dim) const;

  const LoadedFunction& function_;
  std::int64_t declared_ = -1;
  mutable std::mutex mutex_;  // of what follows, but for readers of bound_
  mutable std::shared_ptr<const BoundFunction> kept_;
  mutable std::uint64_t bound_dim_ = 0;  // set before bound_ is
  mutable std::atomic<const BoundFunction*> bound_{nullptr};
};

// Immutable; threads may call at once.
class LoadedProgram {
 public:
  // Throws what validate throws.
  explicit LoadedProgram(std::shared_ptr<const Package> package);

  const Package& package() const { return *package_; }
  std::span<const std::unique_ptr<LoadedFunction>> functions() const { return functions_; }
  // Throws UserError where there is none.
  const LoadedFunction& function(std::string_view name) const;

  // The same program with other values of data. Throws UserError for a name that is none of the
  // data's, and for values of another dtype or shape than a function declares.
  std::unique_ptr<LoadedProgram> with_data(const Named<Tensor>& updates) const;

  // The density of a model at x, f64[dim], and its gradient: the function "logp". Throws what
  // BoundFunction::run throws, UserError where there is no such function or x has another length.
  void logp(std::uint64_t dim, const double* x, double* gradient, double* logp) const;
  // All that is worth keeping of a draw, flat: the function "expand".
  void expand(std::uint64_t dim, std::uint64_t expanded, const double* x, double* out) const;

  // Lengths of x and of what expand gives; throw UserError where the program does not say them.
  std::uint64_t dim() const;
  std::uint64_t expanded() const;

  // Does now what the first calls of the two would. Throws what they would.
  void prepare() const;

 private:
  std::shared_ptr<const Package> package_;
  std::vector<std::unique_ptr<LoadedFunction>> functions_;
  std::unique_ptr<const FlatFunction> logp_, expand_;
  std::string no_logp_, no_expand_;  // why they are null
};

}  // namespace gemmule
