#!/usr/bin/env bash
# The checks beside the default tests, each a stage that can be run alone:
#
#   tools/check.sh [STAGE...]      without stages: all but bench
#
#   werror   builds everything with warnings as errors                     (build/dev)
#   asan     the default tests under the address and undefined sanitizers  (build/asan)
#   tidy     clang-tidy on the C++ files that differ from BASE             (build/tidy)
#   fuzz     each reader of texts for FUZZ_SECONDS                         (build/fuzz)
#   bench    the benchmarks against their budgets; one line more in tests/bench/history.jsonl
#
# CHECK_SECONDS stages that would begin later than this after the start are left out, and said so
# BASE          commit that tidy compares with (default: origin/main, or main, or the commit before)
# FUZZ_SECONDS  default 300
#
# Goes on after a stage that failed. The last lines say how each stage ended; exit code 1 when one
# failed.
set -uo pipefail
cd "$(dirname "$0")/.."
. tools/packages.sh

jobs=$(nproc)

Configure() {
  cmake --preset "$1" -DBUILD_TESTING=ON "${@:2}"
}

StageWerror() {
  InstallPackages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
  Configure dev && cmake --build --preset dev -j"$jobs" -- -k 0
}

StageAsan() {
  InstallPackages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
  Configure asan && cmake --build --preset asan -j"$jobs" || return
  # Leaks are not looked for: HDF5, protobuf and SimGrid keep what they hold until the end, and
  # children end without destructors. A child that a test lets crash ends by the signal, as without
  # sanitizers. What the sanitizers say goes to files, because tests compare stderr and the address
  # sanitizer remarks there on every exception that leaves SimGrid's stacks; an error still ends the
  # program with another code.
  local said=$PWD/build/asan/said code=0
  rm -rf "$said" && mkdir -p "$said"
  ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:handle_segv=0:handle_abort=0:log_path=$said/asan \
    UBSAN_OPTIONS=print_stacktrace=1:log_path=$said/ubsan ctest --preset asan -j"$jobs" || code=1
  # A remark alone names no error.
  grep -lrE 'ERROR: AddressSanitizer|runtime error' "$said" | sort | head -5 | while read -r file; do
    cat "$file"
  done
  return $code
}

# The commit that changed files are compared with.
Base() {
  local name
  for name in "${BASE:-}" origin/main main HEAD~1; do
    if [ -n "$name" ] && git rev-parse --verify --quiet "$name^{commit}" >/dev/null &&
      [ "$(git rev-parse "$name")" != "$(git rev-parse HEAD)" ]; then
      git merge-base "$name" HEAD
      return
    fi
  done
}

StageTidy() {
  InstallPackages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}" "${TIDY_PACKAGES[@]}"
  local base files
  base=$(Base)
  [ -n "$base" ] || { echo "tidy: no commit to compare with; set BASE"; return 1; }
  mapfile -t files < <(git diff --name-only --diff-filter=d "$base" -- '*.cpp')
  echo "tidy: ${#files[@]} files differ from $(git rev-parse --short "$base")"
  [ "${#files[@]}" -gt 0 ] || return 0
  # Generated headers are needed, and no more of the build. Clang cannot read GCC's precompiled ones.
  Configure dev -B build/tidy -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON &&
    cmake --build build/tidy --target gridlock_proto || return
  printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$jobs" clang-tidy-14 --quiet -p build/tidy
}

StageFuzz() {
  InstallPackages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}" "${FUZZ_PACKAGES[@]}"
  Configure fuzz && cmake --build --preset fuzz -j"$jobs" || return
  find build/fuzz/tests/fuzz -maxdepth 1 -name 'fuzz_*' -type f -executable -print0 | sort -z |
    xargs -0 -n 1 -P "$jobs" tools/fuzz_one.sh
}

StageBench() {
  InstallPackages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
  Configure release && cmake --build --preset release --target gridlock platform_bench || return
  python3 tests/bench/bench.py build/release/tools/gridlock --append tests/bench/history.jsonl
}

stages=("$@")
[ "$#" -gt 0 ] || stages=(werror asan tidy fuzz)
summary=()
code=0
for stage in "${stages[@]}"; do
  case $stage in
    werror | asan | tidy | fuzz | bench) ;;
    *) Fail "there is no stage \"$stage\"; expected werror, asan, tidy, fuzz or bench" ;;
  esac
done
for stage in "${stages[@]}"; do
  begin=$SECONDS
  if [ "$begin" -ge "${CHECK_SECONDS:-999999}" ]; then
    summary+=("$(printf '%-8s left out: %d s have gone' "$stage" "$begin")")
    continue
  fi
  echo "== $stage"
  if "Stage${stage^}"; then
    result=passed
  else
    result=FAILED
    code=1
  fi
  summary+=("$(printf '%-8s %s in %d s' "$stage" "$result" $((SECONDS - begin)))")
done
printf '== check.sh\n'
printf '%s\n' "${summary[@]}"
exit "$code"
