# Runs in the image's build, as root.
set -eu
cd /usr/local/share/osh-conformance
export DEBIAN_FRONTEND=noninteractive

# The empty package. Its provisions have a version above all that others ask for.
mkdir -p /tmp/left-out/DEBIAN
provides=$(sed '/^#/d; s/$/ (= 9999)/' left-out.txt | paste -s -d , -)
printf '%s\n' 'Package: osh-conformance-left-out' 'Version: 1' 'Architecture: all' 'Maintainer: nobody' \
  "Provides: $provides" 'Description: stands for packages that nothing here uses' >/tmp/left-out/DEBIAN/control
dpkg-deb --build /tmp/left-out /tmp/left-out.deb
dpkg --install /tmp/left-out.deb
rm -r /tmp/left-out /tmp/left-out.deb

apt-get update
sed '/^#/d' packages.txt | xargs apt-get install --yes --no-install-recommends

find /usr/lib/python3/dist-packages -mindepth 2 -maxdepth 2 -type d -name tests -exec rm -r {} +
# The compiled Python files stay: a container with a read-only root would compile them at each start.
rm -rf /var/cache/apt /var/cache/debconf /var/lib/apt/lists
find /var/log -type f -delete
install --directory /var/cache/apt/archives/partial /var/cache/debconf /var/lib/apt/lists/partial
