#!/bin/sh
# The version is in go.mod too: the programs do not know their module's.
set -eu
cd "$RECIPE"
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
  -ldflags "-s -w -X github.com/containerd/containerd/v2/version.Version=v$CONTAINERD_VERSION" \
  -tags "no_aufs no_btrfs no_devmapper no_zfs" -o "$OUT/" tool
"$OUT/containerd" --version
