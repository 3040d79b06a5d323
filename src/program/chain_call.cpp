#include "program/chain_call.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "ir/error.h"

namespace gemmule {
namespace {

// What a chain that is rejected returns: -inf for one number, as a log density, zeros otherwise.
void fill_rejected(const Layout& output, void* data) {
  const Tensor number = output.shape.empty() && is_float(output.dtype)
                            ? Tensor::scalar(output.dtype, -std::numeric_limits<double>::infinity())
                            : Tensor::zeros(output.dtype, output.shape);
  if (number.bytes() > 0) std::memcpy(data, number.data.get(), number.bytes());
}

[[noreturn]] void throw_of_chain(const std::string& message, std::int64_t chain) {
  throw UserError(message + " (chain " + std::to_string(chain) + ")");
}

}  // namespace

ChainCall::ChainCall(std::shared_ptr<const LoadedProgram> program, std::vector<bool> batched,
                     Failed failed)
    : program_(std::move(program)),
      batched_(std::move(batched)),
      failed_(failed),
      one_(&program_->function("one")) {
  const std::size_t count = one_->arguments().size();
  if (batched_.size() != count) {
    throw UserError("the function takes " + std::to_string(count) + " inputs, " +
                    std::to_string(batched_.size()) + " are described");
  }
  if (std::ranges::find(batched_, true) != batched_.end()) many_ = &program_->function("many");
  for (const LoadedFunction* function : {one_, many_}) {
    if (function == nullptr) continue;
    if (function->arguments().size() != count || function->needs_values()) {
      throw UserError(function->needs_values()
                          ? "a size is made of the value of an input"
                          : "the functions for one chain and for many take other inputs");
    }
  }
}

std::vector<Type> ChainCall::outputs(std::span<const ArgumentLayout> arguments) const {
  std::vector<Type> types;
  for (const Layout& output : (is_many() ? many_ : one_)->bind(arguments, nullptr)->outputs()) {
    types.push_back(static_type(output.dtype, output.shape));
  }
  return types;
}

void ChainCall::run(std::span<const ArgumentLayout> arguments, const void* const* inputs,
                    void* const* outputs) const {
  if (!is_many()) return run_one(*one_->bind(arguments, inputs), inputs, outputs);
  const std::shared_ptr<const BoundFunction> bound = many_->bind(arguments, inputs);
  try {
    return bound->run(inputs, outputs);
  } catch (const CheckError&) {
  } catch (const LinAlgError&) {
  } catch (const IndexError&) {
  }
  // Which chain it was, and what is left for the others.
  run_by_chain(arguments, inputs, outputs);
}

void ChainCall::run_one(const BoundFunction& bound, const void* const* inputs,
                        void* const* outputs) const {
  try {
    bound.run(inputs, outputs);
  } catch (const LinAlgError&) {
    if (failed_ == Failed::raise) throw;
    const auto layouts = bound.outputs();
    for (std::size_t i = 0; i < layouts.size(); ++i) fill_rejected(layouts[i], outputs[i]);
  }
}

void ChainCall::run_by_chain(std::span<const ArgumentLayout> arguments, const void* const* inputs,
                             void* const* outputs) const {
  std::vector<ArgumentLayout> of_one(arguments.begin(), arguments.end());
  std::int64_t chains = 0;
  for (std::size_t i = 0; i < of_one.size(); ++i) {
    if (!batched_[i]) continue;
    chains = of_one[i].shape.at(0);
    of_one[i].shape.erase(of_one[i].shape.begin());
  }
  const std::shared_ptr<const BoundFunction> bound = one_->bind(of_one, inputs);
  const auto bytes_of = [](const auto& layout) {
    std::size_t bytes = size_of(layout.dtype);
    for (const std::int64_t size : layout.shape) bytes *= static_cast<std::size_t>(size);
    return bytes;
  };
  std::vector<const void*> from(of_one.size());
  std::vector<void*> to(bound->outputs().size());
  for (std::int64_t chain = 0; chain < chains; ++chain) {
    const auto index = static_cast<std::size_t>(chain);
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::size_t offset = batched_[i] ? index * bytes_of(of_one[i]) : 0;
      from[i] = static_cast<const std::byte*>(inputs[i]) + offset;
    }
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = static_cast<std::byte*>(outputs[i]) + index * bytes_of(bound->outputs()[i]);
    }
    try {
      run_one(*bound, from.data(), to.data());
    } catch (const UserError& error) {
      throw_of_chain(error.what(), chain);
    }
  }
}

}  // namespace gemmule
