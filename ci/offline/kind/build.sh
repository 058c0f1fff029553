#!/bin/sh
set -eu
cd "$RECIPE"
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
  -ldflags "-s -w" -o "$OUT/kind" sigs.k8s.io/kind
"$OUT/kind" version

# Entrypoint and units: they must fit this kind, so they come from its module.
cp -R "$(go list -mod=readonly -m -f '{{.Dir}}' sigs.k8s.io/kind)/images/base/files" "$OUT/node"
chmod -R u+w "$OUT/node"
