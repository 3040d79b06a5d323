// The Python module gemmule._core.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "ir/error.h"
#include "python/bindings.h"

namespace nb = nanobind;

namespace gemmule {
namespace {

// ShapeError -> ValueError, DTypeError -> TypeError, IndexError -> IndexError, LinAlgError ->
// numpy.linalg.LinAlgError, any other error of the user's -> ValueError; UnsupportedError and
// InternalError are classes of this module.
void bind_errors(nb::module_& m) {
  static const nb::object unsupported =
      nb::exception<UnsupportedError>(m, "UnsupportedError", PyExc_NotImplementedError);
  static const nb::object internal =
      nb::exception<InternalError>(m, "InternalError", PyExc_RuntimeError);
  unsupported.doc() = "The core lacks an op, or has it for other dtypes only.";
  internal.doc() = "A mistake of Gemmule's own. Please report it with its message.";
  nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
    try {
      std::rethrow_exception(pointer);
    } catch (const UnsupportedError& error) {
      PyErr_SetString(unsupported.ptr(), error.what());
    } catch (const DTypeError& error) {
      PyErr_SetString(PyExc_TypeError, error.what());
    } catch (const IndexError& error) {
      PyErr_SetString(PyExc_IndexError, error.what());
    } catch (const LinAlgError& error) {
      PyErr_SetString(nb::module_::import_("numpy.linalg").attr("LinAlgError").ptr(), error.what());
    } catch (const UserError& error) {
      PyErr_SetString(PyExc_ValueError, error.what());
    }
  });
}

}  // namespace
}  // namespace gemmule

NB_MODULE(_core, m) {
  // mx.array is MLX's class: its module registers it.
  nb::module_::import_("mlx.core");
  m.attr("built_against_mlx") = GEMMULE_MLX_VERSION;
  m.attr("__version__") = GEMMULE_VERSION;
  gemmule::bind_errors(m);
  gemmule::bind_graph(m);
  gemmule::bind_passes(m);
  gemmule::bind_program(m);
  gemmule::bind_stored_program(m);
  gemmule::bind_sampler(m);
  gemmule::bind_thunk(m);
  gemmule::bind_cost(m);
  gemmule::bind_ops(m);
  gemmule::bind_call_here(m);
  gemmule::bind_xla(m);
  gemmule::bind_generator(m);
}
