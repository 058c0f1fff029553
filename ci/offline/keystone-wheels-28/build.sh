#!/bin/sh
# Wheels for Debian 12's Python, whatever Python runs here: each is published as a wheel, nothing is compiled.
# Downloaded here, because pip's index, proxy and certificates are this machine's affair, not an image's.
set -eu
machine=$(uname -m)
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
  --python-version 3.11 --implementation cp --abi cp311 \
  --platform "manylinux_2_28_$machine" --platform "manylinux_2_17_$machine" --platform "manylinux2014_$machine" \
  --requirement "$RECIPE/requirements.txt" --dest "$OUT/wheels"
