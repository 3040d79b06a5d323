# Where the libraries come from: MLX, BLAS, Boost, NumPy's and nanobind from Python packages (the same ones that the installed
# module loads), GoogleTest and Google Benchmark from the system.

if(GEMMULE_PYTHON_MODULE)
  find_package(Python 3.12 REQUIRED COMPONENTS Interpreter Development.Module)
else()
  find_package(Python 3.12 REQUIRED COMPONENTS Interpreter)
endif()

# gemmule_ask_python(VARIABLE STATEMENT): what the Python statement prints.
function(gemmule_ask_python variable statement)
  execute_process(COMMAND "${Python_EXECUTABLE}" -c "${statement}" OUTPUT_VARIABLE output
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${variable} "${output}" PARENT_SCOPE)
endfunction()

# gemmule::mlx. The version is kept because MLX has no stable ABI: the module compares it when it is imported.
gemmule_ask_python(mlx_dir "import importlib.util as u; print(u.find_spec('mlx').submodule_search_locations[0])")
gemmule_ask_python(GEMMULE_MLX_VERSION "import importlib.metadata as m; print(m.version('mlx'))")
find_package(MLX CONFIG REQUIRED PATHS "${mlx_dir}" NO_DEFAULT_PATH)
add_library(gemmule_mlx_dependency INTERFACE)
target_link_libraries(gemmule_mlx_dependency INTERFACE mlx)
add_library(gemmule::mlx ALIAS gemmule_mlx_dependency)

# gemmule::pocketfft, the header (Fourier transforms) that comes with MLX.
add_library(gemmule_pocketfft INTERFACE)
target_include_directories(gemmule_pocketfft SYSTEM INTERFACE "${mlx_dir}/include/mlx/3rdparty")
add_library(gemmule::pocketfft ALIAS gemmule_pocketfft)

# gemmule::blas, with either GEMMULE_OPENBLAS or GEMMULE_ACCELERATE defined.
add_library(gemmule_blas INTERFACE)
if(APPLE)
  target_link_libraries(gemmule_blas INTERFACE "-framework Accelerate")
  target_compile_definitions(gemmule_blas INTERFACE GEMMULE_ACCELERATE ACCELERATE_NEW_LAPACK)
else()
  # Headers cblas.h, lapack.h and lapacke.h; every symbol starts with scipy_.
  gemmule_ask_python(openblas_lib "import scipy_openblas32 as b; print(b.get_lib_dir())")
  find_package(OpenBLAS CONFIG REQUIRED PATHS "${openblas_lib}/cmake/openblas" NO_DEFAULT_PATH)
  target_link_libraries(gemmule_blas INTERFACE OpenBLAS::OpenBLAS)
  target_compile_definitions(gemmule_blas INTERFACE GEMMULE_OPENBLAS)
endif()
add_library(gemmule::blas ALIAS gemmule_blas)

# gemmule::boost, headers only (Boost.Math).
gemmule_ask_python(boost_include "import boost_headers as b; print(b.get_include())")
add_library(gemmule_boost INTERFACE)
target_include_directories(gemmule_boost SYSTEM INTERFACE "${boost_include}")
add_library(gemmule::boost ALIAS gemmule_boost)

# gemmule::npyrandom, the functions behind numpy.random.Generator, a static library that comes with NumPy.
gemmule_ask_python(numpy_include "import numpy; print(numpy.get_include())")
gemmule_ask_python(numpy_random_lib "import numpy, os; print(os.path.join(os.path.dirname(numpy.random.__file__), 'lib'))")
find_library(npyrandom_library npyrandom PATHS "${numpy_random_lib}" NO_DEFAULT_PATH REQUIRED)
add_library(gemmule_npyrandom INTERFACE)
target_include_directories(gemmule_npyrandom SYSTEM INTERFACE "${numpy_include}")
target_link_libraries(gemmule_npyrandom INTERFACE "${npyrandom_library}")
add_library(gemmule::npyrandom ALIAS gemmule_npyrandom)

if(GEMMULE_PYTHON_MODULE)
  gemmule_ask_python(nanobind_dir "import nanobind as n; print(n.cmake_dir())")
  find_package(nanobind CONFIG REQUIRED PATHS "${nanobind_dir}" NO_DEFAULT_PATH)
endif()

# gemmule::xla_ffi, the headers of XLA's foreign function interface that come with jaxlib, where that is installed: the
# module has a handler for JAX then.
gemmule_ask_python(jaxlib_dir "import importlib.util as u; s = u.find_spec('jaxlib'); print(s.submodule_search_locations[0] if s else '')")
add_library(gemmule_xla_ffi INTERFACE)
if(EXISTS "${jaxlib_dir}/include/xla/ffi/api/ffi.h")
  target_include_directories(gemmule_xla_ffi SYSTEM INTERFACE "${jaxlib_dir}/include")
  target_compile_definitions(gemmule_xla_ffi INTERFACE GEMMULE_XLA_FFI)
else()
  message(STATUS "jaxlib was not found: gemmule.as_jax is left out")
endif()
add_library(gemmule::xla_ffi ALIAS gemmule_xla_ffi)

if(GEMMULE_TESTS)
  # Where `make` unpacks them on Debian when the system has none.
  list(APPEND CMAKE_PREFIX_PATH "${PROJECT_SOURCE_DIR}/.venv/cpp/usr")
  find_package(GTest CONFIG)
  find_package(benchmark CONFIG)
  if(NOT GTest_FOUND)
    message(WARNING "GoogleTest was not found: THE C++ TESTS ARE LEFT OUT.\n"
                    "It installs with `apt-get install libgtest-dev libgmock-dev` or `brew install googletest`.")
  endif()
endif()
