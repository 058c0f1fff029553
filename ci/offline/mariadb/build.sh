#!/bin/sh
# The host's network, because an engine without a bridge cannot reach Debian's mirrors;
# --force-rm, because a failed build would leave its container.
set -eu
tag=osh-conformance/mariadb:$KEY
docker build --force-rm --network host --build-arg BASE_IMAGE="$BASE_IMAGE" --tag "$tag" "$RECIPE"
docker save --output "$OUT/image.tar" "$tag"
