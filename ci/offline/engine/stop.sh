#!/bin/sh
# stop.sh DATA_ROOT RUN_DIR: ends the engine and its containers, and removes
# what it left in the network. Images and volumes stay in DATA_ROOT.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 DATA_ROOT RUN_DIR" >&2; exit 2; }
data=$1 run=$2 seconds=60
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export DOCKER_HOST="unix://$run/docker.sock"

[ -e "$run/before" ] || exit 0
# An engine that was killed has left containers running. A new one ends them;
# where none starts, what it left in the network still goes.
running=yes
"$here/start.sh" "$data" "$run" || running=no

exec 9>"$run/lock"
flock -w "$seconds" 9 || { echo "another start or stop holds $run/lock" >&2; exit 1; }

bridges=
if [ "$running" = yes ]; then
  bridges=$(docker network ls --quiet --filter driver=bridge)
  pid=$(cat "$run/docker.pid")
  kill "$pid"
  tries=$((seconds * 10))
  while [ -e "/proc/$pid" ]; do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then
      echo "the engine (process $pid) did not end; the end of $run/dockerd.log:" >&2
      tail -n 20 "$run/dockerd.log" >&2
      exit 1
    fi
    sleep 0.1
  done
fi

# Each rule that names the bridge is deleted by repeating it with -D.
drop_rules() {
  for table in filter nat; do
    iptables -w -t "$table" -S | grep -e " $1\( \|\$\)" | sed 's/^-A/-D/' |
      while read -r rule; do
        # shellcheck disable=SC2086 # a rule is several words
        iptables -w -t "$table" $rule
      done
  done
}

# The chains all engines share: only if this one brought them.
drop_chains() {
  for table in filter nat; do
    rules=$(iptables -w -t "$table" -S)
    echo "$rules" | sed -n 's/^-A\( .* -j DOCKER[A-Z0-9-]*\)$/-D\1/p' |
      while read -r rule; do
        # shellcheck disable=SC2086
        iptables -w -t "$table" $rule
      done
    for step in -F -X; do
      echo "$rules" | sed -n 's/^-N \(DOCKER.*\)/\1/p' |
        while read -r chain; do iptables -w -t "$table" "$step" "$chain"; done
    done
  done
}

for id in $bridges; do
  ip link delete "br-$id" 2>/dev/null || true # gone already: the aim
  drop_rules "br-$id"
done
. "$run/before"
# shellcheck disable=SC2154 # read from the file
if [ "$chains" = no ]; then
  drop_chains
  iptables -w -P FORWARD "$policy"
  echo "$forward" >/proc/sys/net/ipv4/ip_forward
fi
rm -rf "$run"
