# Runs in the image's build, as root.
set -eu
export DEBIAN_FRONTEND=noninteractive

apt-get update
apt-get install --yes --no-install-recommends dumb-init python3

# Users as in Kolla's images of 2016: the service's has the first free id.
groupadd --gid 999 kolla
groupadd --gid 1000 heat
useradd --uid 1000 --gid 1000 --groups kolla --no-log-init --no-create-home \
  --home-dir /var/lib/heat --shell /usr/sbin/nologin heat
install --directory --mode 0755 /etc/heat
install --directory --mode 0755 --owner heat --group heat /var/lib/heat /var/log/heat

# Not the compiled Python files: a container with a read-only root would compile them at each start.
rm -rf /var/cache/apt /var/cache/debconf /var/lib/apt/lists
find /var/log -type f -delete
install --directory /var/cache/apt/archives/partial /var/cache/debconf /var/lib/apt/lists/partial
