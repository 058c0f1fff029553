#!/bin/sh
set -eu
. "$SHARED/docker.sh"
cp "$RECIPE/Dockerfile" "$SHARED/apt.sh" .
build_image
save_image
