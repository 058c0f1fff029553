# Runs in the image's build, as root: the system below the venv of the service $1.
set -eu
service=$1
export DEBIAN_FRONTEND=noninteractive

apt-get update
apt-get install --yes --no-install-recommends python3

# User and folders as LOCI makes them.
groupadd --gid 42424 "$service"
useradd --uid 42424 --gid 42424 --no-log-init --no-create-home \
  --home-dir "/var/lib/$service" --shell /usr/sbin/nologin "$service"
for folder in etc var/log var/lib var/cache; do
  install --directory --mode 0755 --owner "$service" --group "$service" "/$folder/$service"
done

# Not the compiled Python files: a container with a read-only root would compile them at each start.
rm -rf /var/cache/apt /var/cache/debconf /var/lib/apt/lists
find /var/log -type f -delete
install --directory /var/cache/apt/archives/partial /var/cache/debconf /var/lib/apt/lists/partial
