# For the build.sh of a recipe of the flavor kolla: kolla-build with this folder's settings; README.md says what differs
# from a published image. recipe.toml names the images: KOLLA_IMAGE, and PARENTS, the ones that it is built on.
kolla="$SHARED/kolla"
namespace=${IMAGE%/*}/kolla-$KEY
tag=2026.2-debian-trixie

clean() {
  for name in $KOLLA_IMAGE $PARENTS; do
    docker rmi "$namespace/$name:$tag" >/dev/null 2>&1 || true
  done
  # Steps of an image that failed have no name. All of them have the label.
  docker image prune --force --filter label=osh-conformance.flavor=kolla >/dev/null
}
trap clean EXIT
# The engine takes a moment to give up the step that it is at.
trap 'sleep 2; exit 143' HUP INT TERM

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$kolla/requirements.txt"

# Neither kolla nor pip may ask a proxy for the index.
export no_proxy="127.0.0.1${no_proxy:+,$no_proxy}"
export NO_PROXY="127.0.0.1${NO_PROXY:+,$NO_PROXY}"
venv/bin/python "$kolla/with_index.py" "$kolla/requirements/upper-constraints.txt" \
  venv/bin/kolla-build --config-file "$kolla/kolla-build.conf" \
  --template-override "$kolla/template-override.j2" --locals-base "$kolla" \
  --base-image "${BASE_IMAGE%:*}" --base-tag "${BASE_IMAGE##*:}" --namespace "$namespace" "^$KOLLA_IMAGE\$"

docker tag "$namespace/$KOLLA_IMAGE:$tag" "$IMAGE"
docker save --output "$OUT/image.tar" "$IMAGE"
