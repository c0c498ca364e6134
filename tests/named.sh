#!/usr/bin/env bash
# Runs the GoogleTest tests whose names hold one of some texts, and says how many they were:
#
#   tests/named.sh 'Message|Ring|Incast'
#
# Exit code 1 when one failed or when there is none.
set -uo pipefail
cd "$(dirname "$0")/.."
texts=${1:?usage: tests/named.sh TEXT[|TEXT...]}
filter=*${texts//|/*:*}*
ran=0
failed=0
for program in $(find build/release/tests -type f -executable -name '*_tests' | sort); do
  matching=$("$program" --gtest_filter="$filter" --gtest_list_tests 2>/dev/null | grep -c '^  ')
  [ "$matching" -gt 0 ] || continue
  ran=$((ran + matching))
  echo "$program: $matching"
  # A process for each: some tests use SimGrid's clock, and a process has one.
  while read -r name; do
    "$program" --gtest_filter="$name" --gtest_brief=1 >/tmp/named.$$ 2>&1 || {
      cat /tmp/named.$$
      failed=$((failed + 1))
    }
  done < <("$program" --gtest_filter="$filter" --gtest_list_tests | awk '/^[^ ]/ {suite = $1} /^  / {print suite $1}')
done
rm -f /tmp/named.$$
echo "$ran tests, $failed failed"
[ "$ran" -gt 0 ] && [ "$failed" = 0 ]
