#!/bin/sh
set -eu
. "$SHARED/docker.sh"
cp -r "$RECIPE/Dockerfile" "$RECIPE/install.sh" "$SHARED/apt.sh" "$NEED_OPENSTACK_WHEELS_2025_2/wheels" .
cp "$SHARED/distribution_check.py" check.py
build_image
save_image
