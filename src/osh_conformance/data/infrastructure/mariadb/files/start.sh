#!/bin/sh
# Makes the system tables once, then keeps the server as a child: server.sh takes it away and brings it back while the
# container stays. If it ends by itself, so does the container. Works for any uid, on a read-only file system.
set -eu
run=/run/mysqld
defaults=/etc/mariadb/my.cnf
made=/var/lib/mysql/.made
child='' ending='' caught=''

# Until the child is gone. Once a second, because a child that is not yet the program that it will be may miss a signal;
# and one that is stopped does not hear it.
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

# Until a child has ended, with its exit code in `code`; a signal interrupts `wait`, not this.
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
# The folder outlives the container, and what was true of the one before.
rm -rf "$run/server.pid" "$run/turns.pid" "$run/away" "$run/back"
mkfifo -m 0600 "$run/back"
[ ! -e /etc/mariadb/tls ] || sh /scripts/server.sh certificate trusted

# The mark comes last, so that a container that was killed while it made the tables starts over.
if [ ! -e "$made" ]; then
    rm -rf /var/lib/mysql/*
    mariadb-install-db --defaults-file="$defaults" --auth-root-authentication-method=normal \
        --extra-file=/scripts/install.sql \
        --skip-test-db --skip-name-resolve >/tmp/install.log 2>&1 || { cat /tmp/install.log; exit 1; }
    : >"$made"
fi

while [ -z "$ending" ]; do
    mariadbd --defaults-file="$defaults" &
    # Under its name once it is whole: server.sh looks at any time.
    echo "$!" >"$run/server.new"
    mv "$run/server.new" "$run/server.pid"
    await "$!"
    rm -f "$run/server.pid"
    [ -e "$run/away" ] || exit "$code"
    # Opened when `server.sh start` opens the other end.
    (: <"$run/back") &
    await "$!"
    rm -f "$run/away"
done
