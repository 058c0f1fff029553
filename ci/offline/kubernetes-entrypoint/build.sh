#!/bin/sh
set -eu
. "$SHARED/docker.sh"
cp "$RECIPE/Dockerfile" "$RECIPE/go.mod" "$RECIPE"/*.go .
build_image
save_image
