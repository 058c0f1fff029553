#!/bin/sh
# init.sh FOLDER LINK: pid 1 of a world. It makes the machine that the plain user sees, and then only waits: when it
# ends, the kernel ends all processes, mounts and links of the world with it.
set -eu
world=$1
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$world/etc,workdir=$world/etc.work" /etc
mount --bind "$world/home" /home
mount --bind "$world/tmp" /tmp
mount --bind "$world/programs" /usr/local/bin
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/user/4242
chown 4242:4242 /run/user/4242
# What this user does not have: the client of the package (programs/ has a copy), and the host's Go.
while read -r hidden; do
  if [ -d "$hidden" ]; then mount -t tmpfs -o mode=755,ro tmpfs "$hidden"; else mount --bind "$world/nothing" "$hidden"; fi
done <"$world/hidden"
hostname laptop
ip link set lo up
echo ready >"$world/ready"
# Reaps what daemons leave.
while :; do
  sleep infinity &
  wait || :
done
