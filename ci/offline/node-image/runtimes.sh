#!/bin/sh
# Runs in an image of Debian's stable release, as root: puts runc and crun of the testing release into /opt/oci, with
# every library that they load. So they run in a node of an older release too.
set -eu
export DEBIAN_FRONTEND=noninteractive
. /etc/os-release
testing=forky
if [ "$VERSION_CODENAME" != trixie ]; then
  echo "expected an image of Debian trixie, found $VERSION_CODENAME" >&2
  exit 1
fi
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
  [ ! -f "$file" ] || sed "s/$VERSION_CODENAME/$testing/g" "$file" >"${file%/*}/$testing-${file##*/}"
done
# apt reads lists from the folder only.
[ ! -f "/etc/apt/$testing-sources.list" ] ||
  mv "/etc/apt/$testing-sources.list" "/etc/apt/sources.list.d/$testing.list"
if ! grep -qs "$testing" "/etc/apt/sources.list.d/$testing"*; then
  echo "expected a source of Debian packages that names $VERSION_CODENAME, found none in /etc/apt" >&2
  exit 1
fi
printf 'APT::Default-Release "%s";\n' "$VERSION_CODENAME" >/etc/apt/apt.conf.d/release
apt-get update
apt-get install --yes --no-install-recommends patchelf
apt-get install --yes --no-install-recommends --target-release "$testing" crun runc

mkdir -p /opt/oci/lib
for program in crun runc; do
  cp "$(command -v "$program")" /opt/oci/
  libraries=$(ldd "/opt/oci/$program")
  case $libraries in
  *'not found'*)
    echo "$program lacks a library: $libraries" >&2
    exit 1
    ;;
  esac
  printf '%s\n' "$libraries" | grep -o '/[^ ]*' |
    xargs cp --dereference --update --target-directory /opt/oci/lib
  loader=$(patchelf --print-interpreter "/opt/oci/$program")
  patchelf --set-interpreter "/opt/oci/lib/${loader##*/}" --set-rpath /opt/oci/lib --force-rpath "/opt/oci/$program"
done
