#!/bin/sh
set -eu
. "$SHARED/docker.sh"
cp "$RECIPE/Dockerfile" "$RECIPE/go.mod" "$RECIPE/main.go" "$RECIPE/names.txt" "$RECIPE/install.sh" .
build_image
save_image
