#!/usr/bin/env bash
# The Debian packages: built, unpacked, and used from an empty folder.   package_check.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
Refuse() { echo "$1"; exit 1; }
command -v dpkg-deb >/dev/null || { echo "SKIPPED: dpkg-deb is not here"; exit 77; }

cpack --config "$build/CPackConfig.cmake" -B "$folder/packages" >"$folder/log" 2>&1 ||
  { cat "$folder/log"; exit 1; }
for package in "$folder"/packages/*.deb; do
  dpkg-deb -x "$package" "$folder/root"
done
dpkg-deb -f "$folder"/packages/gridlock_*.deb Depends | grep -q libsimgrid ||
  Refuse "the package does not depend on SimGrid"

mkdir "$folder/empty"
cd "$folder/empty"
PATH=$folder/root/usr/bin:$PATH
gridlock run "$folder/root/usr/share/gridlock/examples/01-two-servers/scenario.textproto" >run.txt
grep -q '^fingerprint' run.txt || Refuse "no fingerprint from the unpacked program"
# The data must be the package's: every folder it names is below the unpacked root.
gridlock catalog show h100_sxm >show.txt
gridlock validate --kind collective >validate.txt
PYTHONPATH=$folder/root/usr/lib/python3/dist-packages /usr/bin/python3 -c 'import gridlock; print(gridlock.__name__)'
. "$folder/root/usr/share/bash-completion/completions/gridlock"
COMP_WORDS=(gridlock col) COMP_CWORD=1 COMPREPLY=()
_gridlock 2>/dev/null
[ "${COMPREPLY[*]}" = collective ] || Refuse "completion of col: ${COMPREPLY[*]}"
if command -v help2man >/dev/null; then
  for page in gridlock gridlock-run gridlock-collective; do
    [ -s "$folder/root/usr/share/man/man1/$page.1" ] || Refuse "no manual page $page"
  done
  grep -q 'gridlock-run \\- ' "$folder/root/usr/share/man/man1/gridlock-run.1" || Refuse "gridlock-run.1 has no name"
  # An installation writes the pages of the program as it is and builds nothing: ninja is not asked.
  grep -q -- '--build' "$build/tools/packaging/cmake_install.cmake" && Refuse "an installation builds"
fi
echo PASS
