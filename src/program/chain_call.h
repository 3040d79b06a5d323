// A function of a program for one chain or for many, which decides what becomes of chains that
// fail.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "program/loaded_program.h"

namespace gemmule {

// Immutable; threads may call at once. Arguments and outputs are row-major.
class ChainCall {
 public:
  enum class Failed { raise, reject };

  // The function "one" of `program` computes one chain. Where some of its arguments are `batched`,
  // "many" computes many, which are the first axis of these arguments and of all outputs. With
  // `reject` a chain for which a factorisation has no result gets what `reject_failed` gives.
  // Throws UserError where the functions do not fit each other, or sizes are made of the values of
  // arguments.
  ChainCall(std::shared_ptr<const LoadedProgram> program, std::vector<bool> batched, Failed failed);

  // Throws what LoadedFunction::bind throws.
  std::vector<Type> outputs(std::span<const ArgumentLayout> arguments) const;

  // Throws what LoadedFunction::bind and BoundFunction::run throw; of many chains the first one
  // that fails is named.
  void run(std::span<const ArgumentLayout> arguments, const void* const* inputs,
           void* const* outputs) const;

 private:
  bool is_many() const { return many_ != nullptr; }
  void run_one(const BoundFunction& bound, const void* const* inputs, void* const* outputs) const;
  void run_by_chain(std::span<const ArgumentLayout> arguments, const void* const* inputs,
                    void* const* outputs) const;

  std::shared_ptr<const LoadedProgram> program_;
  std::vector<bool> batched_;
  Failed failed_;
  const LoadedFunction* one_;
  const LoadedFunction* many_ = nullptr;
};

}  // namespace gemmule
