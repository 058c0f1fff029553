# Runs in the image's build, as root.
set -eu
export DEBIAN_FRONTEND=noninteractive

# apache2 and mod_wsgi are how openstack-helm's keystone chart serves the API.
apt-get update
apt-get install --yes --no-install-recommends apache2 libapache2-mod-wsgi-py3 python3

# User and folders as LOCI makes them.
groupadd --gid 42424 keystone
useradd --uid 42424 --gid 42424 --no-log-init --no-create-home \
  --home-dir /var/lib/keystone --shell /usr/sbin/nologin keystone
for folder in /etc/keystone /var/log/keystone /var/lib/keystone /var/cache/keystone; do
  install --directory --mode 0755 --owner keystone --group keystone "$folder"
done

# With this one module, perl-base is enough for a2enmod.
cp /usr/share/perl/5.*.*/if.pm /etc/perl/
dpkg --purge --force-depends libperl5.36 perl perl-modules-5.36

# Not the compiled Python files: a container with a read-only root would compile them at each start.
rm -rf /var/cache/apt /var/cache/debconf /var/lib/apt/lists
find /var/log -type f -delete
install --directory /var/cache/apt/archives/partial /var/cache/debconf /var/lib/apt/lists/partial
chmod 0755 /var/log/apache2
