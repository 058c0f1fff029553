#!/bin/sh
# Prints, as a tar, the firewall programs and all that they load: kube-proxy's
# image needs them and nothing else of Debian. Run in the node's base image.
set -eu
programs="/usr/sbin/xtables-nft-multi /usr/sbin/nft"
extensions=$(find /usr/lib -name 'libxt_*.so' -o -name 'libipt_*.so' -o -name 'libip6t_*.so')
# shellcheck disable=SC2086 # lists of paths
libraries=$(ldd $programs $extensions | grep -o '/[^ :]* (' | tr -d ' (' | sort -u)
names="iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore"
mkdir -p /tmp/links/usr/sbin
for name in $names; do ln -s xtables-nft-multi "/tmp/links/usr/sbin/$name"; done
# shellcheck disable=SC2086
tar --create --dereference --hard-dereference $programs $extensions $libraries 2>/dev/null >/tmp/firewall.tar
tar --append --file /tmp/firewall.tar --directory /tmp/links usr
cat /tmp/firewall.tar
