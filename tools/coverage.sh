#!/usr/bin/env bash
# How many lines the default tests run, by room:
#
#   tools/coverage.sh                      builds build/coverage, runs the default tests: 20 minutes on two cores
#   tools/coverage.sh TEST...              only these entries of ctest: a lower bound, and soon there
#   tools/coverage.sh --room workloads TEST...   only files whose path begins so; repeatable
#
# Needs gcovr. Exit code 1 when less than COVERAGE_LEAST per cent (default 85) of the lines ran; of
# single tests it is not asked.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/packages.sh

rooms=()
while [ "${1:-}" = --room ]; do
  rooms+=("$2")
  shift 2
done
[ "${#rooms[@]}" -gt 0 ] || rooms=(sim topologies workloads tools)
command -v gcovr >/dev/null || Fail "gcovr is not here: apt-get install ${COVERAGE_PACKAGES[*]}"

cmake --preset coverage -DBUILD_TESTING=ON >build/coverage.cmake.log || { cat build/coverage.cmake.log; exit 1; }
find build/coverage -name '*.gcda' -delete
if [ "$#" = 0 ]; then
  cmake --build --preset coverage
  ctest --preset coverage -j"$(nproc)" || echo "some tests failed: what they did not reach does not count" >&2
else
  cmake --build --preset coverage --target "$@"
  names=$*
  ctest --preset coverage --no-tests=error -R "^(${names// /|})$"
fi

filters=()
for room in "${rooms[@]}"; do
  filters+=(--filter "$room/")
done
# Branches that only a bug takes (CHECK) and generated code are not asked for.
gcovr --root . --object-directory build/coverage "${filters[@]}" --exclude '.*\.pb\..*' \
  --gcov-ignore-parse-errors --csv build/coverage.csv --print-summary >build/coverage.log ||
  { cat build/coverage.log; exit 1; }
python3 - build/coverage.csv "$([ "$#" = 0 ] && echo "${COVERAGE_LEAST:-85}" || echo 0)" <<'END'
import collections
import csv
import sys

rooms = collections.defaultdict(lambda: [0, 0])
with open(sys.argv[1], encoding="utf-8") as file:
    for row in csv.DictReader(file):
        parts = row["filename"].split("/")
        room = "/".join(parts[:2]) if parts[0] == "sim" else parts[0]
        for name in (room, "all"):
            rooms[name][0] += int(row["line_covered"])
            rooms[name][1] += int(row["line_total"])
total = rooms.pop("all", [0, 1])
print(f"{'room':18} {'lines':>7} {'run':>7}")
for name, (ran, lines) in sorted(rooms.items()) + [("all", total)]:
    print(f"{name:18} {lines:7} {100 * ran / max(1, lines):5.1f} %")
sys.exit(100 * total[0] < float(sys.argv[2]) * total[1])
END
