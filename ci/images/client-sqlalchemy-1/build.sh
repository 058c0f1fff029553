#!/bin/sh
set -eu
. "$SHARED/client.sh"
