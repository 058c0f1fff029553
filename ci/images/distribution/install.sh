# Runs in the image's build, as root.
set -eu
export DEBIAN_FRONTEND=noninteractive

# Not the package "keystone": it adds nothing but debconf questions, a database, uwsgi
# and files that only its own user can read. Its programs are in python3-keystone, which
# brings python3-openstackclient and PyMySQL. apache2, mod_wsgi and "python" are what
# openstack-helm's keystone chart needs of an image.
apt-get update
apt-get install --yes --no-install-recommends \
  apache2 libapache2-mod-wsgi-py3 python-is-python3 python3-keystone

# OpenStack-Helm runs Keystone as this uid, and looks the user up by its name.
groupadd --gid 42424 keystone
useradd --uid 42424 --gid 42424 --no-log-init --no-create-home \
  --home-dir /var/lib/keystone --shell /usr/sbin/nologin keystone
install --directory --mode 0755 /etc/keystone
install --directory --mode 0755 --owner keystone --group keystone /var/lib/keystone

# A third of the size: wanted by packages, used by nothing that runs here. With this one
# module, perl-base is enough for a2enmod.
cp /usr/share/perl/5.*.*/if.pm /etc/perl/
dpkg --purge --force-depends \
  ieee-data python-babel-localedata python3-docutils python3-sphinx sphinx-common \
  libfile-find-rule-perl libjson-perl libnumber-compare-perl libtext-glob-perl \
  libperl5.36 perl perl-modules-5.36
find /usr/lib/python3/dist-packages -mindepth 2 -maxdepth 2 -type d -name tests \
  -exec rm -r {} +

# The compiled Python files stay: without them keystone-manage takes 3.8 s instead of 1.6 s
# to start, each time, because a container with a read-only root can keep none.
rm -rf /var/cache/apt /var/cache/debconf /var/lib/apt/lists /var/log/*
install --directory /var/cache/apt/archives/partial /var/cache/debconf /var/lib/apt/lists/partial
install --directory --mode 0755 --owner www-data /var/log/apache2
