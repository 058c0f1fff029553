# Runs in an image's build, before apt-get: takes Debian's packages from $DEBIAN_MIRROR if it is set, instead of the hosts
# in the sources of the base image. It must be an http:// URL: slim base images have no certificates. Only this shell and
# its children use it; the image keeps the sources of its base.
if [ -n "${DEBIAN_MIRROR:-}" ]; then
  mkdir -p /tmp/apt/sources
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    if [ -f "$file" ]; then
      sed "s|https\{0,1\}://[^/ ]*|${DEBIAN_MIRROR%/}|" "$file" >"/tmp/apt/sources/${file##*/}"
    fi
  done
  printf 'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "/tmp/apt/sources";\n' >/tmp/apt/apt.conf
  export APT_CONFIG=/tmp/apt/apt.conf
  trap 'rm -rf /tmp/apt' EXIT
fi
