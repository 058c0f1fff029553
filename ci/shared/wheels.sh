# For the build.sh of a recipe with a requirements.txt: downloads its wheels for the Python of the base image, in Docker.
. "$SHARED/docker.sh"
cp "$RECIPE/requirements.txt" "$SHARED/apt.sh" .
cp "$SHARED/wheels.Dockerfile" Dockerfile
# The authorities that this machine trusts; an index behind a company's proxy needs them.
cat "$CERTIFICATES" >certificates.crt
build_image
# The builder removes this container and the image by their label, also after an interruption.
container=$(docker create --label "osh-conformance.step=$BUILD" "$IMAGE" true)
docker cp "$container:/wheels" "$OUT/wheels"
