#!/usr/bin/env bash
# A check by hand, as root and without Docker: the steps of the Dockerfile, in a folder.
#
#   tests/dockerfile_check.sh FOLDER
#
# FOLDER receives the system that FROM names (debootstrap; kept for the next time). COPY leaves out what .dockerignore
# names, RUN runs there, and at the end the image's program runs as `docker run` would: alone, and on an example.
set -euo pipefail
folder=${1:?usage: tests/dockerfile_check.sh FOLDER}
cd "$(dirname "$0")/.."

workdir=/
entry=()
defaults=()
Inside() {
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    chroot "$folder" /bin/sh -c "cd $workdir && $1"
}
Words() { sed 's/^\[//; s/\]$//; s/", *"/\n/g; s/^"//; s/"$//' <<<"$1"; }

while IFS= read -r line; do
  step=${line%% *} rest=${line#* }
  case $step in
    '' | '#'*) continue ;;
    FROM)
      case $rest in
        debian:12) suite=bookworm ;;
        debian:13) suite=trixie ;;
        *) echo "FROM $rest: expected debian:12 or debian:13" && exit 1 ;;
      esac
      [ -x "$folder/bin/bash" ] || debootstrap --variant=minbase "$suite" "$folder" http://deb.debian.org/debian
      cp /etc/resolv.conf "$folder/etc/resolv.conf"
      mountpoint -q "$folder/proc" || mount -t proc proc "$folder/proc"
      trap 'umount "$folder/proc"' EXIT
      ;;
    COPY)
      read -r from to <<<"$rest"
      mkdir -p "$folder$to"
      tar --create --anchored --exclude-from=<(sed 's,^,./,' .dockerignore) --directory "$from" . |
        tar --extract --directory "$folder$to"
      ;;
    WORKDIR) workdir=$rest ;;
    RUN) echo "== RUN $rest" && time Inside "$rest" ;;
    ENTRYPOINT) mapfile -t entry < <(Words "$rest") ;;
    CMD) mapfile -t defaults < <(Words "$rest") ;;
    *) echo "$step: expected FROM, COPY, WORKDIR, RUN, ENTRYPOINT or CMD" && exit 1 ;;
  esac
done <Dockerfile

echo "== docker run gridlock"
Inside "${entry[*]} ${defaults[*]}" | head -3
example=$(sed -n 's/^#.*docker run --rm gridlock //p' Dockerfile)
echo "== docker run gridlock $example"
Inside "${entry[*]} $example" | grep -E '^fingerprint'
echo PASS
