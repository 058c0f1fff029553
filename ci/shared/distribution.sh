# For the build.sh of a recipe of the flavor distribution: makes the image of one OpenStack service from Debian's packages.
# Beside recipe.toml lies packages.txt. recipe.toml names the service: SERVICE, PROGRAMS, and MODULE where its Python
# module has another name. The tag of the reference is the version; the build fails if the packages have another one.
. "$SHARED/docker.sh"
cp "$RECIPE/packages.txt" "$SHARED/apt.sh" .
cp "$SHARED/distribution.Dockerfile" Dockerfile
cp "$SHARED/distribution-install.sh" install.sh
cp "$SHARED/distribution_check.py" check.py
version=$(sed -n 's/^reference = ".*:\(.*\)"$/\1/p' "$RECIPE/recipe.toml")
build_image --build-arg "SERVICE=$SERVICE" --build-arg "MODULE=${MODULE:-$SERVICE}" --build-arg "VERSION=$version" \
  --build-arg "PROGRAMS=$PROGRAMS"
save_image
