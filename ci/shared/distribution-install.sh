# Runs in the image's build, as root: installs the packages in packages.txt for the service $1.
set -eu
service=$1
export DEBIAN_FRONTEND=noninteractive

# Debian's packages python3-* have the code, and the others set up daemons: they ask questions, make a database, bring web
# servers, and have files that only their own users can read. Of these, only programs and the folder of settings are taken.
apt-get update
sed '/^#/d' packages.txt >/tmp/packages
grep '^python3-' /tmp/packages | xargs apt-get install --yes --no-install-recommends
mkdir /tmp/daemons
if grep -v '^python3-' /tmp/packages >/tmp/daemons/list; then
  (cd /tmp/daemons && xargs apt-get --option APT::Sandbox::User=root download <list)
  for package in /tmp/daemons/*.deb; do
    dpkg-deb --fsys-tarfile "$package" |
      tar --extract --directory / --keep-directory-symlink --wildcards --no-same-permissions \
        './usr/bin/*' "./etc/$service/*" 2>/tmp/daemons/missing || grep -q 'Not found in archive' /tmp/daemons/missing
  done
fi
rm -r /tmp/packages /tmp/daemons

groupadd --gid 42424 "$service"
useradd --uid 42424 --gid 42424 --no-log-init --no-create-home \
  --home-dir "/var/lib/$service" --shell /usr/sbin/nologin "$service"
install --directory --mode 0755 "/etc/$service"
install --directory --mode 0755 --owner "$service" --group "$service" "/var/lib/$service"

find /usr/lib/python3/dist-packages -mindepth 2 -maxdepth 2 -type d -name tests -exec rm -r {} +
# The compiled Python files stay: a container with a read-only root would compile them at each start.
rm -rf /var/cache/apt /var/cache/debconf /var/lib/apt/lists
find /var/log -type f -delete
install --directory /var/cache/apt/archives/partial /var/cache/debconf /var/lib/apt/lists/partial
