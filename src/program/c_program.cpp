// The C interface to programs and their functions. c_density.cpp has what samplers call.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "gemmule/gemmule.h"
#include "kernels/view.h"
#include "program/file.h"
#include "program/handles.h"
#include "program/status.h"

namespace gemmule {
namespace {

constexpr auto c_dtype(DType dtype) { return static_cast<gemmule_dtype>(dtype); }
static_assert(c_dtype(DType::bool_) == GEMMULE_BOOL && c_dtype(DType::i8) == GEMMULE_INT8 &&
              c_dtype(DType::i64) == GEMMULE_INT64 && c_dtype(DType::u8) == GEMMULE_UINT8 &&
              c_dtype(DType::u64) == GEMMULE_UINT64 && c_dtype(DType::f16) == GEMMULE_FLOAT16 &&
              c_dtype(DType::f64) == GEMMULE_FLOAT64 &&
              c_dtype(DType::c128) == GEMMULE_COMPLEX128 && kDTypeCount == GEMMULE_COMPLEX128 + 1);

int null_pointer() { return failed(GEMMULE_BAD_ARGUMENT, "a pointer is null"); }

int no_index(const char* what, std::size_t index, std::size_t count) {
  return guarded([&] {
    return failed(GEMMULE_BAD_ARGUMENT, "there is no " + std::string(what) + " " +
                                            std::to_string(index) + ": there are " +
                                            std::to_string(count));
  });
}

void set(gemmule_variable& variable, const std::string& name, DType dtype, const Extents& shape) {
  variable = {name.c_str(), c_dtype(dtype), static_cast<std::int32_t>(shape.size()), shape.data()};
}

constexpr std::int32_t kMostDimensions = 64;

ArgumentLayout layout_of(const gemmule_array& array) {
  if (array.dtype < GEMMULE_BOOL || array.dtype > GEMMULE_COMPLEX128)
    throw UserError("an array has an unknown dtype");
  if (array.rank < 0 || array.rank > kMostDimensions) {
    throw UserError("an array has " + std::to_string(array.rank) + " dimensions");
  }
  if (array.rank > 0 && array.shape == nullptr) throw UserError("an array has no shape");
  ArgumentLayout layout{static_cast<DType>(array.dtype), {}, {}};
  layout.shape.assign(array.shape, array.shape + array.rank);
  if (array.strides != nullptr) layout.strides.assign(array.strides, array.strides + array.rank);
  std::int64_t bytes = static_cast<std::int64_t>(size_of(layout.dtype));
  for (const std::int64_t size : layout.shape) {
    if (size < 0 || __builtin_mul_overflow(bytes, std::max<std::int64_t>(size, 1), &bytes)) {
      throw UserError("an array has a size that cannot be: " + std::to_string(size));
    }
  }
  return layout;
}

// A copy, row-major.
Tensor tensor_of(const gemmule_array& array) {
  const ArgumentLayout layout = layout_of(array);
  if (array.data == nullptr && element_count(layout.shape) > 0)
    throw UserError("an array has no data");
  return packed_tensor(layout, array.data);
}

template <class Load>
int load(gemmule_program** program, Load load_it) {
  return guarded([&] {
    *program =
        handle_of(std::make_unique<LoadedProgram>(std::make_shared<const Package>(load_it())));
    return GEMMULE_OK;
  });
}

}  // namespace
}  // namespace gemmule

using namespace gemmule;

extern "C" {

const char* gemmule_version(void) { return GEMMULE_VERSION; }

// -- programs
// --------------------------------------------------------------------------------------------------------

int gemmule_load(const char* path, gemmule_program** program) {
  if (program != nullptr) *program = nullptr;
  if (path == nullptr || program == nullptr) return null_pointer();
  return load(program, [&] { return load_package(path); });
}

int gemmule_load_memory(const void* bytes, size_t size, gemmule_program** program) {
  if (program != nullptr) *program = nullptr;
  if ((bytes == nullptr && size > 0) || program == nullptr) return null_pointer();
  return load(program, [&] {
    return parse_package({static_cast<const std::byte*>(bytes), size}, "memory");
  });
}

int gemmule_save(const gemmule_program* program, const char* path) {
  if (program == nullptr || path == nullptr) return null_pointer();
  return guarded([&] {
    save_package(program_of(program).package(), path);
    return GEMMULE_OK;
  });
}

void gemmule_free(gemmule_program* program) { delete reinterpret_cast<LoadedProgram*>(program); }

const char* gemmule_metadata(const gemmule_program* program, const char* key) {
  if (program == nullptr || key == nullptr) return nullptr;
  const std::string* found = find_named(program_of(program).package().metadata, key);
  return found == nullptr ? nullptr : found->c_str();
}

// -- functions
// -------------------------------------------------------------------------------------------------------

size_t gemmule_function_count(const gemmule_program* program) {
  return program == nullptr ? 0 : program_of(program).functions().size();
}

const gemmule_function* gemmule_function_at(const gemmule_program* program, size_t index) {
  if (index >= gemmule_function_count(program)) return nullptr;
  return reinterpret_cast<const gemmule_function*>(program_of(program).functions()[index].get());
}

const gemmule_function* gemmule_find(const gemmule_program* program, const char* name) {
  for (std::size_t i = 0; name != nullptr && i < gemmule_function_count(program); ++i) {
    const gemmule_function* function = gemmule_function_at(program, i);
    if (function_of(function).packed().name == name) return function;
  }
  return nullptr;
}

const char* gemmule_function_name(const gemmule_function* function) {
  return function == nullptr ? nullptr : function_of(function).packed().name.c_str();
}

size_t gemmule_input_count(const gemmule_function* function) {
  return function == nullptr ? 0 : function_of(function).arguments().size();
}

int gemmule_input(const gemmule_function* function, size_t index, gemmule_variable* input) {
  if (function == nullptr || input == nullptr) return null_pointer();
  const std::size_t count = gemmule_input_count(function);
  if (index >= count) return no_index("input", index, count);
  const LoadedFunction& its = function_of(function);
  const int argument = static_cast<int>(index);
  set(*input, its.argument_name(argument), its.argument_type(argument).dtype,
      its.argument_shape(argument));
  return GEMMULE_OK;
}

size_t gemmule_output_count(const gemmule_function* function) {
  return function == nullptr ? 0 : function_of(function).packed().outputs.size();
}

int gemmule_output(const gemmule_function* function, size_t index, gemmule_variable* output) {
  if (function == nullptr || output == nullptr) return null_pointer();
  const std::size_t count = gemmule_output_count(function);
  if (index >= count) return no_index("output", index, count);
  const LoadedFunction& its = function_of(function);
  const Graph& graph = its.packed().graph;
  set(*output, its.packed().outputs[index], graph.type(graph.outputs[index]).dtype,
      its.output_shape(static_cast<int>(index)));
  return GEMMULE_OK;
}

size_t gemmule_part_count(const gemmule_function* function) {
  return function == nullptr ? 0 : function_of(function).packed().parts.size();
}

int gemmule_part(const gemmule_function* function, size_t index, gemmule_variable* part,
                 uint64_t* offset) {
  if (function == nullptr || part == nullptr) return null_pointer();
  return guarded([&] {
    const std::span<const Part> parts = function_of(function).parts();
    if (index >= parts.size()) return no_index("part", index, parts.size());
    set(*part, parts[index].name, DType::f64, parts[index].shape);
    if (offset != nullptr) {
      *offset = 0;
      for (std::size_t i = 0; i < index; ++i)
        *offset += static_cast<std::uint64_t>(element_count(parts[i].shape));
    }
    return static_cast<int>(GEMMULE_OK);
  });
}

// -- calls
// -----------------------------------------------------------------------------------------------------------

int gemmule_bind(const gemmule_function* function, const gemmule_array* inputs, size_t input_count,
                 gemmule_call** call) {
  if (call != nullptr) *call = nullptr;
  if (function == nullptr || call == nullptr || (inputs == nullptr && input_count > 0))
    return null_pointer();
  return guarded([&] {
    std::vector<ArgumentLayout> layouts;
    std::vector<const void*> data;
    auto made = std::make_unique<gemmule_call>();
    for (std::size_t i = 0; i < input_count; ++i) {
      layouts.push_back(layout_of(inputs[i]));
      data.push_back(inputs[i].data);
      made->reads.push_back(element_count(layouts.back().shape) > 0);
    }
    made->function = &function_of(function);
    made->bound = made->function->bind(layouts, data.data());
    *call = made.release();
    return GEMMULE_OK;
  });
}

void gemmule_call_free(gemmule_call* call) { delete call; }

int gemmule_call_output(const gemmule_call* call, size_t index, gemmule_variable* output) {
  if (call == nullptr || output == nullptr) return null_pointer();
  const std::span<const Layout> outputs = call->bound->outputs();
  if (index >= outputs.size()) return no_index("output", index, outputs.size());
  set(*output, call->function->packed().outputs[index], outputs[index].dtype, outputs[index].shape);
  return GEMMULE_OK;
}

int gemmule_run(const gemmule_call* call, const void* const* inputs, void* const* outputs) {
  if (call == nullptr || (inputs == nullptr && !call->reads.empty())) return null_pointer();
  const std::span<const Layout> results = call->bound->outputs();
  if (outputs == nullptr && !results.empty()) return null_pointer();
  for (std::size_t i = 0; i < call->reads.size(); ++i) {
    if (inputs[i] == nullptr && call->reads[i]) return null_pointer();
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (outputs[i] == nullptr && results[i].count() > 0) return null_pointer();
  }
  return guarded([&] {
    call->bound->run(inputs, outputs);
    return GEMMULE_OK;
  });
}

// -- data
// ------------------------------------------------------------------------------------------------------------

size_t gemmule_data_count(const gemmule_program* program) {
  return program == nullptr ? 0 : program_of(program).package().data.size();
}

int gemmule_data(const gemmule_program* program, size_t index, gemmule_variable* data,
                 const void** value) {
  if (program == nullptr || data == nullptr) return null_pointer();
  const Named<Tensor>& all = program_of(program).package().data;
  if (index >= all.size()) return no_index("data", index, all.size());
  const auto& [name, tensor] = all[index];
  set(*data, name, tensor.dtype, tensor.shape);
  if (value != nullptr) *value = tensor.data.get();
  return GEMMULE_OK;
}

int gemmule_with_data(const gemmule_program* program, const char* name, const gemmule_array* value,
                      gemmule_program** changed) {
  if (changed != nullptr) *changed = nullptr;
  if (program == nullptr || name == nullptr || value == nullptr || changed == nullptr)
    return null_pointer();
  return guarded([&] {
    Named<Tensor> updates;
    updates.emplace_back(name, tensor_of(*value));
    *changed = handle_of(program_of(program).with_data(updates));
    return GEMMULE_OK;
  });
}

}  // extern "C"
