#!/usr/bin/env bash
# Checks that the machine has a C++20 compiler, the one thing that make cannot set up, and says how to get one.
set -euo pipefail

compiles() {
  printf '#include <concepts>\n#include <span>\ntemplate <std::integral T> T f(std::span<T> x) { return x[0]; }\n' |
    "$1" -std=c++20 -x c++ -fsyntax-only - 2>/dev/null
}

for compiler in ${CXX:-c++ g++ clang++}; do
  compiles "$compiler" && exit
done

echo "check-compiler: none of these compiles C++20: ${CXX:-c++ g++ clang++}. g++ 12 or clang++ 15 (or newer) installs with" >&2
if [ "$(uname)" = Darwin ]; then
  echo "  xcode-select --install" >&2
elif command -v apt-get >/dev/null; then
  echo "  apt-get install g++" >&2
elif command -v dnf >/dev/null; then
  echo "  dnf install gcc-c++" >&2
else
  echo "  your system's package manager" >&2
fi
exit 1
