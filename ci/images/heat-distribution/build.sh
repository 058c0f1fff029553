#!/bin/sh
set -eu
. "$SHARED/distribution.sh"
