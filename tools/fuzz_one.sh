#!/usr/bin/env bash
# Feeds one reader with texts that no person would write, for FUZZ_SECONDS (default 300):
#
#   tools/fuzz_one.sh build/fuzz/tests/fuzz/fuzz_scenario
#
# What it finds grows in build/fuzz/corpus; the seeds in tests/fixtures/fuzz stay as they are. A text
# that breaks the reader is written to build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1##*/fuzz_}
log=build/fuzz/$name.log
mkdir -p "build/fuzz/corpus/$name"
if "$1" -max_total_time="${FUZZ_SECONDS:-300}" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
  -verbosity=0 -artifact_prefix="build/fuzz/$name-" \
  "build/fuzz/corpus/$name" "tests/fixtures/fuzz/$name" >"$log" 2>&1; then
  echo "fuzz: $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") texts, nothing found"
else
  echo "fuzz: $name FAILED:"
  tail -n 60 "$log"
  exit 1
fi
