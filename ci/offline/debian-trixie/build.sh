#!/bin/sh
# The recipe "debian" with another suite. It is among the needs, so that its script is part
# of this recipe's key. It names the image after itself.
set -eu
theirs=osh-conformance/debian:$KEY
image=osh-conformance/debian-trixie:$KEY
sh "$RECIPE/../debian/build.sh"
docker tag "$theirs" "$image"
docker rmi "$theirs"
docker save --output "$OUT/image.tar" "$image"
