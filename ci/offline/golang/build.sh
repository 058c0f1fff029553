#!/bin/sh
set -eu
. "$SHARED/docker.sh"
cp "$RECIPE/Dockerfile" .
# A link to the folder may be all that there is of it.
cp -RL "$(go env GOROOT)" go
build_image
save_image
