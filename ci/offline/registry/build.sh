#!/bin/sh
set -eu
. "$SHARED/docker.sh"
cp "$RECIPE/Dockerfile" "$RECIPE/config.yml" "$RECIPE/entrypoint.sh" "$SHARED/apt.sh" .
build_image
save_image
