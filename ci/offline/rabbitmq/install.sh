# Runs in the image's build, as root.
set -eu
export DEBIAN_FRONTEND=noninteractive

# Not the package itself: it sets up a service, with a secret that would be the same in each container.
apt-get update
cd /tmp
apt-get --option APT::Sandbox::User=root download rabbitmq-server
version=$(dpkg-deb --field rabbitmq-server_*.deb Version)
case $version in
  3.10.8-*) ;;
  *) echo "Debian has RabbitMQ $version, and the recipe says 3.10.8" >&2; exit 1 ;;
esac
dpkg-deb --field rabbitmq-server_*.deb Depends | tr ',' '\n' | sed -n 's/^ *\(erlang-[a-z-]*\).*/\1/p' |
  xargs apt-get install --yes --no-install-recommends
dpkg-deb --fsys-tarfile rabbitmq-server_*.deb | tar --extract --directory / --keep-directory-symlink ./usr/lib/rabbitmq
rm rabbitmq-server_*.deb

# User, folders and settings as in the published image; its folders are open to any user too.
groupadd --gid 999 rabbitmq
useradd --uid 999 --gid 999 --no-log-init --no-create-home \
  --home-dir /var/lib/rabbitmq --shell /usr/sbin/nologin rabbitmq
for folder in /etc/rabbitmq /etc/rabbitmq/conf.d /var/lib/rabbitmq /var/log/rabbitmq; do
  install --directory --mode 1777 --owner rabbitmq --group rabbitmq "$folder"
done
printf 'loopback_users.guest = false\nlog.console = true\n' >/etc/rabbitmq/conf.d/10-defaults.conf
printf '[rabbitmq_management,rabbitmq_prometheus].\n' >/etc/rabbitmq/enabled_plugins

rm -rf /var/cache/apt /var/cache/debconf /var/lib/apt/lists
find /var/log -type f -delete
install --directory /var/cache/apt/archives/partial /var/cache/debconf /var/lib/apt/lists/partial
