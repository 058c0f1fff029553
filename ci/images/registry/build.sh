#!/bin/sh
# The host's network, because an engine without a bridge cannot reach Debian's mirrors.
set -eu
tag=osh-conformance/registry:$KEY
docker build --network host --build-arg BASE_IMAGE="$BASE_IMAGE" --tag "$tag" "$RECIPE"
docker save --output "$OUT/image.tar" "$tag"
