// What a program is made of, as plain data: what a file holds, and what LoadedProgram runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "ir/graph.h"

namespace gemmule {

// A check of the user's did not hold: PyTensor's CheckAndRaise, parameters that a distribution
// refuses.
struct CheckError : UserError {
  using UserError::UserError;
};

// Conditions that a call has to meet, looked at after it.
struct Checks {
  Graph conditions;                   // of the function's inputs; one bool[] per message
  std::vector<std::string> messages;  // what to say when the condition does not hold
};

// A variable of a model in a flat vector, row-major behind the one before.
struct Part {
  std::string name;
  std::vector<std::int64_t> shape;
};

struct PackedFunction {
  std::string name;  // "main"; "logp" and "expand" of a model, and kShapesFunction
  Graph graph;  // optimised; with checks its last output, a bool[], says whether all of them hold
  std::vector<std::string> inputs;   // names of the graph's inputs
  std::vector<std::string> outputs;  // names of its outputs but that of the checks
  std::optional<Checks> checks;
  std::vector<Part> parts;  // of the vector that "logp" takes, of that which "expand" gives
};

// Where sizes of the parts of "expand" follow from data: the function that gives the shape of each,
// i64[rank], in their order. What the parts themselves say is of the data that the file was made
// with.
inline constexpr std::string_view kShapesFunction = "expand_shapes";

template <class T>
using Named = std::vector<std::pair<std::string, T>>;

// The functions of one name space of data: an input that has the name of a datum has its value.
struct Package {
  std::vector<PackedFunction> functions;
  Named<Tensor> data;
  Named<std::string> metadata;

  const PackedFunction* find(std::string_view function) const;
};

template <class T>
const T* find_named(const Named<T>& items, std::string_view name) {
  for (const auto& [key, value] : items) {
    if (key == name) return &value;
  }
  return nullptr;
}

// Throws UserError for names that are empty or given twice, numbers of names that differ from those
// of the graph, data that do not fit an input, parts that do not fill their vector, and for what
// only runs in the process that made it: random draws.
void validate(const Package& package);

// Throws UserError where `value` cannot be the datum of this name in a function that reads it.
void check_datum(const Package& package, std::string_view name, const Tensor& value);

}  // namespace gemmule
