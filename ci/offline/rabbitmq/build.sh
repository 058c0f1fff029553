#!/bin/sh
set -eu
. "$SHARED/docker.sh"
cp "$RECIPE/Dockerfile" "$RECIPE/install.sh" "$SHARED/apt.sh" .
build_image
save_image
