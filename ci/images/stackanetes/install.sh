# Runs in the image's build, as root.
set -eu
export DEBIAN_FRONTEND=noninteractive

apt-get update
apt-get install --yes --no-install-recommends python3

# Users and their ids as in Kolla's images.
groupadd --gid 42400 kolla
groupadd --gid 42425 keystone
useradd --uid 42425 --gid 42425 --groups kolla --no-log-init --no-create-home \
  --home-dir /var/lib/keystone --shell /usr/sbin/nologin keystone
install --directory --mode 0755 /etc/keystone
install --directory --mode 0755 --owner keystone --group keystone /var/lib/keystone

# Not the compiled Python files: a container with a read-only root would compile them at each start.
rm -rf /var/cache/apt /var/cache/debconf /var/lib/apt/lists
find /var/log -type f -delete
install --directory /var/cache/apt/archives/partial /var/cache/debconf /var/lib/apt/lists/partial
