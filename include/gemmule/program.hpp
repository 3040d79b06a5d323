// The C++ interface of Gemmule: programs that run without Python.
//
//   const auto program = gemmule::Program::load("model.gemmule");
//   gemmule::Density density(program);
//   std::vector<double> x = density.initial_point(), gradient(density.dim());
//   const double logp = density(x.data(), gradient.data());
//
// A layer over gemmule.h without code of its own in the library: any C++17 compiler takes it.
// Programs never change: threads may use one at once.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gemmule/gemmule.h"

namespace gemmule {

// What went wrong, and its code in gemmule.h.
class Error : public std::runtime_error {
 public:
  explicit Error(int status) : std::runtime_error(gemmule_last_error()), status_(status) {}
  int status() const noexcept { return status_; }
  // Of this point only: a sampler may reject it and go on.
  bool is_recoverable() const noexcept { return status_ > 0; }

 private:
  int status_;
};

namespace detail {

inline void check(int status) {
  if (status != GEMMULE_OK) throw Error(status);
}

template <class T>
constexpr gemmule_dtype dtype_of() {
  if constexpr (std::is_same_v<T, bool>)
    return GEMMULE_BOOL;
  else if constexpr (std::is_same_v<T, float>)
    return GEMMULE_FLOAT32;
  else if constexpr (std::is_same_v<T, double>)
    return GEMMULE_FLOAT64;
  else if constexpr (std::is_same_v<T, std::complex<float>>)
    return GEMMULE_COMPLEX64;
  else if constexpr (std::is_same_v<T, std::complex<double>>)
    return GEMMULE_COMPLEX128;
  else {
    static_assert(std::is_integral_v<T> && sizeof(T) <= 8, "no dtype of this element");
    constexpr int first = std::is_signed_v<T> ? GEMMULE_INT8 : GEMMULE_UINT8;
    constexpr int power = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
    return static_cast<gemmule_dtype>(first + power);
  }
}

inline std::size_t size_of(gemmule_dtype dtype) {
  constexpr std::size_t sizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 8, 16};
  return sizes[dtype];
}

}  // namespace detail

// An input or output of a function, data, or a variable of a model; -1: any size.
struct Variable {
  std::string name;
  gemmule_dtype dtype = GEMMULE_FLOAT64;
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0;  // of a variable of a model: its first element in the flat vector

  explicit Variable(const gemmule_variable& from, std::uint64_t at = 0)
      : name(from.name), dtype(from.dtype), shape(from.shape, from.shape + from.rank), offset(at) {}

  // Throws std::logic_error where a size is -1.
  std::size_t size() const {
    std::size_t count = 1;
    for (const std::int64_t n : shape) {
      if (n < 0)
        throw std::logic_error("gemmule::Variable: a size of \"" + name + "\" is not known");
      count *= static_cast<std::size_t>(n);
    }
    return count;
  }
};

// An array in memory of one's own, row-major. Elements are zeros at first.
class Array {
 public:
  // Throws std::invalid_argument for sizes that are negative or that no memory has.
  Array(gemmule_dtype dtype, std::vector<std::int64_t> shape)
      : dtype_(dtype), shape_(std::move(shape)), elements_(bytes(dtype, shape_)) {}

  template <class T>
  Array(std::vector<std::int64_t> shape, const std::vector<T>& elements)
      : Array(detail::dtype_of<T>(), std::move(shape)) {
    if (elements.size() != size())
      throw std::invalid_argument("gemmule::Array: the shape has another number of elements");
    for (std::size_t i = 0; i < elements.size(); ++i) at<T>(i) = elements[i];
  }
  Array(double value)
      : Array({}, std::vector<double>{value}) {}  // NOLINT: a number is an array without dimensions
  Array(const std::vector<double>& vector)
      : Array({static_cast<std::int64_t>(vector.size())}, vector) {}  // NOLINT

  gemmule_dtype dtype() const { return dtype_; }
  const std::vector<std::int64_t>& shape() const { return shape_; }
  std::size_t size() const {
    std::size_t count = 1;
    for (const std::int64_t n : shape_) count *= static_cast<std::size_t>(n);
    return count;
  }
  void* data() { return elements_.data(); }
  const void* data() const { return elements_.data(); }

  // The element at a flat index. Throws std::invalid_argument when the dtype is not that of T.
  template <class T = double>
  T& at(std::size_t i) {
    return elements<T>()[i];
  }
  template <class T = double>
  const T& at(std::size_t i) const {
    return const_cast<Array*>(this)->elements<T>()[i];
  }

  gemmule_array view() const {
    return {elements_.data(), dtype_, static_cast<std::int32_t>(shape_.size()), shape_.data(),
            nullptr};
  }

 private:
  template <class T>
  T* elements() {
    if (detail::dtype_of<T>() != dtype_)
      throw std::invalid_argument("gemmule::Array: elements of another type");
    return reinterpret_cast<T*>(elements_.data());
  }

  static std::size_t bytes(gemmule_dtype dtype, const std::vector<std::int64_t>& shape) {
    constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max();
    std::size_t count = detail::size_of(dtype);
    for (const std::int64_t n : shape) {
      if (n < 0 || (n > 0 && count > most / static_cast<std::size_t>(n)))
        throw std::invalid_argument("gemmule::Array: a size that cannot be");
      count *= static_cast<std::size_t>(n);
    }
    return count > 0 ? count : 1;  // data() is never null
  }

  gemmule_dtype dtype_;
  std::vector<std::int64_t> shape_;
  std::vector<unsigned char> elements_;  // from operator new: aligned for every dtype
};

class Program;

// A function of a program, which it keeps alive.
class Function {
 public:
  std::string name() const { return gemmule_function_name(function_); }
  std::vector<Variable> inputs() const {
    return list(gemmule_input_count(function_), gemmule_input);
  }
  std::vector<Variable> outputs() const {
    return list(gemmule_output_count(function_), gemmule_output);
  }
  // The variables of a model in the vector that "logp" takes, or that "expand" gives.
  std::vector<Variable> parts() const {
    std::vector<Variable> all;
    for (std::size_t i = 0; i < gemmule_part_count(function_); ++i) {
      gemmule_variable part;
      std::uint64_t offset = 0;
      detail::check(gemmule_part(function_, i, &part, &offset));
      all.emplace_back(part, offset);
    }
    return all;
  }

  // Throws Error. The first call with new shapes takes milliseconds more.
  std::vector<Array> operator()(const std::vector<Array>& inputs) const {
    std::vector<gemmule_array> views;
    std::vector<const void*> from;
    for (const Array& input : inputs) {
      views.push_back(input.view());
      from.push_back(input.data());
    }
    gemmule_call* made = nullptr;
    detail::check(gemmule_bind(function_, views.data(), views.size(), &made));
    const std::unique_ptr<gemmule_call, void (*)(gemmule_call*)> call(made, gemmule_call_free);
    std::vector<Array> results;
    std::vector<void*> to;
    for (std::size_t i = 0; i < gemmule_output_count(function_); ++i) {
      gemmule_variable output;
      detail::check(gemmule_call_output(call.get(), i, &output));
      results.emplace_back(output.dtype,
                           std::vector<std::int64_t>(output.shape, output.shape + output.rank));
    }
    for (Array& result : results) to.push_back(result.data());
    detail::check(gemmule_run(call.get(), from.data(), to.data()));
    return results;
  }

  const gemmule_function* get() const { return function_; }

 private:
  friend class Program;
  Function(std::shared_ptr<gemmule_program> program, const gemmule_function* function)
      : program_(std::move(program)), function_(function) {}

  template <class Ask>
  std::vector<Variable> list(std::size_t count, Ask ask) const {
    std::vector<Variable> all;
    for (std::size_t i = 0; i < count; ++i) {
      gemmule_variable variable;
      detail::check(ask(function_, i, &variable));
      all.emplace_back(variable);
    }
    return all;
  }

  std::shared_ptr<gemmule_program> program_;
  const gemmule_function* function_;
};

// Copies share one program. All members throw Error.
class Program {
 public:
  static Program load(const std::string& path) {
    gemmule_program* program = nullptr;
    detail::check(gemmule_load(path.c_str(), &program));
    return Program(program);
  }
  static Program from_bytes(const void* bytes, std::size_t size) {
    gemmule_program* program = nullptr;
    detail::check(gemmule_load_memory(bytes, size, &program));
    return Program(program);
  }
  void save(const std::string& path) const { detail::check(gemmule_save(get(), path.c_str())); }

  std::vector<Function> functions() const {
    std::vector<Function> all;
    for (std::size_t i = 0; i < gemmule_function_count(get()); ++i) {
      all.push_back(Function(program_, gemmule_function_at(get(), i)));
    }
    return all;
  }
  bool has(const std::string& name) const { return gemmule_find(get(), name.c_str()) != nullptr; }
  // Throws std::out_of_range where there is none.
  Function function(const std::string& name) const {
    const gemmule_function* found = gemmule_find(get(), name.c_str());
    if (found == nullptr)
      throw std::out_of_range("gemmule: the program has no function \"" + name + "\"");
    return Function(program_, found);
  }
  // The function "main".
  std::vector<Array> operator()(const std::vector<Array>& inputs) const {
    return function("main")(inputs);
  }

  std::vector<Variable> data() const {
    std::vector<Variable> all;
    for (std::size_t i = 0; i < gemmule_data_count(get()); ++i) {
      gemmule_variable variable;
      detail::check(gemmule_data(get(), i, &variable, nullptr));
      all.emplace_back(variable);
    }
    return all;
  }
  Program with_data(const std::string& name, const Array& value) const {
    const gemmule_array view = value.view();
    gemmule_program* changed = nullptr;
    detail::check(gemmule_with_data(get(), name.c_str(), &view, &changed));
    return Program(changed);
  }
  // "" where nothing is said.
  std::string metadata(const std::string& key) const {
    const char* text = gemmule_metadata(get(), key.c_str());
    return text == nullptr ? "" : text;
  }

  gemmule_program* get() const { return program_.get(); }

 private:
  explicit Program(gemmule_program* program) : program_(program, gemmule_free) {}

  std::shared_ptr<gemmule_program> program_;
};

// The density of a model and its gradient, of one flat vector. Calls by threads at once are fine.
class Density {
 public:
  // Throws Error where the program is that of no model.
  explicit Density(Program program) : program_(std::move(program)) {
    detail::check(gemmule_dim(program_.get(), &dim_));
    detail::check(gemmule_prepare(program_.get()));
    if (program_.has("expand")) detail::check(gemmule_expanded(program_.get(), &expanded_));
  }

  std::uint64_t dim() const { return dim_; }
  std::uint64_t expanded() const { return expanded_; }
  std::vector<double> initial_point() const {
    std::vector<double> x(dim_);
    detail::check(gemmule_initial_point(program_.get(), dim_, x.data()));
    return x;
  }

  // x[dim] -> the density; its gradient to gradient[dim]. Minus infinity where the model rejects x:
  // where a check fails, a matrix is not positive definite, a result not finite. Throws Error for
  // all else.
  double operator()(const double* x, double* gradient) const {
    double logp = 0;
    const int status = gemmule_logp(dim_, x, gradient, &logp, program_.get());
    if (status > 0) return -std::numeric_limits<double>::infinity();
    detail::check(status);
    return logp;
  }
  // x[dim] -> out[expanded]
  void expand(const double* x, double* out) const {
    detail::check(gemmule_expand(dim_, expanded_, x, out, program_.get()));
  }

  const Program& program() const { return program_; }

 private:
  Program program_;
  std::uint64_t dim_ = 0, expanded_ = 0;
};

}  // namespace gemmule
