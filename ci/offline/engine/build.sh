#!/bin/sh
set -eu
cp "$RECIPE/start.sh" "$RECIPE/stop.sh" "$OUT/"
cd "$RECIPE"
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
  -ldflags "-s -w" -o "$OUT/runc" .
