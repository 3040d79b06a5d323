#include "program/loaded_program.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "ir/text.h"
#include "kernels/movement.h"
#include "plan/specialise.h"

namespace gemmule {
namespace {

std::string quoted(std::string_view name) { return '"' + std::string(name) + '"'; }

std::string names_of(const Package& package) {
  std::string text;
  for (const PackedFunction& function : package.functions)
    text += (text.empty() ? "" : ", ") + quoted(function.name);
  return text;
}

}  // namespace

Tensor packed_tensor(const ArgumentLayout& layout, const void* data) {
  Tensor tensor = Tensor::zeros(layout.dtype, layout.shape);
  if (tensor.count() == 0) return tensor;
  const Extents packed = row_major_strides(layout.shape);
  const View to{const_cast<std::byte*>(tensor.data.get()), layout.dtype, layout.shape, packed};
  kernels::copy(
      {data, layout.dtype, layout.shape, layout.strides.empty() ? packed : layout.strides}, to);
  return tensor;
}

// -- a function
// ------------------------------------------------------------------------------------------------------

LoadedFunction::LoadedFunction(const PackedFunction& function, const Named<Tensor>& data)
    : function_(function) {
  for (std::size_t i = 0; i < function.inputs.size(); ++i) {
    data_.push_back(find_named(data, function.inputs[i]));
    if (data_.back() == nullptr) arguments_.push_back(static_cast<int>(i));
  }
  const auto shape_of = [&](ValueId value) {
    Extents shape;
    for (const Dim& dim : function.graph.type(value).shape)
      shape.push_back(dim.is_known() ? dim.size : -1);
    return shape;
  };
  for (const int index : arguments_)
    argument_shapes_.push_back(shape_of(function.graph.inputs[index]));
  for (const ValueId output : function.graph.outputs) output_shapes_.push_back(shape_of(output));
  std::vector<int> read = static_value_inputs(function.graph);
  if (function.checks) {
    const std::vector<int> more = static_value_inputs(function.checks->conditions);
    read.insert(read.end(), more.begin(), more.end());
  }
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (std::ranges::find(read, arguments_[i]) != read.end()) read_.push_back(static_cast<int>(i));
  }
}

const Type& LoadedFunction::argument_type(int argument) const {
  return function_.graph.type(function_.graph.inputs[arguments_[argument]]);
}

Tensor LoadedFunction::value_of(int argument, const ArgumentLayout& layout,
                                const void* data) const {
  if (data == nullptr) {
    throw UserError("a size is made of the value of input " + quoted(argument_name(argument)) +
                    ", which is not given");
  }
  return packed_tensor(layout, data);
}

std::shared_ptr<const BoundFunction> LoadedFunction::bind(std::span<const ArgumentLayout> layouts,
                                                          const void* const* inputs) const {
  if (layouts.size() != arguments_.size()) {
    throw UserError("function " + quoted(function_.name) + " takes " +
                    std::to_string(arguments_.size()) + " inputs, " +
                    std::to_string(layouts.size()) + " were given");
  }
  ProgramKey key;
  std::vector<Extents> strides(layouts.size());
  for (std::size_t i = 0; i < layouts.size(); ++i) {
    const ArgumentLayout& layout = layouts[i];
    const Type& declared = argument_type(static_cast<int>(i));
    const auto text = [&] {
      return "input " + quoted(argument_name(static_cast<int>(i))) + " is " +
             to_text(static_type(layout.dtype, layout.shape)) + ", function " +
             quoted(function_.name) + " declares " + to_text(declared, &function_.graph);
    };
    if (layout.dtype != declared.dtype) throw DTypeError(text());
    bool fits = layout.shape.size() == declared.shape.size();
    for (std::size_t axis = 0; fits && axis < layout.shape.size(); ++axis) {
      const Dim& dim = declared.shape[axis];
      fits = layout.shape[axis] >= 0 && (!dim.is_known() || dim.size == layout.shape[axis]);
    }
    if (!fits) throw ShapeError(text());
    if (!layout.strides.empty() && layout.strides.size() != layout.shape.size()) {
      throw ShapeError("input " + quoted(argument_name(static_cast<int>(i))) + " has " +
                       std::to_string(layout.strides.size()) + " strides for " +
                       std::to_string(layout.shape.size()) + " dimensions");
    }
    key.insert(key.end(), layout.shape.begin(), layout.shape.end());
    if (!layout.strides.empty() && layout.strides != row_major_strides(layout.shape))
      strides[i] = layout.strides;
    key.push_back(strides[i].empty() ? 0 : 1);
    key.insert(key.end(), strides[i].begin(), strides[i].end());
  }
  std::vector<Tensor> read;
  for (const int argument : read_) {
    const void* data = inputs == nullptr ? nullptr : inputs[argument];
    read.push_back(value_of(argument, layouts[static_cast<std::size_t>(argument)], data));
    const std::size_t words = (read.back().bytes() + 7) / 8;
    key.resize(key.size() + words, 0);
    if (words > 0)
      std::memcpy(&key[key.size() - words], read.back().data.get(), read.back().bytes());
  }
  if (auto found = cache_.find(key)) return found;

  BoundFunction::Inputs all{
      .types = {}, .values = {}, .arguments = arguments_, .strides = std::move(strides)};
  std::size_t argument = 0;
  for (std::size_t i = 0; i < data_.size(); ++i) {
    if (data_[i] != nullptr) {
      all.types.push_back(static_type(data_[i]->dtype, data_[i]->shape));
      all.values.emplace_back(*data_[i]);
    } else {
      const ArgumentLayout& layout = layouts[argument++];
      all.types.push_back(static_type(layout.dtype, layout.shape));
      all.values.emplace_back();
    }
  }
  for (std::size_t i = 0; i < read_.size(); ++i) {
    all.values[static_cast<std::size_t>(arguments_[static_cast<std::size_t>(read_[i])])] =
        std::move(read[i]);
  }
  auto made = std::make_shared<const BoundFunction>(function_, std::move(all));
  const std::size_t bytes = made->bytes();
  return cache_.keep(key, std::move(made), bytes);
}

namespace {

// What `shapes` gives, in place of the shapes that were written down.
std::vector<Part> sized(std::vector<Part> parts, const LoadedFunction& shapes) {
  // It may take the flat vector, of which only the length matters.
  std::vector<Tensor> arguments;
  std::vector<ArgumentLayout> layouts;
  std::vector<const void*> from;
  for (int i = 0; i < static_cast<int>(shapes.arguments().size()); ++i) {
    const Extents& shape = shapes.argument_shape(i);
    if (std::ranges::find(shape, -1) != shape.end())
      throw UserError("function " + quoted(shapes.packed().name) + " takes inputs of any size");
    arguments.push_back(Tensor::zeros(shapes.argument_type(i).dtype, shape));
    layouts.push_back({arguments.back().dtype, shape, {}});
    from.push_back(arguments.back().data.get());
  }
  const auto bound = shapes.bind(layouts, from.data());
  std::vector<void*> to;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].shape.assign(static_cast<std::size_t>(bound->outputs()[i].shape[0]), 0);
    to.push_back(parts[i].shape.data());
  }
  bound->run(from.data(), to.data());
  constexpr std::int64_t kMost = std::int64_t{1} << 48;
  std::int64_t total = 0;
  for (const Part& part : parts) {
    std::int64_t count = 1;
    for (const std::int64_t size : part.shape) {
      if (size < 0 || (size > 0 && count > kMost / size))
        throw UserError("part " + quoted(part.name) + " has a size that cannot be");
      count *= size;
    }
    if ((total += count) > kMost) throw UserError("the parts are too large");
  }
  return parts;
}

}  // namespace

std::span<const Part> LoadedFunction::parts() const {
  if (shapes_ == nullptr) return function_.parts;
  const std::lock_guard lock(parts_mutex_);
  if (!parts_) parts_ = sized(function_.parts, *shapes_);
  return *parts_;
}

// -- a function of a flat vector
// -----------------------------------------------------------------------------------------

FlatFunction::FlatFunction(const LoadedFunction& function, std::span<const int> ranks)
    : function_(function) {
  const PackedFunction& packed = function.packed();
  const auto fail = [&](const std::string& what) {
    throw UserError("function " + quoted(packed.name) + " " + what);
  };
  if (function.arguments().size() != 1) {
    fail("has " + std::to_string(function.arguments().size()) +
         " inputs without data: it takes one flat vector");
  }
  const Type& x = function.argument_type(0);
  if (x.dtype != DType::f64 || x.rank() != 1)
    fail("takes " + to_text(x, &packed.graph) + ", not a vector of f64");
  if (packed.outputs.size() != ranks.size()) {
    fail("has " + std::to_string(packed.outputs.size()) + " outputs, not " +
         std::to_string(ranks.size()));
  }
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const Type& type = packed.graph.type(packed.graph.outputs[i]);
    if (type.dtype != DType::f64 || type.rank() != ranks[i]) {
      fail("gives " + to_text(type, &packed.graph) + " as \"" + packed.outputs[i] +
           "\", not f64 of " + std::to_string(ranks[i]) + " dimensions");
    }
  }
  if (x.shape[0].is_known()) declared_ = x.shape[0].size;
}

const BoundFunction& FlatFunction::bound(std::uint64_t dim) const {
  const BoundFunction* bound = bound_.load(std::memory_order_acquire);
  if (bound != nullptr && dim == bound_dim_) return *bound;
  return bind(dim);
}

const BoundFunction& FlatFunction::bind(std::uint64_t dim) const {
  const std::lock_guard lock(mutex_);
  const std::int64_t wanted = kept_ ? static_cast<std::int64_t>(bound_dim_) : declared_;
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if ((wanted >= 0 && dim != static_cast<std::uint64_t>(wanted)) || dim > kLargest) {
    throw ShapeError("x has " + std::to_string(dim) + " elements, function " +
                     quoted(function_.packed().name) + " takes " + std::to_string(wanted));
  }
  if (kept_) return *kept_;
  const ArgumentLayout x{DType::f64, {static_cast<std::int64_t>(dim)}, {}};
  auto made = function_.bind({&x, 1}, nullptr);
  const std::span<const Layout> outputs = made->outputs();
  if (outputs.size() == 2 && outputs[1].shape[0] != x.shape[0]) {
    throw ShapeError("function " + quoted(function_.packed().name) + " gives a gradient of " +
                     std::to_string(outputs[1].shape[0]) + " elements for " + std::to_string(dim));
  }
  kept_ = std::move(made);
  bound_dim_ = dim;
  bound_.store(kept_.get(), std::memory_order_release);
  return *kept_;
}

std::uint64_t FlatFunction::dim() const {
  if (declared_ >= 0) return static_cast<std::uint64_t>(declared_);
  const std::lock_guard lock(mutex_);
  if (!kept_)
    throw UserError("function " + quoted(function_.packed().name) + " takes vectors of any length");
  return bound_dim_;
}

// -- a program
// -------------------------------------------------------------------------------------------------------

const LoadedFunction& LoadedProgram::function(std::string_view name) const {
  for (const auto& function : functions_) {
    if (function->packed().name == name) return *function;
  }
  throw UserError("the program has no function " + quoted(name) + ": it has " +
                  names_of(*package_));
}

std::unique_ptr<LoadedProgram> LoadedProgram::with_data(const Named<Tensor>& updates) const {
  auto changed = std::make_shared<Package>(*package_);
  for (const auto& [name, value] : updates) {
    const auto found =
        std::ranges::find(changed->data, name, &std::pair<std::string, Tensor>::first);
    if (found == changed->data.end()) {
      std::string names;
      for (const auto& [other, old] : changed->data)
        names += (names.empty() ? "" : ", ") + quoted(other);
      throw UserError("the program has no data " + quoted(name) + ": it has " +
                      (names.empty() ? "none" : names));
    }
    if (found->second.dtype != value.dtype || found->second.shape.size() != value.shape.size()) {
      const Type was = static_type(found->second.dtype, found->second.shape);
      const std::string text = "data " + quoted(name) + " is " + to_text(was) +
                               ", it cannot become " +
                               to_text(static_type(value.dtype, value.shape));
      if (found->second.dtype != value.dtype) throw DTypeError(text);
      throw ShapeError(text);
    }
    found->second = value;
  }
  return std::make_unique<LoadedProgram>(std::move(changed));
}

// -- by address
// ------------------------------------------------------------------------------------------------------

namespace {

// Null where there is no function of this name.
std::unique_ptr<const FlatFunction> flat(std::span<const std::unique_ptr<LoadedFunction>> functions,
                                         std::string_view name, std::span<const int> ranks,
                                         std::string& why_not) {
  for (const auto& function : functions) {
    if (function->packed().name != name) continue;
    try {
      return std::make_unique<const FlatFunction>(*function, ranks);
    } catch (const UserError& error) {
      why_not = error.what();
      return nullptr;
    }
  }
  why_not = "the program has no function " + quoted(name);
  return nullptr;
}

const FlatFunction& needed(const std::unique_ptr<const FlatFunction>& function,
                           const std::string& why_not) {
  if (function == nullptr) throw UserError(why_not);
  return *function;
}

}  // namespace

LoadedProgram::LoadedProgram(std::shared_ptr<const Package> package)
    : package_(std::move(package)) {
  validate(*package_);
  for (const PackedFunction& function : package_->functions) {
    functions_.push_back(std::make_unique<LoadedFunction>(function, package_->data));
  }
  const auto named = [&](std::string_view name) {
    return std::ranges::find_if(
        functions_, [&](const auto& function) { return function->packed().name == name; });
  };
  if (const auto expand = named("expand"), shapes = named(kShapesFunction);
      expand != functions_.end() && shapes != functions_.end()) {
    (*expand)->set_shapes(**shapes);
  }
  constexpr int kLogpAndGradient[] = {0, 1}, kFlat[] = {1};
  logp_ = flat(functions_, "logp", kLogpAndGradient, no_logp_);
  expand_ = flat(functions_, "expand", kFlat, no_expand_);
}

void LoadedProgram::logp(std::uint64_t dim, const double* x, double* gradient, double* logp) const {
  const void* inputs[] = {x};
  void* outputs[] = {logp, gradient};
  needed(logp_, no_logp_).bound(dim).run(inputs, outputs);
}

void LoadedProgram::expand(std::uint64_t dim, std::uint64_t expanded, const double* x,
                           double* out) const {
  const BoundFunction& function = needed(expand_, no_expand_).bound(dim);
  const auto found = static_cast<std::uint64_t>(function.outputs()[0].shape[0]);
  if (found != expanded) {
    throw ShapeError("function \"expand\" gives " + std::to_string(found) + " elements, not " +
                     std::to_string(expanded));
  }
  const void* inputs[] = {x};
  void* outputs[] = {out};
  function.run(inputs, outputs);
}

std::uint64_t LoadedProgram::dim() const { return needed(logp_, no_logp_).dim(); }

std::uint64_t LoadedProgram::expanded() const {
  const FlatFunction& function = needed(expand_, no_expand_);
  return static_cast<std::uint64_t>(function.bound(function.dim()).outputs()[0].shape[0]);
}

void LoadedProgram::prepare() const {
  if (logp_ != nullptr) logp_->bound(logp_->dim());
  if (expand_ != nullptr) expand_->bound(expand_->dim());
}

}  // namespace gemmule
