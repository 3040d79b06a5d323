// _core.thunk: what PyTensor calls for a function that the native executor runs alone.
//
// A type of CPython's own rather than nanobind's: a small model takes about a microsecond, and a frame of
// the interpreter in between would show.
#include <nanobind/nanobind.h>
#include <structmember.h>

#include <boost/container/small_vector.hpp>
#include <cstddef>

#include "python/bindings.h"
#include "python/executable.h"
#include "python/numpy_arrays.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gemmule {
namespace {

struct Thunk {
  PyObject_HEAD
  vectorcallfunc vectorcall;
  PyObject* attributes;  // PyTensor hangs `inputs`, `outputs` and the like on its thunks
  PyObject* executable;
  PyObject* storages;   // tuple of lists of one element
  PyObject* otherwise;  // called with nothing where the native executor cannot decide, or fails
  const Executable* native;
  bool is_checked;  // the last result is no output: it says whether all checks hold
};

// References to what the storages hold, for the time of a call.
class Held {
 public:
  explicit Held(PyObject* storages) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(storages); ++i) {
      objects_.push_back(Py_NewRef(PyList_GET_ITEM(PyTuple_GET_ITEM(storages, i), 0)));
    }
  }
  ~Held() {
    for (PyObject* object : objects_) Py_DECREF(object);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  std::span<PyObject* const> objects() const { return {objects_.data(), objects_.size()}; }

 private:
  boost::container::small_vector<PyObject*, 32> objects_;
};

// Takes the last of the results off; whether it is true.
bool take_verdict(PyObject* results) {
  const Py_ssize_t last = PyList_GET_SIZE(results) - 1;
  PyObject* verdict = PyList_GET_ITEM(results, last);
  const int holds = is_numpy_array(verdict) ? *static_cast<const bool*>(numpy_data(verdict)) : PyObject_IsTrue(verdict);
  if (holds < 0 || PyList_SetSlice(results, last, last + 1, nullptr) != 0) nb::raise_python_error();
  return holds != 0;
}

PyObject* call(PyObject* self, PyObject* const*, std::size_t count, PyObject* names) {
  const auto* thunk = reinterpret_cast<const Thunk*>(self);
  if (PyVectorcall_NARGS(count) != 0 || names != nullptr) {
    PyErr_SetString(PyExc_TypeError, "a thunk takes no arguments");
    return nullptr;
  }
  try {
    const Held inputs(thunk->storages);
    PyObject* results = thunk->native->run_native(inputs.objects());
    if (results != nullptr && (!thunk->is_checked || take_verdict(results))) return results;
    Py_XDECREF(results);
  } catch (nb::python_error&) {
    PyErr_Clear();
  } catch (const std::exception&) {
    // Called again below, which raises it as Python's error, or hands on.
  }
  return PyObject_CallNoArgs(thunk->otherwise);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  const auto* thunk = reinterpret_cast<const Thunk*>(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(thunk->attributes);
  Py_VISIT(thunk->executable);
  Py_VISIT(thunk->storages);
  Py_VISIT(thunk->otherwise);
  return 0;
}

int clear(PyObject* self) {
  auto* thunk = reinterpret_cast<Thunk*>(self);
  Py_CLEAR(thunk->attributes);
  Py_CLEAR(thunk->executable);
  Py_CLEAR(thunk->storages);
  Py_CLEAR(thunk->otherwise);
  return 0;
}

void deallocate(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyTypeObject* thunk_type() {
  static PyMemberDef members[] = {
      {"__vectorcalloffset__", T_PYSSIZET, offsetof(Thunk, vectorcall), READONLY, nullptr},
      {"__dictoffset__", T_PYSSIZET, offsetof(Thunk, attributes), READONLY, nullptr},
      {nullptr, 0, 0, 0, nullptr}};
  static PyGetSetDef properties[] = {
      {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  static PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                                {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                                {Py_tp_clear, reinterpret_cast<void*>(clear)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
                                {Py_tp_members, members},
                                {Py_tp_getset, properties},
                                {0, nullptr}};
  static PyType_Spec spec = {"gemmule._core.Thunk", sizeof(Thunk), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                                 Py_TPFLAGS_DISALLOW_INSTANTIATION,
                             slots};
  static auto* type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (type == nullptr) nb::raise_python_error();
  return type;
}

nb::object new_thunk(const nb::object& executable, const nb::tuple& storages, const nb::callable& otherwise,
                     bool is_checked) {
  const auto& native = nb::cast<const Executable&>(executable);
  if (native.sized_graph().graph().inputs.size() != storages.size()) {
    throw nb::value_error("thunk: one storage per input of the graph is needed");
  }
  for (const nb::handle storage : storages) {
    if (!PyList_CheckExact(storage.ptr()) || PyList_GET_SIZE(storage.ptr()) != 1) {
      throw nb::type_error("thunk: a storage is a list of one element");
    }
  }
  Thunk* thunk = PyObject_GC_New(Thunk, thunk_type());
  if (thunk == nullptr) nb::raise_python_error();
  thunk->vectorcall = call;
  thunk->attributes = nullptr;
  thunk->executable = Py_NewRef(executable.ptr());
  thunk->storages = Py_NewRef(storages.ptr());
  thunk->otherwise = Py_NewRef(otherwise.ptr());
  thunk->native = &native;
  thunk->is_checked = is_checked;
  PyObject_GC_Track(thunk);
  return nb::steal(reinterpret_cast<PyObject*>(thunk));
}

}  // namespace

void bind_thunk(nb::module_& m) {
  m.def("thunk", &new_thunk, "executable"_a, "storages"_a, "otherwise"_a, nb::kw_only(), "is_checked"_a = false,
        "A callable without arguments: the list of results of ``executable`` for what the one-element lists\n"
        "``storages`` hold. Calls ``otherwise()`` where the native executor does not run it, and after an error,\n"
        "which ``otherwise`` is to raise. With ``is_checked`` the last result is no output but says whether the\n"
        "checks of the graph hold; where they do not, ``otherwise`` is called too.");
}

}  // namespace gemmule
