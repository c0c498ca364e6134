#!/usr/bin/env bash
# Writes the manual pages of the program and of its subcommands:  man.sh HELP2MAN GRIDLOCK FOLDER
set -euo pipefail
help2man=$1 gridlock=$2 folder=$3
mkdir -p "$folder"
version=$("$gridlock" --version)
Page() { # NAME SUMMARY COMMAND
  # The program is called by its plain name, so that no page holds a path of the build.
  PATH=$(dirname "$gridlock"):$PATH "$help2man" --no-info --no-discard-stderr --section=1 --manual="Gridlock" \
    --source="gridlock" --version-string="$1 $version" --name="$2" "$3" >"$folder/$1.1"
}
"$gridlock" --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z-]*\)  *\(.*\)/\1\t\2/p' |
  while IFS=$'\t' read -r name summary; do
    Page "gridlock-$name" "$summary" "gridlock $name"
  done
# Last: the build takes this one for the sign that all were written.
Page gridlock "discrete-event simulator of AI superclusters" gridlock
