#!/bin/sh
# kolla-build with this folder's settings; README.md says what differs from a published image.
set -eu
namespace=${IMAGE%/*}/kolla-$KEY

clean() {
  for name in keystone keystone-base openstack-base base; do
    docker rmi "$namespace/$name:2026.2-debian-trixie" >/dev/null 2>&1 || true
  done
  # Steps of an image that failed have no name. All of them have the label.
  docker image prune --force --filter label=osh-conformance.flavor=kolla >/dev/null
}
trap clean EXIT
# The engine takes a moment to give up the step that it is at.
trap 'sleep 2; exit 143' HUP INT TERM

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$RECIPE/requirements.txt"

# Neither kolla nor pip may ask a proxy for the index.
export no_proxy="127.0.0.1${no_proxy:+,$no_proxy}"
export NO_PROXY="127.0.0.1${NO_PROXY:+,$NO_PROXY}"
venv/bin/python "$RECIPE/with_index.py" "$RECIPE/requirements/upper-constraints.txt" \
  venv/bin/kolla-build --config-file "$RECIPE/kolla-build.conf" \
  --template-override "$RECIPE/template-override.j2" --locals-base "$RECIPE" \
  --base-image "${BASE_IMAGE%:*}" --base-tag "${BASE_IMAGE##*:}" --namespace "$namespace" '^keystone$'

docker tag "$namespace/keystone:2026.2-debian-trixie" "$IMAGE"
docker save --output "$OUT/image.tar" "$IMAGE"
