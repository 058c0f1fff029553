#!/bin/sh
set -eu
cd "$RECIPE"
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
  -ldflags "-s -w" -o "$OUT/crictl" .
