#!/bin/sh
set -eu
. "$SHARED/kolla/kolla.sh"
