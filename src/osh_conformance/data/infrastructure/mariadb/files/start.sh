#!/bin/sh
# Creates the system tables once, then runs the server as a child: server.sh stops and starts it while the container
# keeps running. If the server ends by itself, the container ends too. Works with any user id, on a read-only file system.
set -eu
run=/run/mysqld
defaults=/etc/mariadb/my.cnf
made=/var/lib/mysql/.made
child='' ending='' caught=''

# Until the child has ended. Once a second, because a child may miss a signal before it executes its program, and a
# stopped one does not get it.
end() {
    ending=yes caught=yes tries=0
    [ -n "$child" ] || return 0
    while kill -0 "$child" 2>/dev/null; do
        [ $((tries % 10)) -ne 0 ] || kill -TERM "$child" 2>/dev/null || :
        [ ! -s "$run/turns.pid" ] || kill -KILL "$(cat "$run/turns.pid")" 2>/dev/null || :
        kill -CONT "$child" 2>/dev/null || :
        tries=$((tries + 1))
        sleep 0.1
    done
}

# Wait until a child has ended, and put its exit code into `code`; a signal interrupts `wait`, but not this.
await() {
    child=$1
    [ -z "$ending" ] || end
    while :; do
        caught='' code=0
        wait "$child" || code=$?
        [ -n "$caught" ] || break
    done
    child=''
}

trap end TERM
# The folder outlives the container, so it may hold the state of an earlier one.
rm -rf "$run/server.pid" "$run/turns.pid" "$run/away" "$run/back"
mkfifo -m 0600 "$run/back"
[ ! -e /etc/mariadb/tls ] || sh /scripts/server.sh certificate trusted

# The mark comes last, so a container that was killed while it created the tables starts again.
if [ ! -e "$made" ]; then
    rm -rf /var/lib/mysql/*
    mariadb-install-db --defaults-file="$defaults" --auth-root-authentication-method=normal \
        --extra-file=/scripts/install.sql \
        --skip-test-db --skip-name-resolve >/tmp/install.log 2>&1 || { cat /tmp/install.log; exit 1; }
    : >"$made"
fi

while [ -z "$ending" ]; do
    mariadbd --defaults-file="$defaults" &
    # Renamed once it is complete: server.sh may read it at any time.
    echo "$!" >"$run/server.new"
    mv "$run/server.new" "$run/server.pid"
    await "$!"
    rm -f "$run/server.pid"
    [ -e "$run/away" ] || exit "$code"
    # This waits until `server.sh start` opens the other end.
    (: <"$run/back") &
    await "$!"
    rm -f "$run/away"
done
