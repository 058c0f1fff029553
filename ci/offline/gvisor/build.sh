#!/bin/sh
# gVisor does not work in the kind nodes of all machines. Each file of `changes` mends one place, and a comment in the
# changed code says why. On other machines the changed code does what it did before. A change that does not fit ends
# the build: somebody must look whether that version still needs it.
set -eu
. "$SHARED/versions.sh"
cp "$RECIPE/go.mod" "$RECIPE/go.sum" .
go mod vendor
for change in "$RECIPE"/changes/*.patch; do
  if ! patch --directory vendor/gvisor.dev/gvisor --strip 1 --forward --fuzz 0 --batch <"$change"; then
    echo "the change ${change##*/} does not fit gVisor $GVISOR_VERSION; look whether this version still needs it" >&2
    exit 1
  fi
done
stamp="-X gvisor.dev/gvisor/runsc/version.version=$GVISOR_VERSION"
CGO_ENABLED=0 go build -mod=vendor -trimpath -buildvcs=false -ldflags "-s -w $stamp" \
  -o "$OUT/runsc" gvisor.dev/gvisor/runsc
CGO_ENABLED=0 go build -mod=vendor -trimpath -buildvcs=false -ldflags "-s -w $stamp" \
  -o "$OUT/containerd-shim-runsc-v1" gvisor.dev/gvisor/shim
note_version gvisor "$OUT/runsc" --version
