#!/bin/sh
# Runs in an image of Debian's stable release, as root: puts runc and crun of the testing release into /opt/oci, with
# every library that they load. So they run in a node of an older release too.
set -eu
export DEBIAN_FRONTEND=noninteractive
. /etc/os-release
testing=forky
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
  [ ! -f "$file" ] || sed "s/$VERSION_CODENAME/$testing/g" "$file" >"${file%/*}/$testing-${file##*/}"
done
# apt reads lists from the folder only.
[ ! -f "/etc/apt/$testing-sources.list" ] ||
  mv "/etc/apt/$testing-sources.list" "/etc/apt/sources.list.d/$testing.list"
printf 'APT::Default-Release "%s";\n' "$VERSION_CODENAME" >/etc/apt/apt.conf.d/release
apt-get update
apt-get install --yes --no-install-recommends patchelf
apt-get install --yes --no-install-recommends --target-release "$testing" crun runc

mkdir -p /opt/oci/lib
for program in crun runc; do
  cp "$(command -v "$program")" /opt/oci/
  ldd "/opt/oci/$program" | grep -o '/[^ ]*' | xargs cp --dereference --update --target-directory /opt/oci/lib
  loader=$(patchelf --print-interpreter "/opt/oci/$program")
  patchelf --set-interpreter "/opt/oci/lib/${loader##*/}" --set-rpath /opt/oci/lib --force-rpath "/opt/oci/$program"
done
