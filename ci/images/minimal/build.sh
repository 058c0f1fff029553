#!/bin/sh
set -eu
. "$SHARED/docker.sh"
cp "$RECIPE/Dockerfile" "$RECIPE/unpack.sh" "$RECIPE/check.py" "$SHARED/apt.sh" .
build_image
save_image
