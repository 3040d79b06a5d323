// What the pointers of the C interface point at.
#pragma once

#include "gemmule/gemmule.h"
#include "program/loaded_program.h"

namespace gemmule {

inline const LoadedProgram& program_of(const void* program) {
  return *static_cast<const LoadedProgram*>(program);
}

inline const LoadedFunction& function_of(const gemmule_function* function) {
  return *reinterpret_cast<const LoadedFunction*>(function);
}

inline gemmule_program* handle_of(std::unique_ptr<LoadedProgram> program) {
  return reinterpret_cast<gemmule_program*>(program.release());
}

}  // namespace gemmule

struct gemmule_call {
  std::shared_ptr<const gemmule::BoundFunction> bound;
  const gemmule::LoadedFunction* function = nullptr;
  std::vector<bool> reads;  // per input: whether it has elements
};
