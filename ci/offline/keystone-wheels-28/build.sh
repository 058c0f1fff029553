#!/bin/sh
set -eu
. "$SHARED/wheels.sh"
