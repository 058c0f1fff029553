# Runs in the image's build, as root.
set -eu
export DEBIAN_FRONTEND=noninteractive

# Not mariadb-server: it sets up a service, with perl, galera and backup tools.
apt-get update
apt-get install --yes --no-install-recommends mariadb-client-core mariadb-server-core

# User and folders as in the published image.
groupadd --gid 999 mysql
useradd --uid 999 --gid 999 --no-log-init --no-create-home \
  --home-dir /var/lib/mysql --shell /usr/sbin/nologin mysql
install --directory --mode 0755 --owner mysql --group mysql /var/lib/mysql
install --directory --mode 1777 --owner mysql --group mysql /run/mysqld

rm -rf /var/cache/apt /var/cache/debconf /var/lib/apt/lists /var/log/*
install --directory /var/cache/apt/archives/partial /var/cache/debconf /var/lib/apt/lists/partial
