// What JAX calls: a handler of XLA's foreign function interface, and the functions that it finds by
// number.
//
// The handler is written against XLA's headers, which come with jaxlib, and built where they are
// found. It takes no lock of the interpreter's: XLA's threads call it at any time, also several at
// once.
#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <unordered_map>

#include "ir/error.h"
#include "program/chain_call.h"
#include "python/bindings.h"

#ifdef GEMMULE_XLA_FFI
#include "xla/ffi/api/ffi.h"
#endif

namespace nb = nanobind;
using namespace nb::literals;

namespace gemmule {
namespace {

// Calls by number. They stay for good: executables of XLA's that hold the number may outlive all of
// Python's objects. Numbers are random, so that an executable that another process has stored finds
// none, rather than another one.
class CallTable {
 public:
  std::int64_t add(std::shared_ptr<const ChainCall> call) {
    const std::unique_lock lock(mutex_);
    std::int64_t number;
    do {
      number = static_cast<std::int64_t>((std::uint64_t{random_()} << 32 | random_()) >> 1);
    } while (!calls_.try_emplace(number, call).second);
    return number;
  }

  std::shared_ptr<const ChainCall> find(std::int64_t number) const {
    const std::shared_lock lock(mutex_);
    const auto found = calls_.find(number);
    return found == calls_.end() ? nullptr : found->second;
  }

 private:
  mutable std::shared_mutex mutex_;
  std::random_device random_;
  std::unordered_map<std::int64_t, std::shared_ptr<const ChainCall>> calls_;
};

CallTable& calls() {
  static auto* table = new CallTable;  // XLA's threads may still call while the process ends
  return *table;
}

#ifdef GEMMULE_XLA_FFI

namespace ffi = xla::ffi;

DType dtype_of(ffi::DataType type) {
  switch (type) {
    case ffi::DataType::PRED:
      return DType::bool_;
    case ffi::DataType::S8:
      return DType::i8;
    case ffi::DataType::S16:
      return DType::i16;
    case ffi::DataType::S32:
      return DType::i32;
    case ffi::DataType::S64:
      return DType::i64;
    case ffi::DataType::U8:
      return DType::u8;
    case ffi::DataType::U16:
      return DType::u16;
    case ffi::DataType::U32:
      return DType::u32;
    case ffi::DataType::U64:
      return DType::u64;
    case ffi::DataType::F16:
      return DType::f16;
    case ffi::DataType::F32:
      return DType::f32;
    case ffi::DataType::F64:
      return DType::f64;
    case ffi::DataType::C64:
      return DType::c64;
    case ffi::DataType::C128:
      return DType::c128;
    default:
      throw DTypeError("a dtype of XLA's that Gemmule does not have");
  }
}

ArgumentLayout layout_of(const ffi::AnyBuffer& buffer) {
  const auto dims = buffer.dimensions();
  return {dtype_of(buffer.element_type()), Extents(dims.begin(), dims.end()), {}};
}

void run(std::int64_t number, const ffi::RemainingArgs& args, const ffi::RemainingRets& rets) {
  const std::shared_ptr<const ChainCall> call = calls().find(number);
  if (call == nullptr) throw UserError("the function belongs to another process");
  std::vector<ArgumentLayout> layouts;
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const ffi::AnyBuffer buffer = args.get<ffi::AnyBuffer>(i).value();
    layouts.push_back(layout_of(buffer));
    inputs.push_back(buffer.untyped_data());
  }
  const std::vector<Type> types = call->outputs(layouts);
  if (types.size() != rets.size()) throw UserError("another number of results was declared");
  for (std::size_t i = 0; i < rets.size(); ++i) {
    const ffi::AnyBuffer buffer = *rets.get<ffi::AnyBuffer>(i).value();
    const ArgumentLayout layout = layout_of(buffer);
    if (static_type(layout.dtype, layout.shape) != types[i]) {
      throw ShapeError("result " + std::to_string(i) + " was declared with another dtype or shape");
    }
    outputs.push_back(buffer.untyped_data());
  }
  call->run(layouts, inputs.data(), outputs.data());
}

ffi::Error handle(std::int64_t number, ffi::RemainingArgs args, ffi::RemainingRets rets) {
  try {
    run(number, args, rets);
    return ffi::Error::Success();
  } catch (const UserError& error) {
    return ffi::Error::InvalidArgument(std::string("gemmule: ") + error.what());
  } catch (const std::exception& error) {
    return ffi::Error::Internal(std::string("gemmule: ") + error.what());
  }
}

XLA_FFI_DEFINE_HANDLER_SYMBOL(
    gemmule_xla_handler, handle,
    ffi::Ffi::Bind().Attr<std::int64_t>("function").RemainingArgs().RemainingRets());

#endif

using Described = std::pair<std::string, std::vector<std::int64_t>>;  // dtype and shape

}  // namespace

void bind_xla(nb::module_& m) {
#ifdef GEMMULE_XLA_FFI
  m.attr("xla_handler") = nb::capsule(reinterpret_cast<void*>(&gemmule_xla_handler));
#else
  m.attr("xla_handler") = nb::none();
#endif
  m.def(
      "register_chain_call",
      [](nb::object program, std::vector<bool> batched, bool reject) {
        const auto* loaded = nb::cast<const LoadedProgram*>(program);
        const auto failed = reject ? ChainCall::Failed::reject : ChainCall::Failed::raise;
        // Like the call, the program stays for good.
        const std::shared_ptr<const LoadedProgram> kept(loaded, [](const LoadedProgram*) {});
        const std::int64_t number =
            calls().add(std::make_shared<const ChainCall>(kept, std::move(batched), failed));
        program.release();
        return number;
      },
      "program"_a, "batched"_a, "reject"_a,
      "The number by which xla_handler finds the functions \"one\" and, where inputs are batched, "
      "\"many\" of the\n"
      "program: it is its attribute `function`.");
  m.def(
      "chain_call_outputs",
      [](std::int64_t number, const std::vector<Described>& inputs) {
        std::vector<ArgumentLayout> layouts;
        for (const auto& [name, shape] : inputs) {
          const auto dtype = parse_dtype(name);
          if (!dtype) throw DTypeError("dtype '" + name + "' is not supported");
          layouts.push_back({*dtype, Extents(shape.begin(), shape.end()), {}});
        }
        const std::shared_ptr<const ChainCall> call = calls().find(number);
        if (call == nullptr) throw UserError("there is no call of this number");
        std::vector<Described> outputs;
        const nb::gil_scoped_release release;
        for (const Type& type : call->outputs(layouts)) {
          outputs.emplace_back(std::string(numpy_name(type.dtype)), static_shape(type));
        }
        return outputs;
      },
      "number"_a, "inputs"_a,
      "(dtype, shape) of each output for those of all inputs. The program for these sizes is made "
      "now.");
}

}  // namespace gemmule
