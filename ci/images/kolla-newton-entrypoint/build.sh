#!/bin/sh
set -eu
. "$SHARED/docker.sh"
cp "$RECIPE/Dockerfile" .
build_image
save_image
