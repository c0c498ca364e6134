#!/usr/bin/env bash
# A check by hand of what tools/demo.sh has built: installed as the Dockerfile does, run from an empty
# folder, and with the fingerprints of tests/golden, which every Debian must give.
#
#   tests/installed.sh [PREFIX]      default: /usr/local
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${1:-/usr/local}

cmake --install build/release --prefix "$prefix" >/dev/null
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
golden=$PWD/tests/golden/fingerprints.csv
cd "$folder"
PATH=$prefix/bin:$PATH
gridlock --version
wrong=0
while IFS=, read -r scenario fidelity fingerprint _; do
  case $fidelity in folded | analytic) ;; *) continue ;; esac
  said=$(gridlock run "$prefix/share/gridlock/$scenario" -q --fidelity "$fidelity" -o out |
    sed -n 's/^fingerprint //p')
  if [ "$said" = "$fingerprint" ]; then
    echo "same   $scenario $fidelity"
  else
    echo "DIFFER $scenario $fidelity: $said, golden $fingerprint"
    wrong=1
  fi
done < <(grep -E "^examples/(${EXAMPLES:-[0-9]+})-[^,]*scenario.textproto," "$golden")
exit "$wrong"
