# For the build.sh of a recipe with a Dockerfile. The classic builder and BuildKit both serve.

# label_stages DOCKERFILE: print it, with the label of this build first in each stage. What an interrupted build leaves is
# found by it.
label_stages() {
  awk -v label="$BUILD" '{ print } toupper($1) == "FROM" { print "LABEL osh-conformance.step=\"" label "\"" }' "$1"
}

# build_image [ARGUMENT...]: build the image $IMAGE from the Dockerfile and the files in the working directory.
build_image() {
  label_stages Dockerfile >Dockerfile.labelled
  # Docker reads the values from the environment: an index with a password must not be in the list of processes.
  for argument in $BASES http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY DEBIAN_MIRROR \
    PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT; do
    eval "value=\${$argument:-}"
    if [ -n "$value" ]; then set -- "$@" --build-arg "$argument"; fi
  done
  # The host's network, because an engine without a bridge cannot reach Debian's mirrors;
  # --force-rm, because a failed build would leave its container.
  # The image itself is no step: containers have the labels of their image, and are no leftovers of a build.
  docker build --force-rm --network host --label osh-conformance.step= --label "osh-conformance.image=$BUILD" \
    --file Dockerfile.labelled --tag "$IMAGE" "$@" .
}

# save_image: put the image where its recipe promises it.
save_image() {
  docker save --output "$OUT/image.tar" "$IMAGE"
}
