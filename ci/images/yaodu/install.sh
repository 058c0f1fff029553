# Runs in the image's build, as root.
set -eu
export DEBIAN_FRONTEND=noninteractive

apt-get update
apt-get install --yes --no-install-recommends python3

groupadd --gid 42424 keystone
useradd --uid 42424 --gid 42424 --no-log-init --no-create-home \
  --home-dir /var/lib/keystone --shell /usr/sbin/nologin keystone
install --directory --mode 0755 /etc/keystone
install --directory --mode 0755 --owner keystone --group keystone /var/lib/keystone

# Not the compiled Python files: a container with a read-only root would compile them at each start.
rm -rf /var/cache/apt /var/cache/debconf /var/lib/apt/lists
find /var/log -type f -delete
install --directory /var/cache/apt/archives/partial /var/cache/debconf /var/lib/apt/lists/partial
