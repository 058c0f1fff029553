#!/bin/sh
set -eu
. "$SHARED/docker.sh"
cp "$RECIPE/Dockerfile" .
# Not a base image by its reference: no registry has that one either.
export BASE_IMAGE="$NEED_KOLLA_NEWTON_HEAT_ENGINE_IMAGE" BASES=BASE_IMAGE
build_image
save_image
