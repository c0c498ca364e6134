#!/usr/bin/env bash
# A check by hand, as root: does a bare Debian build, run and test the working tree?
#
#   tests/bare_debian.sh FOLDER [COMMAND...]     default commands: tools/demo.sh tools/test.sh
#   SUITE=trixie tests/bare_debian.sh FOLDER tools/demo.sh tests/installed.sh     Debian 13, SimGrid 4.0
#
# FOLDER receives a minimal system (debootstrap; kept for the next time, so remove it to start bare
# again) and in it /gridlock, a copy of all files that git tracks or would add.
set -euo pipefail
folder=${1:?usage: tests/bare_debian.sh FOLDER [COMMAND...]}
shift
[ "$#" -gt 0 ] || set -- tools/demo.sh tools/test.sh
cd "$(dirname "$0")/.."

if [ ! -x "$folder/bin/bash" ]; then
  debootstrap --variant=minbase "${SUITE:-bookworm}" "$folder" http://deb.debian.org/debian
fi
cp /etc/resolv.conf "$folder/etc/resolv.conf"
# Behind a proxy npm needs the certificates that this machine trusts.
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
  cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/npm-certificates.crt"
  echo cafile=/etc/npm-certificates.crt >"$folder/root/.npmrc"
fi
mkdir -p "$folder/gridlock"
# What the tree has lost since the last time; the build stays.
find "$folder/gridlock" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard |
  tar --create --null --files-from=- --ignore-failed-read | tar --extract -C "$folder/gridlock"

mountpoint -q "$folder/proc" || mount -t proc proc "$folder/proc"
trap 'umount "$folder/proc"' EXIT
for command in "$@"; do
  echo "== $command"
  time env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    chroot "$folder" "/gridlock/$command"
done
