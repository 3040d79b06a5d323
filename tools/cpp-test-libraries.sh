#!/usr/bin/env bash
# Gets GoogleTest and Google Benchmark, which no Python package carries, for the C++ tests.
#
#   tools/cpp-test-libraries.sh PREFIX
#
# On Debian, unpacks the system's own packages into PREFIX when it has them not installed; needs no root. Elsewhere it says
# which command installs them: without them CMake leaves the C++ tests out.
set -euo pipefail

prefix=${1:?usage: tools/cpp-test-libraries.sh PREFIX}
cxx=${CXX:-c++}

# Installed in the system, or unpacked by an earlier call.
installed() {
  printf '#include <gmock/gmock.h>\n#include <gtest/gtest.h>\n#include <benchmark/benchmark.h>\n' |
    "$cxx" -std=c++20 "-I$prefix/usr/include" -x c++ -E - >/dev/null 2>&1
}

if installed; then
  exit
elif type apt-get dpkg >/dev/null 2>&1; then
  echo "cpp-test-libraries: unpacking GoogleTest and Google Benchmark" >&2
  libraries=(libgtest-dev libgmock-dev libbenchmark-dev libbenchmark1debian)
  "$(dirname "$0")/debian-unpack.sh" "$prefix" system "${libraries[@]}" && exit
  command="apt-get install libgtest-dev libgmock-dev libbenchmark-dev"
elif [ "$(uname)" = Darwin ]; then
  # Homebrew's folder is none of the compiler's, but CMake looks there.
  ls "$(brew --prefix googletest 2>/dev/null)"/lib/libgtest* >/dev/null 2>&1 && exit
  command="brew install googletest google-benchmark"
else
  command="your system's package manager (googletest, google-benchmark)"
fi
echo "cpp-test-libraries: GoogleTest is not here, THE C++ TESTS ARE LEFT OUT. Install it with: $command" >&2
