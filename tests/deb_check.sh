#!/usr/bin/env bash
# A check by hand, as root: the Debian packages of a build in a system that has nothing of it.
#
#   tests/deb_check.sh BUILT FRESH
#
# BUILT is a folder in which tests/bare_debian.sh has run tools/demo.sh; the packages are made there. FRESH receives a
# minimal system of the same Debian (debootstrap; kept for the next time), in which they are installed with apt-get, used
# from an empty folder, and removed.
set -euo pipefail
usage="usage: tests/deb_check.sh BUILT FRESH"
built=${1:?$usage} fresh=${2:?$usage}
suite=$(. "$built/etc/os-release" && echo "$VERSION_CODENAME")

[ -x "$fresh/bin/bash" ] || debootstrap --variant=minbase "$suite" "$fresh" http://deb.debian.org/debian
cp /etc/resolv.conf "$fresh/etc/resolv.conf"
for folder in "$built" "$fresh"; do
  mountpoint -q "$folder/proc" || mount -t proc proc "$folder/proc"
done
trap 'umount "$built/proc" "$fresh/proc"' EXIT
Inside() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    chroot "$1" /bin/bash -euo pipefail -c "$2"
}

echo "== cpack"
Inside "$built" 'cd /gridlock && . tools/packages.sh && InstallPackages "${RELEASE_PACKAGES[@]}"
  cd build/release && rm -f ./*.deb && cpack >/tmp/cpack.log || { cat /tmp/cpack.log; exit 1; }'
rm -rf "$fresh/tmp/packages" && mkdir -p "$fresh/tmp/packages"
cp "$built"/gridlock/build/release/*.deb "$fresh/tmp/packages"
ls -l "$fresh/tmp/packages"

echo "== apt-get install"
Inside "$fresh" 'apt-get update -qq && apt-get install -y -qq --no-install-recommends /tmp/packages/*.deb >/tmp/apt.log 2>&1 ||
  { tail -20 /tmp/apt.log; exit 1; }'

echo "== from an empty folder"
Inside "$fresh" 'rm -rf /tmp/empty && mkdir /tmp/empty && cd /tmp/empty
  gridlock --version
  cp -r /usr/share/gridlock/examples/01-two-servers mine
  gridlock run mine/scenario.textproto -q -o out
  gridlock report out -o page.html
  gridlock explain out | head -3
  gridlock catalog show h100_sxm >/dev/null
  python3 -c "import gridlock; print(gridlock.run(\"mine/scenario.textproto\"))" | head -3
  . /usr/share/bash-completion/completions/gridlock && complete -p gridlock
  ls /usr/share/man/man1/gridlock-run.1* || echo "no manual pages: dpkg leaves them out of minimal systems"
  ls'

echo "== apt-get remove"
Inside "$fresh" 'apt-get remove -y -qq gridlock python3-gridlock >/dev/null 2>&1; ! command -v gridlock
  [ ! -e /usr/share/gridlock ] || { find /usr/share/gridlock | head; exit 1; }'
echo PASS
