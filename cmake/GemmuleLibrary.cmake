# gemmule_library(FOLDER LIBRARY...): the static library gemmule_FOLDER of the *.cpp of this folder.
#
# *_test.cpp become FOLDER_test (GoogleTest), one entry of ctest, and *_bench.cpp FOLDER_bench (Google Benchmark). Both are
# built on demand only, by the target gemmule_tests or by name. New files are found without touching CMake's files.
function(gemmule_library folder)
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  set(tests ${sources})
  set(benchmarks ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER benchmarks INCLUDE REGEX "_bench\\.cpp$")

  if(sources)
    add_library(gemmule_${folder} STATIC ${sources})
    gemmule_compile_options(gemmule_${folder})
    set(scope PUBLIC)
  else()
    add_library(gemmule_${folder} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(gemmule_${folder} ${scope} "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(gemmule_${folder} ${scope} ${ARGN})

  if(tests AND GEMMULE_TESTS AND GTest_FOUND)
    add_executable(${folder}_test EXCLUDE_FROM_ALL ${tests})
    gemmule_compile_options(${folder}_test)
    target_compile_definitions(${folder}_test PRIVATE GEMMULE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    target_link_libraries(${folder}_test PRIVATE gemmule_${folder} GTest::gmock GTest::gtest_main)
    add_dependencies(gemmule_tests ${folder}_test)
    add_test(NAME ${folder} COMMAND ${folder}_test)
  endif()

  if(benchmarks AND GEMMULE_TESTS AND benchmark_FOUND)
    add_executable(${folder}_bench EXCLUDE_FROM_ALL ${benchmarks})
    gemmule_compile_options(${folder}_bench)
    target_link_libraries(${folder}_bench PRIVATE gemmule_${folder} benchmark::benchmark_main)
  endif()
endfunction()

# Options of all our own targets (not nanobind's). Never -ffast-math here: it drops NaN and infinity checks. A kernel that
# is tested for them may have it, file by file.
function(gemmule_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -fno-math-errno)
  target_compile_definitions(${target} PRIVATE GEMMULE_VERSION="${PROJECT_VERSION}"
                                               GEMMULE_MLX_VERSION="${GEMMULE_MLX_VERSION}")
endfunction()
