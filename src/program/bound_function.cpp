#include "program/bound_function.h"

#include <boost/container/small_vector.hpp>
#include <string>

#include "plan/prepare.h"
#include "plan/specialise.h"

namespace gemmule {

BoundFunction::BoundFunction(const PackedFunction& function, Inputs inputs)
    : function_(function), inputs_(std::move(inputs)), program_(program_of(function.graph)) {
  const std::vector<Layout>& all = program_->plan().outputs;
  outputs_.assign(all.begin(), all.end() - (function.checks ? 1 : 0));
}

// What has a value becomes a constant: what follows from it is computed here, not by calls.
std::unique_ptr<const CpuProgram> BoundFunction::program_of(const Graph& graph) const {
  std::vector<const Tensor*> values;
  for (const std::optional<Tensor>& value : inputs_.values)
    values.push_back(value ? &*value : nullptr);
  Graph sized = specialise_unfused(graph, inputs_.types, values);
  std::vector<ValueId> arguments;
  for (const int index : inputs_.arguments)
    arguments.push_back(sized.inputs[static_cast<std::size_t>(index)]);
  sized.inputs = std::move(arguments);
  const PlanOptions options{.input_strides = inputs_.strides, .donatable = {}};
  return std::make_unique<const CpuProgram>(prepare(pruned(sized)), options);
}

void BoundFunction::run(const void* const* inputs, void* const* outputs) const {
  if (!function_.checks) {
    program_->run(inputs, outputs);
    return;
  }
  bool all_hold = false;
  boost::container::small_vector<void*, 16> every(outputs, outputs + outputs_.size());
  every.push_back(&all_hold);
  program_->run(inputs, every.data());
  if (!all_hold) raise_failed_check(inputs);
}

void BoundFunction::raise_failed_check(const void* const* inputs) const {
  std::call_once(conditions_made_,
                 [this] { conditions_ = program_of(function_.checks->conditions); });
  const std::vector<std::string>& messages = function_.checks->messages;
  const auto holds = std::make_unique<bool[]>(messages.size());
  boost::container::small_vector<void*, 16> outputs;
  for (std::size_t i = 0; i < messages.size(); ++i) outputs.push_back(&holds[i]);
  conditions_->run(inputs, outputs.data());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (!holds[i]) throw CheckError(messages[i]);
  }
  // By themselves all of them hold: computed within the whole, the last bit of a value was another.
  std::string all;
  for (const std::string& message : messages) all += (all.empty() ? "" : "; ") + message;
  throw CheckError(messages.size() == 1 ? all : "one of these checks does not hold: " + all);
}

}  // namespace gemmule
