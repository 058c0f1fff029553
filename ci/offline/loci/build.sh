#!/bin/sh
# The host's network, because an engine without a bridge cannot reach Debian's mirrors;
# --force-rm, because a failed build would leave its container.
set -eu
tag=osh-conformance/loci:$KEY
cp -r "$RECIPE/Dockerfile" "$RECIPE/install.sh" "$NEED_KEYSTONE_WHEELS_28/wheels" .
docker build --force-rm --network host --build-arg BASE_IMAGE="$BASE_IMAGE" --build-arg KEY="$KEY" --tag "$tag" .
# What the classic builder leaves of the first stage.
docker image prune --force --filter "label=osh-conformance.stage=loci-$KEY"
docker save --output "$OUT/image.tar" "$tag"
