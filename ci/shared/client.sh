# For the build.sh of a recipe of an image for database Jobs: what OpenStack-Helm's scripts of these Jobs import. The tag of
# the reference is the version of SQLAlchemy; the build fails if the base's packages have another one.
. "$SHARED/docker.sh"
cp "$SHARED/apt.sh" .
cp "$SHARED/client.Dockerfile" Dockerfile
cp "$SHARED/client_check.py" check.py
version=$(sed -n 's/^reference = ".*:\(.*\)"$/\1/p' "$RECIPE/recipe.toml")
build_image --build-arg "VERSION=$version"
save_image
