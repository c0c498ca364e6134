#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests but those labelled slow.
# Arguments go to ctest: tools/test.sh -R units
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/packages.sh

InstallPackages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
TryPackages "gridlock report will have no charts" "${CHART_PACKAGES[@]}"
cmake --preset release -DBUILD_TESTING=ON
cmake --build --preset release
ctest --preset release -j"$(nproc)" "$@"
