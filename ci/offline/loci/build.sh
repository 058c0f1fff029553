#!/bin/sh
set -eu
. "$SHARED/docker.sh"
cp -r "$RECIPE/Dockerfile" "$RECIPE/install.sh" "$SHARED/apt.sh" "$NEED_KEYSTONE_WHEELS_28/wheels" .
build_image
save_image
