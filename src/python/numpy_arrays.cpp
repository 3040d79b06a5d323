#include "python/numpy_arrays.h"

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <nanobind/nanobind.h>
#include <numpy/arrayobject.h>

#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "kernels/movement.h"
#include "kernels/view.h"
#include "mlx/allocator.h"
#include "mlx/device.h"
#include "mlx/host_primitive.h"
#include "mlx/lower.h"

namespace nb = nanobind;

namespace gemmule {

namespace {

// Below this many bytes a copy is cheaper than an owner.
constexpr std::size_t kSmall = 2048;

PyArrayObject* as_array(PyObject* object) { return reinterpret_cast<PyArrayObject*>(object); }

int numpy_type(DType dtype) {
  switch (dtype) {
    case DType::bool_:
      return NPY_BOOL;
    case DType::i8:
      return NPY_INT8;
    case DType::i16:
      return NPY_INT16;
    case DType::i32:
      return NPY_INT32;
    case DType::i64:
      return NPY_INT64;
    case DType::u8:
      return NPY_UINT8;
    case DType::u16:
      return NPY_UINT16;
    case DType::u32:
      return NPY_UINT32;
    case DType::u64:
      return NPY_UINT64;
    case DType::f16:
      return NPY_FLOAT16;
    case DType::f32:
      return NPY_FLOAT32;
    case DType::f64:
      return NPY_FLOAT64;
    case DType::c64:
      return NPY_COMPLEX64;
    case DType::c128:
      return NPY_COMPLEX128;
  }
  return NPY_NOTYPE;
}

// By NumPy's type number. long and long long are different numbers of one dtype.
std::optional<DType> dtype_of(int type_number) {
  static const auto table = [] {
    std::array<std::optional<DType>, NPY_NTYPES_LEGACY> types;
    for (int i = 0; i < kDTypeCount; ++i) {
      const DType dtype = static_cast<DType>(i);
      types[numpy_type(dtype)] = dtype;
    }
    types[NPY_INT] = DType::i32;
    types[NPY_UINT] = DType::u32;
    types[NPY_LONGLONG] = DType::i64;
    types[NPY_ULONGLONG] = DType::u64;
    types[NPY_LONG] = sizeof(long) == 8 ? DType::i64 : DType::i32;
    types[NPY_ULONG] = sizeof(long) == 8 ? DType::u64 : DType::u32;
    return types;
  }();
  if (type_number < 0 || type_number >= static_cast<int>(table.size())) return std::nullopt;
  return table[type_number];
}

PyObject* checked(PyObject* object) {
  if (object == nullptr) nb::raise_python_error();
  return object;
}

PyObject* new_array(DType dtype, std::span<const npy_intp> shape, const npy_intp* strides,
                    void* data) {
  return checked(PyArray_NewFromDescr(&PyArray_Type, PyArray_DescrFromType(numpy_type(dtype)),
                                      static_cast<int>(shape.size()), shape.data(), strides, data,
                                      data == nullptr ? 0 : NPY_ARRAY_WRITEABLE, nullptr));
}

// The parts of a c128 are one element for NumPy.
struct ByteLayout {
  std::array<npy_intp, NPY_MAXDIMS> shape, strides;
  int rank = 0;

  ByteLayout(const mx::array& array, DType dtype) {
    rank = static_cast<int>(array.ndim()) - (dtype == DType::c128 ? 1 : 0);
    for (int i = 0; i < rank; ++i) {
      shape[i] = array.shape(i);
      strides[i] = array.strides(i) * static_cast<npy_intp>(array.itemsize());
    }
  }
  std::span<const npy_intp> sizes() const { return std::span(shape).first(rank); }
};

// MLX's Buffer of the CPU points at a header in front of the data. How far in front is measured;
// where a Buffer is something else, memory cannot be shared.
constexpr std::ptrdiff_t kNoHeader = -1;

std::ptrdiff_t header_bytes() {
  static const std::ptrdiff_t bytes = [] {
    if (mx::is_available(mx::Device::gpu)) return kNoHeader;
    const mx::allocator::Data one = mx::allocator::malloc(64), two = mx::allocator::malloc(128);
    const auto distance = [](mx::allocator::Buffer buffer) {
      return static_cast<char*>(buffer.raw_ptr()) - static_cast<char*>(buffer.ptr());
    };
    const std::ptrdiff_t first = distance(one.buffer()), second = distance(two.buffer());
    return first == second && first >= 0 && first <= 64 ? first : kNoHeader;
  }();
  return bytes;
}

mx::Shape mlx_shape(const NumpyView& view, DType dtype) {
  Extents shape(view.shape.begin(), view.shape.end());
  return to_mlx_shape(shape, dtype);
}

}  // namespace

void import_numpy() {
  if (_import_array() < 0) nb::raise_python_error();
}

bool is_numpy_array(PyObject* object) { return PyArray_Check(object); }

// -- from NumPy ---------------------------------------------------------------------------------

NumpyView view_numpy(PyObject* object) {
  PyArrayObject* array = as_array(object);
  const auto rank = static_cast<std::size_t>(PyArray_NDIM(array));
  return {.data = PyArray_BYTES(array),
          .dtype = dtype_of(PyArray_TYPE(array)),
          .shape = {PyArray_DIMS(array), rank},
          .strides = {PyArray_STRIDES(array), rank},
          .native = PyArray_ISBEHAVED_RO(array) != 0,
          .writable = PyArray_ISWRITEABLE(array) != 0};
}

std::string dtype_name(PyObject* array) {
  const nb::object name = nb::handle(array).attr("dtype").attr("name");
  return nb::str(name).c_str();
}

std::pair<const char*, const char*> memory_bounds(const NumpyView& view) {
  const char *low = view.data, *high = view.data;
  for (std::size_t i = 0; i < view.shape.size(); ++i) {
    if (view.shape[i] == 0) return {view.data, view.data};
    (view.strides[i] < 0 ? low : high) += (view.shape[i] - 1) * view.strides[i];
  }
  return {low, high + (view.dtype ? size_of(*view.dtype) : 1)};
}

PyObject* copied_numpy(PyObject* object) {
  PyArray_Descr* native = PyArray_DescrNewByteorder(PyArray_DESCR(as_array(object)), NPY_NATIVE);
  checked(reinterpret_cast<PyObject*>(native));
  return checked(PyArray_FromArray(
      as_array(object), native, NPY_ARRAY_CARRAY | NPY_ARRAY_ENSURECOPY | NPY_ARRAY_ENSUREARRAY));
}

PyObject* numpy_from_number(PyObject* object) {
  if (!PyArray_CheckScalar(object)) return nullptr;
  return checked(PyArray_FromScalar(object, nullptr));
}

bool is_python_number(PyObject* object) {
  return PyFloat_CheckExact(object) || PyLong_Check(object) || PyComplex_CheckExact(object);
}

PyObject* numpy_from_number(PyObject* number, DType dtype) {
  return PyArray_FromAny(number, PyArray_DescrFromType(numpy_type(dtype)), 0, 0, NPY_ARRAY_CARRAY,
                         nullptr);
}

int numpy_type_number(DType dtype) { return numpy_type(dtype); }

const void* plain_numpy(PyObject* object, int type_number, int rank) {
  if (!PyArray_Check(object)) return nullptr;
  PyArrayObject* array = as_array(object);
  const bool plain = PyArray_TYPE(array) == type_number && PyArray_NDIM(array) == rank && PyArray_ISCARRAY_RO(array);
  return plain ? PyArray_DATA(array) : nullptr;
}

const Py_ssize_t* numpy_shape(PyObject* array) { return PyArray_DIMS(as_array(array)); }
void* numpy_data(PyObject* array) { return PyArray_DATA(as_array(array)); }

PyObject* empty_numpy(int type_number, std::span<const std::int64_t> shape) {
  static_assert(sizeof(npy_intp) == sizeof(std::int64_t));
  return checked(PyArray_NewFromDescr(&PyArray_Type, PyArray_DescrFromType(type_number), static_cast<int>(shape.size()),
                                      reinterpret_cast<const npy_intp*>(shape.data()), nullptr, nullptr, 0, nullptr));
}

bool can_share_memory() { return header_bytes() != kNoHeader; }

bool is_plain(const NumpyView& view) {
  if (!view.native) return false;
  auto expected = static_cast<Py_ssize_t>(size_of(*view.dtype));
  for (std::size_t i = view.shape.size(); i-- > 0;) {
    if (view.shape[i] != 1 && view.strides[i] != expected) return false;
    expected *= view.shape[i];
  }
  return true;
}

bool shareable(const NumpyView& view) {
  if (!view.native) return false;
  const auto item = static_cast<Py_ssize_t>(size_of(*view.dtype));
  for (std::size_t i = 0; i < view.shape.size(); ++i) {
    if (view.shape[i] > 1 && (view.strides[i] < 0 || view.strides[i] % item != 0)) return false;
  }
  return true;
}

mx::array share_numpy(const NumpyView& view, DType dtype) {
  // The caller keeps the memory alive.
  mx::allocator::Data data(mx::allocator::Buffer(view.data - header_bytes()), nullptr);
  mx::array array(std::move(data), mlx_shape(view, dtype), to_mlx(dtype));

  const auto item = static_cast<std::int64_t>(array.itemsize());
  const std::size_t rank = view.shape.size();
  mx::Strides strides = array.strides();
  bool dense = true;
  for (std::size_t i = 0; i < rank; ++i) {
    if (view.shape[i] > 1 && view.strides[i] != strides[i] * item) dense = false;
  }
  if (dense || array.size() == 0) return array;

  for (std::size_t i = 0; i < rank; ++i) strides[i] = view.strides[i] / item;
  // As MLX defines its flags: elements between the first and the last, without gaps or not.
  std::size_t spanned = 1, elements = 1;
  std::int64_t from_first = 1;
  bool column_major = true;
  for (std::size_t i = 0; i < array.ndim(); ++i) {
    const std::int64_t size = array.shape(i);
    spanned += static_cast<std::size_t>((size - 1) * strides[i]);
    if (strides[i] > 0) elements *= static_cast<std::size_t>(size);
    column_major = column_major && (size == 1 || strides[i] == from_first);
    from_first *= size;
  }
  const mx::array::Flags flags{
      .contiguous = spanned == elements, .row_contiguous = false, .col_contiguous = column_major};
  const mx::array dense_array = array;
  array.copy_shared_buffer(dense_array, strides, flags, spanned);
  return array;
}

mx::array copy_numpy(const NumpyView& view, DType dtype) {
  mx::Shape shape = mlx_shape(view, dtype);
  std::size_t bytes = size_of(dtype);
  for (const Py_ssize_t size : view.shape) bytes *= static_cast<std::size_t>(size);
  mx::array array(mx::allocator::malloc(bytes), std::move(shape), to_mlx(dtype));
  if (bytes > 0) std::memcpy(array.data<char>(), view.data, bytes);
  return array;
}

// -- to NumPy -----------------------------------------------------------------------------------

PyObject* to_numpy(const mx::array& array, DType dtype, bool own) {
  const ByteLayout layout(array, dtype);
  char* data = const_cast<mx::array&>(array).data<char>();
  const bool dense = array.flags().contiguous && array.data_size() == array.size();
  if (own && dense && array.nbytes() > kSmall) {
    auto keep = std::make_unique<std::shared_ptr<mx::array::Data>>(array.data_shared_ptr());
    nb::object owner = nb::capsule(keep.get(), [](void* pointer) noexcept {
      delete static_cast<std::shared_ptr<mx::array::Data>*>(pointer);
    });
    keep.release();
    PyObject* result = new_array(dtype, layout.sizes(), layout.strides.data(), data);
    if (PyArray_SetBaseObject(as_array(result), owner.release().ptr()) < 0) {
      Py_DECREF(result);
      nb::raise_python_error();
    }
    return result;
  }
  PyObject* result = new_array(dtype, layout.sizes(), nullptr, nullptr);
  if (array.flags().row_contiguous) {
    if (array.nbytes() > 0) std::memcpy(PyArray_DATA(as_array(result)), data, array.nbytes());
  } else {
    View out{PyArray_DATA(as_array(result)), dtype, extents(array, dtype), {}};
    out.strides = row_major_strides(out.shape);
    kernels::copy(const_view(array, dtype), out);
  }
  return result;
}

PyObject* view_of_numpy(const mx::array& array, DType dtype, PyObject* owner) {
  const ByteLayout layout(array, dtype);
  char* data = const_cast<mx::array&>(array).data<char>();
  const NumpyView view = view_numpy(owner);
  bool same =
      view.data == data && view.dtype == dtype && std::ranges::equal(view.shape, layout.sizes());
  for (int i = 0; same && i < layout.rank; ++i) {
    same = layout.shape[i] <= 1 || view.strides[i] == layout.strides[i];
  }
  if (same) return Py_NewRef(owner);
  PyObject* result = new_array(dtype, layout.sizes(), layout.strides.data(), data);
  if (PyArray_SetBaseObject(as_array(result), Py_NewRef(owner)) < 0) {
    Py_DECREF(result);
    nb::raise_python_error();
  }
  return result;
}

}  // namespace gemmule
