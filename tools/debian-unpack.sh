#!/usr/bin/env bash
# Unpacks Debian packages into a folder, without root and without touching the system.
#
#   tools/debian-unpack.sh PREFIX SUITE PACKAGE...
#
# apt-get runs with its own lists, cache and source list. The source list is the entry of the system's own for its
# release (mirror, key, components), with the suite replaced by SUITE; `system` as SUITE keeps the system's.
set -euo pipefail

suite=${2:?usage: tools/debian-unpack.sh PREFIX SUITE PACKAGE...}
mkdir -p "$1"
prefix=$(cd "$1" && pwd)
shift 2
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")

# Prints "URI KEYRING COMPONENT..." of each archive of the machine's release; "-" as KEYRING when none is named.
archives() {
  # One line an archive: deb [signed-by=KEYRING] URI SUITE COMPONENT...
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } | awk -v codename="$codename" '
    $1 == "deb" {
      key = "-"
      if (match($0, /signed-by=[^] ]+/)) key = substr($0, RSTART + 10, RLENGTH - 10)
      sub(/\[[^]]*\]/, "")
      if ($3 == codename) { $1 = ""; $3 = ""; uri = $2; $2 = ""; print uri, key, $0 }
    }'
  # One paragraph an archive: URIs:, Suites:, Components:, Signed-By:.
  { cat /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } | awk -v codename="$codename" -v RS= -F'\n' '{
    split("", field)
    for (i = 1; i <= NF; i++) if (match($i, /^[A-Za-z-]+:/))
      field[tolower(substr($i, 1, RLENGTH - 1))] = substr($i, RLENGTH + 1)
    if (" " field["suites"] " " ~ " " codename " ") {
      split(field["uris"], uri, " ")
      split(field["signed-by"], key, " ")
      print uri[1], key[1] == "" ? "-" : key[1], field["components"]
    }
  }'
}

read -r uri keyring components < <(archives) || {
  echo "debian-unpack: no archive of $codename in this system's source lists" >&2
  exit 1
}
[ "$suite" != system ] || suite=$codename
[ "$keyring" = - ] && signed= || signed="[signed-by=$keyring] "

apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
echo "deb $signed$uri $suite $components" > "$apt/sources.list"
options=(
  -qq -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::http::Timeout=20
  -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o Dir::State::Lists="$apt/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$apt/cache"
)
# An unreachable archive is only a warning of `update`: then `download` fails.
apt-get "${options[@]}" update
(cd "$apt/debs" && apt-get "${options[@]}" download "$@")
for deb in "$apt"/debs/*.deb; do
  dpkg -x "$deb" "$prefix"
done
