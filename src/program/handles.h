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

}  // namespace gemmule
