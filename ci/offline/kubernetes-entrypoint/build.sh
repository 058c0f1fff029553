#!/bin/sh
# One static program is the whole image.
set -eu
context=$PWD
(cd "$RECIPE" && go build -trimpath -buildvcs=false -ldflags "-s -w -buildid=" -o "$context/kubernetes-entrypoint" .)
docker build --quiet --tag "osh-conformance/kubernetes-entrypoint:$KEY" --file "$RECIPE/Dockerfile" "$context"
docker save --output "$OUT/image.tar" "osh-conformance/kubernetes-entrypoint:$KEY"
