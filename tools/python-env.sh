#!/usr/bin/env bash
# Makes or updates the developer's environment: a virtual environment with all that requirements-dev.txt names.
#
#   tools/python-env.sh VENV           PYTHON=/path/to/python3.13 chooses the interpreter
#
# The interpreter is the first of these that can be had; all that is downloaded stays inside VENV:
#   1. a Python 3.12 or newer on PATH, with its C headers
#   2. one that uv manages
#   3. on Debian, the next release's, unpacked by tools/debian-python.sh
set -euo pipefail

cd "$(dirname "$0")/.."
mkdir -p "${1:?usage: tools/python-env.sh VENV}"
venv=$(cd "$1" && pwd)
say() { echo "python-env: $*" >&2; }

# Whether an interpreter will do. Newer ones than 3.14 have no wheels of the packages below yet.
suitable() {
  "$1" -c '
import os, sys, sysconfig, venv
headers = os.path.join(sysconfig.get_path("include"), "Python.h")
sys.exit(not ((3, 12) <= sys.version_info[:2] <= (3, 14) and os.path.exists(headers)))' 2>/dev/null
}

python_on_path() {
  local candidate
  for candidate in ${PYTHON:-} python3.14 python3.13 python3.12 python3; do
    suitable "$candidate" && command -v "$candidate" && return
  done
  return 1
}

python_of_uv() {
  local uv
  uv=$(get_uv python3) || return 1
  say "no Python 3.12 to 3.14 with C headers on PATH: asking uv for one"
  UV_PYTHON_INSTALL_DIR="$venv/python" UV_PYTHON_INSTALL_BIN=0 UV_HTTP_TIMEOUT=10 UV_HTTP_RETRIES=0 \
    "$uv" python install --quiet 3.13 2>/dev/null && ls "$venv"/python/cpython-3.13*/bin/python3.13
}

python_of_debian() {
  type apt-get dpkg >/dev/null 2>&1 || return 1
  say "uv cannot get one here: unpacking Debian 13's"
  tools/debian-python.sh "$venv/python" >&2 && ls "$venv/python/usr/bin/python3.13"
}

# get_uv PYTHON: prints the path of a uv, put into VENV/uv with any Python's pip when the machine has none.
get_uv() {
  local pip
  if [ -x "$venv/bin/uv" ]; then echo "$venv/bin/uv" && return; fi
  command -v uv && return
  if [ ! -x "$venv/uv/bin/uv" ]; then
    for pip in pip_of_python pip_of_new_environment pip_of_debian; do
      $pip "$1" install --quiet --disable-pip-version-check --no-cache-dir --timeout 20 --retries 1 \
        --target "$venv/uv" "$(grep -o '^uv==[^ ;]*' requirements-dev.txt)" >/dev/null 2>&1 && break
    done
  fi
  ls "$venv/uv/bin/uv" 2>/dev/null
}
pip_of_python() { "$1" -m pip "${@:2}"; }
pip_of_new_environment() { "$1" -m venv --clear "$venv/pip" && "$venv/pip/bin/python" -m pip "${@:2}"; }
# Debian splits both off into packages of their own. The newest pip runs on all its Pythons.
pip_of_debian() {
  type "$1" apt-get dpkg && tools/debian-unpack.sh "$venv/pip" trixie python3-pip-whl &&
    "$1" "$(ls "$venv"/pip/usr/share/python-wheels/pip-*.whl)/pip" "${@:2}"
}

if [ -n "${PYTHON:-}" ] && ! suitable "$PYTHON"; then
  say "PYTHON=$PYTHON is not a Python 3.12 to 3.14 with C headers (on Debian those are in python3-dev)"
  exit 1
fi
if [ ! -x "$venv/bin/python" ]; then
  python=$(python_on_path || python_of_uv || python_of_debian) || {
    say "no Python 3.12 to 3.14 was found, and none could be downloaded; install one, for example with"
    say "  brew install python@3.13        or        apt-get install python3 python3-dev python3-venv"
    exit 1
  }
else
  python=$venv/bin/python
fi
uv=$(get_uv "$python") || { say "pip cannot download uv from the package index"; exit 1; }

say "installing requirements-dev.txt for $("$python" --version)"
[ -x "$venv/bin/python" ] || "$uv" venv --quiet --allow-existing --python "$python" "$venv"
"$uv" pip install --quiet --python "$venv/bin/python" --only-binary :all: -r requirements-dev.txt
# Makes the sources importable: Python's as they are, the C++ module through a link that the build puts beside them.
"$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' | while read -r site; do
  echo "$PWD/python" > "$site/gemmule.pth"
done
rm -rf "$venv/pip" "$venv/uv"
