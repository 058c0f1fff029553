#!/bin/sh
set -eu
. "$SHARED/docker.sh"
cp "$RECIPE/Dockerfile" "$RECIPE/install.sh" "$RECIPE/packages.txt" "$RECIPE/left-out.txt" "$SHARED/apt.sh" .
build_image
save_image
