#!/bin/sh
# What the published slim image is: the minimal variant without documentation,
# set up so that "apt-get update && apt-get install" works in a build.
set -eu
. /etc/os-release

# This machine's own Debian mirrors, under the suite's name. Where it has none
# (another distribution), mmdebstrap's default serves.
apt-get indextargets --format '$(ORIGIN) $(CREATED_BY) $(REPO_URI) $(RELEASE) $(COMPONENT)' |
  awk -v host="${VERSION_CODENAME:-}" -v suite="$SUITE" '
    $1 == "Debian" && $2 == "Packages" && $5 == "main" &&
    $4 ~ "^" host "(-updates|-security)?$" { sub(host, suite, $4); print "deb", $3, $4, "main" }
  ' >sources.list
include=
if grep -q https: sources.list; then include=--include=ca-certificates; fi

# Its proxies and its tolerance for an old mirror's dates.
apt-config dump Acquire | grep -E '^Acquire::(http|https|Check|Retries|ForceIP)' >apt.conf || true

for path in doc info locale man; do
  printf 'path-exclude /usr/share/%s/*\n' "$path"
done >dpkg.cfg
printf 'path-include /usr/share/doc/*/copyright\nforce-unsafe-io\n' >>dpkg.cfg

set --
if [ -s sources.list ]; then set -- sources.list; fi
mmdebstrap --mode=root --variant=minbase $include \
  --aptopt="$PWD/apt.conf" --aptopt='Acquire::Languages "none"' \
  --aptopt='APT::Install-Recommends "false"' --dpkgopt="$PWD/dpkg.cfg" \
  --customize-hook='printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"' \
  --customize-hook='chmod 755 "$1/usr/sbin/policy-rc.d"' \
  --customize-hook='rm -f "$1/etc/hostname" "$1/etc/resolv.conf"' \
  "$SUITE" root.tar "$@"

docker import --change 'CMD ["bash"]' root.tar "$IMAGE"
docker save --output "$OUT/image.tar" "$IMAGE"
