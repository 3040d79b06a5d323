#include "program/package.h"

#include <algorithm>
#include <memory>
#include <set>
#include <variant>

#include "ir/text.h"

namespace gemmule {
namespace {

void check_names(const std::vector<std::string>& names, const std::string& what,
                 bool must_differ = true) {
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (name.empty()) throw UserError(what + " has no name");
    if (!seen.insert(name).second && must_differ)
      throw UserError("two of the " + what + "s are called \"" + name + "\"");
  }
}

template <class T>
void check_keys(const Named<T>& items, const std::string& what) {
  std::vector<std::string> names;
  for (const auto& [name, value] : items) names.push_back(name);
  check_names(names, what);
}

// A generator is an address in the process that made it.
void refuse_draws(const Graph& graph, const std::string& function) {
  for (const Node& node : graph.nodes) {
    if (node.op == Op::random) {
      throw UnsupportedError("function \"" + function + "\" draws random numbers" +
                             (node.origin.empty() ? "" : " (node \"" + node.origin + "\")") +
                             ": a program has no generators");
    }
    for (const auto& [key, attribute] : node.attributes.items) {
      if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&attribute))
        refuse_draws(**body, function);
    }
  }
}

bool is_flag(const Type& type) { return type.dtype == DType::bool_ && type.shape.empty(); }

void check_function(const PackedFunction& function) {
  const std::string where = "function \"" + function.name + "\": ";
  check_names(function.inputs, "input");
  check_names(function.outputs, "output");
  const auto count = [&](std::size_t names, std::size_t values, const char* what) {
    if (names != values) {
      throw UserError(where + std::to_string(names) + " names of " + what +
                      "s, but the graph has " + std::to_string(values));
    }
  };
  const Graph& graph = function.graph;
  count(function.inputs.size(), graph.inputs.size(), "input");
  const std::size_t flags = function.checks ? 1 : 0;
  if (graph.outputs.size() < flags)
    throw UserError(where + "no output says whether the checks hold");
  count(function.outputs.size(), graph.outputs.size() - flags, "output");
  refuse_draws(graph, function.name);
  std::vector<std::string> parts;
  std::int64_t total = 0;
  constexpr std::int64_t kMost = std::int64_t{1} << 48;
  for (const Part& part : function.parts) {
    parts.push_back(part.name);
    std::int64_t count = 1;
    for (const std::int64_t size : part.shape) {
      if (size < 0 || (size > 0 && count > kMost / size))
        throw UserError(where + "part \"" + part.name + "\" has a size that cannot be");
      count *= size;
    }
    total += count;
    if (total > kMost) throw UserError(where + "its parts are too large");
  }
  check_names(parts, "part");
  if (!function.checks) return;
  if (!is_flag(graph.type(graph.outputs.back()))) {
    throw UserError(where + "the last output does not say whether the checks hold");
  }
  const auto& [conditions, messages] = *function.checks;
  refuse_draws(conditions, function.name);
  if (conditions.inputs.size() != graph.inputs.size())
    throw UserError(where + "the checks have other inputs");
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const Type &a = graph.type(graph.inputs[i]), &b = conditions.type(conditions.inputs[i]);
    if (a.dtype != b.dtype || a.rank() != b.rank())
      throw UserError(where + "the checks have other inputs");
  }
  if (messages.empty() || messages.size() != conditions.outputs.size()) {
    throw UserError(where + std::to_string(messages.size()) + " messages of " +
                    std::to_string(conditions.outputs.size()) + " checks");
  }
  for (const ValueId output : conditions.outputs) {
    if (!is_flag(conditions.type(output))) throw UserError(where + "a check is not a bool[]");
  }
}

}  // namespace

namespace {

std::int64_t elements_of(const std::vector<Part>& parts) {
  std::int64_t total = 0;
  for (const Part& part : parts) {
    std::int64_t count = 1;
    for (const std::int64_t size : part.shape) count *= size;
    total += count;
  }
  return total;
}

// Callers look for the parts in the vector: `type` is the vector's.
void check_parts(const PackedFunction& function, const Type& type) {
  const std::int64_t total = elements_of(function.parts);
  if (type.rank() == 1 && type.shape[0].is_known() && type.shape[0].size != total) {
    throw UserError("function \"" + function.name + "\": its parts have " + std::to_string(total) +
                    " elements, the vector has " + std::to_string(type.shape[0].size));
  }
}

void check_parts(const Package& package) {
  const PackedFunction *logp = package.find("logp"), *expand = package.find("expand");
  if (logp != nullptr && !logp->parts.empty()) {
    for (std::size_t i = 0; i < logp->inputs.size(); ++i) {
      if (find_named(package.data, logp->inputs[i]) == nullptr)
        check_parts(*logp, logp->graph.type(logp->graph.inputs[i]));
    }
  }
  if (expand == nullptr || expand->parts.empty()) return;
  const PackedFunction* shapes = package.find(kShapesFunction);
  if (shapes == nullptr) {
    if (!expand->outputs.empty())
      check_parts(*expand, expand->graph.type(expand->graph.outputs[0]));
    return;
  }
  bool fits = shapes->outputs.size() == expand->parts.size();
  for (std::size_t i = 0; fits && i < shapes->outputs.size(); ++i) {
    const Type& type = shapes->graph.type(shapes->graph.outputs[i]);
    fits = type.dtype == DType::i64 && type.rank() == 1;
  }
  if (!fits) {
    throw UserError("function \"" + shapes->name +
                    "\" does not give a vector of i64 for each part of \"expand\"");
  }
}

}  // namespace

const PackedFunction* Package::find(std::string_view function) const {
  const auto found = std::ranges::find(functions, function, &PackedFunction::name);
  return found == functions.end() ? nullptr : &*found;
}

void check_datum(const Package& package, std::string_view name, const Tensor& value) {
  for (const PackedFunction& function : package.functions) {
    for (std::size_t i = 0; i < function.inputs.size(); ++i) {
      if (function.inputs[i] != name) continue;
      const Type& declared = function.graph.type(function.graph.inputs[i]);
      bool fits = declared.rank() == static_cast<int>(value.shape.size());
      for (int axis = 0; fits && axis < declared.rank(); ++axis) {
        const Dim& dim = declared.shape[axis];
        fits = !dim.is_known() || dim.size == value.shape[axis];
      }
      const auto text = [&] {
        return "data \"" + std::string(name) + "\" is " +
               to_text(static_type(value.dtype, value.shape)) + ", function \"" + function.name +
               "\" declares " + to_text(declared, &function.graph);
      };
      if (declared.dtype != value.dtype) throw DTypeError(text());
      if (!fits) throw ShapeError(text());
    }
  }
}

void validate(const Package& package) {
  if (package.functions.empty()) throw UserError("a program needs a function");
  std::vector<std::string> names;
  for (const PackedFunction& function : package.functions) names.push_back(function.name);
  check_names(names, "function");
  check_keys(package.data, "data");
  check_keys(package.metadata, "metadata");
  for (const PackedFunction& function : package.functions) check_function(function);
  for (const auto& [name, value] : package.data) check_datum(package, name, value);
  check_parts(package);
}

}  // namespace gemmule
