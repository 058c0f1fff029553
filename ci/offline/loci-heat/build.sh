#!/bin/sh
set -eu
. "$SHARED/loci.sh"
