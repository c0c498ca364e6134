# shellcheck shell=bash disable=SC2034
# Sourced by demo.sh and test.sh: the Debian packages that Gridlock needs, and how to get them.
#
#   InstallPackages "${BUILD_PACKAGES[@]}" ["${TEST_PACKAGES[@]}"]

# To build the program. Boost.Graph is headers alone; SimGrid has no CMake package, hence pkg-config.
BUILD_PACKAGES=(
  g++ cmake ninja-build pkg-config
  libsimgrid-dev libboost-dev protobuf-compiler libprotobuf-dev libhdf5-dev libfmt-dev libcli11-dev
  libpugixml-dev libmuparser-dev nlohmann-json3-dev libjemalloc-dev
)

# To build and run the tests: the Python packages are the readers that traces are tried with.
TEST_PACKAGES=(
  libgtest-dev libgmock-dev librapidcheck-dev
  python3-minimal python3-xarray python3-h5netcdf python3-netcdf4 python3-pandas
)

# For the charts of gridlock report, which npm fetches at build time. An npm that is on the path will do: Debian's
# package cannot stand beside a Node.js of others.
CHART_PACKAGES=()
command -v npm >/dev/null || CHART_PACKAGES=(npm)

# For the test that opens the pages, and the notebooks in Jupyter's way. Each is optional: without it the test says so.
PAGE_PACKAGES=(chromium python3-nbclient python3-ipykernel python3-matplotlib)

# For the slow test of sweeps as job arrays; for manual pages and Debian packages (cpack).
SLURM_PACKAGES=(slurm-wlm munge)
RELEASE_PACKAGES=(help2man dpkg-dev file)

# For coverage.sh.
COVERAGE_PACKAGES=(gcovr)

# For two stages of check.sh.
TIDY_PACKAGES=(clang-tidy-14 git)
FUZZ_PACKAGES=(clang-14)

Fail() {
  printf '%s: %s\n' "$(basename "$0")" "$1" >&2
  shift
  [ "$#" = 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# Prints those of its arguments that are not installed.
MissingPackages() {
  local package
  for package in "$@"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
      printf '%s\n' "$package"
    fi
  done
}

# Refuses systems whose packages are known to be too old, and says what they are.
CheckSystem() {
  local PRETTY_NAME="this system" ID="" VERSION_ID=""
  # shellcheck disable=SC1091
  [ -r /etc/os-release ] && . /etc/os-release
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    Fail "no apt-get on $PRETTY_NAME." \
      "Gridlock is built and tested on Debian 12 and 13. Elsewhere install the equivalents of" \
      "  $*" "then: cmake --preset release && cmake --build --preset release"
  fi
  if [ "$ID" = debian ] && [ -n "$VERSION_ID" ] && [ "${VERSION_ID%%.*}" -lt 12 ]; then
    Fail "$PRETTY_NAME is too old: Gridlock needs Debian 12 (GCC 12, CMake 3.25, SimGrid 3.32)."
  fi
  if [ "$ID" != debian ] || { [ "${VERSION_ID%%.*}" != 12 ] && [ "${VERSION_ID%%.*}" != 13 ]; }; then
    echo "$(basename "$0"): tested on Debian 12 and 13 only; trying on $PRETTY_NAME" >&2
  fi
}

# Installs what is missing. Does nothing, and needs no rights, when nothing is.
InstallPackages() {
  CheckSystem "$@"
  local missing
  read -r -d '' -a missing <<<"$(MissingPackages "$@")" || true
  if [ "${#missing[@]}" = 0 ]; then
    return
  fi
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || Fail "packages are missing, and neither root nor sudo is here." \
      "As root: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  echo "Installing: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || Fail "apt-get update failed; see above."
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    Fail "apt-get could not install all of: ${missing[*]}; see above."
}

# The same for packages that the program can do without: says what it will lack where they cannot be installed.
#
#   TryPackages "no charts in gridlock report" "${CHART_PACKAGES[@]}"
TryPackages() {
  local lacking=$1
  shift
  (InstallPackages "$@") || echo "$(basename "$0"): going on without $*: $lacking" >&2
}
