#!/bin/sh
# start.sh DATA_ROOT RUN_DIR: starts the engine unless it runs, and returns when
# it answers at RUN_DIR/docker.sock. Everything it makes is below the two
# folders, but for firewall chains and bridges, which stop.sh removes.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 DATA_ROOT RUN_DIR" >&2; exit 2; }
data=$1 run=$2 seconds=60
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export DOCKER_HOST="unix://$run/docker.sock"

answers() { docker version >/dev/null 2>&1; }

# A recycled number in a stale pid file must not pass for the engine.
alive() {
  [ -s "$1" ] && tr '\0' '\n' <"/proc/$(cat "$1")/cmdline" 2>/dev/null | grep -qF "$run/"
}

umask 077
mkdir -p "$data" "$run"
exec 9>"$run/lock"
flock -w "$seconds" 9 || { echo "another start or stop holds $run/lock" >&2; exit 1; }

if alive "$run/docker.pid"; then
  answers && exit 0
else
  # A killed engine leaves its containerd, which lives in the mount namespace
  # that is gone for the next one and would not see its containers' files.
  child=$run/containerd/containerd.pid
  if alive "$child"; then
    kill "$(cat "$child")"
    tries=$((seconds * 10))
    while alive "$child" && [ "$tries" -gt 0 ]; do
      tries=$((tries - 1))
      sleep 0.1
    done
  fi
  rm -f "$child" "$run/docker.pid" "$run/docker.sock"

  # The copy outlives a cleared cache; the running engine needs it.
  cp "$here/runc" "$data/runc.new"
  mv "$data/runc.new" "$data/runc"

  # What stop.sh must know to leave the machine as it was.
  if [ ! -e "$run/before" ]; then
    {
      echo "forward=$(cat /proc/sys/net/ipv4/ip_forward)"
      echo "policy=$(iptables -w -S FORWARD | sed -n 's/^-P FORWARD //p')"
      if iptables -w -n -L DOCKER-USER >/dev/null 2>&1; then echo chains=yes; else echo chains=no; fi
    } >"$run/before"
  fi

  cat >"$run/daemon.json" <<JSON
{
  "hosts": ["$DOCKER_HOST"],
  "data-root": "$data",
  "exec-root": "$run",
  "pidfile": "$run/docker.pid",
  "bridge": "none",
  "runtimes": {"capability-filter": {"path": "$data/runc"}},
  "default-runtime": "capability-filter",
  "log-driver": "json-file"
}
JSON
  # In a mount namespace of its own, so that its mounts end with it, however it ends.
  setsid unshare --mount --propagation slave \
    dockerd --config-file "$run/daemon.json" >"$run/dockerd.log" 2>&1 </dev/null 9>&- &
fi

tries=$((seconds * 10))
until answers; do
  tries=$((tries - 1))
  if [ "$tries" -le 0 ] || { [ -n "${!:-}" ] && ! kill -0 "$!" 2>/dev/null; }; then
    echo "the engine did not answer at $DOCKER_HOST; the end of $run/dockerd.log:" >&2
    tail -n 20 "$run/dockerd.log" >&2
    exit 1
  fi
  sleep 0.1
done
