#!/bin/sh
# Migrate Placement's schema with Placement's own program.
set -eu
exec placement-manage db sync
