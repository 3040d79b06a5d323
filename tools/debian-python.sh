#!/usr/bin/env bash
# Puts CPython 3.13 into a folder, from Debian's own packages, without root and without touching the system.
#
#   tools/debian-python.sh PREFIX      leaves PREFIX/usr/bin/python3.13
#
# Debian 12 has Python 3.11 only, and PyTensor needs 3.12. The packages of Debian 13 are unpacked side by side. They need a
# newer glibc than Debian 12's: it is unpacked too, and this interpreter alone is told to use it.
set -euo pipefail

prefix=${1:?usage: tools/debian-python.sh PREFIX}
tools=$(cd "$(dirname "$0")" && pwd)
version=3.13
packages=(
  python$version{,-minimal,-dev} libpython$version{,-minimal,-stdlib,-dev}
  libc6 libstdc++6 libgcc-s1 libgomp1
  libbz2-1.0 libexpat1 libffi8 liblzma5 libncursesw6 libreadline8t64 libsqlite3-0 libssl3t64 libtinfo6 libuuid1
  libzstd1 zlib1g
)
case "$(dpkg --print-architecture)" in
  amd64) triple=x86_64-linux-gnu loader=ld-linux-x86-64.so.2 ;;
  arm64) triple=aarch64-linux-gnu loader=ld-linux-aarch64.so.1 ;;
  *) echo "debian-python: MLX has no packages for $(dpkg --print-architecture)" >&2 && exit 1 ;;
esac

rm -rf "$prefix"
"$tools/debian-unpack.sh" "$prefix" trixie "${packages[@]}"
# patchelf of Debian 12: with 0.18, that of Debian 13, the interpreter crashes when it starts.
"$tools/debian-unpack.sh" "$prefix" bookworm patchelf

prefix=$(cd "$prefix" && pwd)
libraries=$prefix/usr/lib/$triple
"$prefix/usr/bin/patchelf" --set-interpreter "$libraries/$loader" --set-rpath "$libraries" --force-rpath \
  "$prefix/usr/bin/python$version"

# Where Python's build settings look for its headers and library when a C or C++ extension is built.
ln -sfn "../$triple" "$prefix/usr/include/python$version/$triple"
ln -sfn "$triple/libpython$version.so" "$prefix/usr/lib/libpython$version.so"

"$prefix/usr/bin/python$version" -c 'import bz2, ctypes, decimal, lzma, readline, sqlite3, ssl, uuid, zlib'
