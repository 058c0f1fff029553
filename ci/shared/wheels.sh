# For the build.sh of a recipe with a requirements.txt: downloads its wheels for the Python of the base image, in Docker.
. "$SHARED/docker.sh"
cp "$RECIPE/requirements.txt" "$SHARED/apt.sh" .
cp "$SHARED/wheels.Dockerfile" Dockerfile
# The authorities that this machine trusts; an index behind a company's proxy needs them.
cat "$CERTIFICATES" >certificates.crt
build_image
# Whoever builds removes this container by its label, and the image, also if this is interrupted.
container=$(docker create --label "osh-conformance.step=$BUILD" "$IMAGE" true)
docker cp "$container:/wheels" "$OUT/wheels"
