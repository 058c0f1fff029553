#!/bin/sh
# The version that the programs report is the module's, and kubeadm refuses to
# work with a "dirty" or missing one.
set -eu
base=k8s.io/component-base/version
major_minor=${KUBERNETES_VERSION%.*}
stamp="-X $base.gitVersion=v$KUBERNETES_VERSION -X $base.gitTreeState=clean
  -X $base.gitMajor=${major_minor%.*} -X $base.gitMinor=${major_minor#*.}"
cd "$RECIPE"
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
  -ldflags "-s -w $stamp" -o "$OUT/kubernetes" .
