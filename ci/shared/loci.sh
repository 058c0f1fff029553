# For the build.sh of a recipe of the flavor loci: makes the image of one OpenStack service from wheels. recipe.toml names
# the service: SERVICE, PACKAGES for pip, PROGRAMS. The build fails if one of the programs does not start.
. "$SHARED/docker.sh"
cp -r "$NEED_OPENSTACK_WHEELS_2025_2/wheels" "$SHARED/apt.sh" .
cp "$SHARED/loci.Dockerfile" Dockerfile
cp "$SHARED/loci-install.sh" install.sh
cp "$SHARED/distribution_check.py" check.py
reference=$(sed -n 's/^reference = "\(.*\)"$/\1/p' "$RECIPE/recipe.toml")
build_image --build-arg "SERVICE=$SERVICE" --build-arg "PACKAGES=$PACKAGES" --build-arg "PROGRAMS=$PROGRAMS" \
  --build-arg "VERSION=$VERSION" --build-arg "REFERENCE=$reference"
save_image
