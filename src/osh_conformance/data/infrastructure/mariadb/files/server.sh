#!/bin/sh
# Stops and starts the server while the container, and start.sh in it, keep running; the data stays:
#   server.sh stop|kill|start|steady
#   server.sh slow STOPPED RUNNING           seconds, in turns, from now on
#   server.sh certificate trusted|untrusted|other_host  for new connections
# It returns when it is done, or fails with a reason. Files hold the server's state: server.pid exists while it runs,
# away while it must stay down, turns.pid while it is slow.
set -eu
run=/run/mysqld
seconds=60

fail() {
    echo "server.sh: $*" >&2
    exit 1
}

# Wait until a command succeeds; fail after a time.
within() {
    limit=$(($(date +%s) + seconds))
    while ! "$@"; do
        [ "$(date +%s)" -lt "$limit" ] || return 1
        sleep 0.05
    done
}

client() { mariadb --defaults-file=/etc/administrator/my.cnf --connect-timeout="$seconds" --execute "$1"; }
answers() { client 'DO 1' >/dev/null 2>&1; }
gone() { [ ! -e "$run/server.pid" ]; }
# A zombie has ended, even if its parent has not waited for it.
ended() { ! kill -0 "$1" 2>/dev/null || grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"; }
server() { cat "$run/server.pid"; }

# Only one process takes turns at a time: once it has ended, none stops the server again.
steady() {
    if [ -s "$run/turns.pid" ]; then
        turns=$(cat "$run/turns.pid")
        kill -KILL "$turns" 2>/dev/null || :
        within ended "$turns" || fail "process $turns, which makes the server slow, does not end"
        rm -f "$run/turns.pid"
    fi
    gone || kill -CONT "$(server)"
}

slow() {
    for each in "$1" "$2"; do
        case $each in '' | . | *[!0-9.]* | *.*.*) fail "seconds: expected a number, found '$each'" ;; esac
    done
    ! gone || fail "the server is away: it cannot be slow"
    steady
    kill -STOP "$(server)"
    # The caller waits for every process that has its output open; only this script may hold the lock.
    setsid sh "$0" turns "$(server)" "$1" "$2" </dev/null >/dev/null 2>&1 9>&- &
    echo "$!" >"$run/turns.pid"
}

turns() {
    while kill -STOP "$1"; do
        sleep "$2"
        kill -CONT "$1"
        sleep "$3"
    done
}

# start.sh removes the file once the server has ended.
leave() {
    if gone; then
        [ -e "$run/away" ] || fail "the server has not been started yet"
        return 0
    fi
    : >"$run/away"
    steady
    kill -s "$1" "$(server)"
    within gone || fail "the server is still there $seconds s after SIG$1"
}

start() {
    if [ -e "$run/away" ]; then
        within gone || fail "the server is still about to end"
        timeout "$seconds" sh -c ': >"$1"' - "$run/back" || fail "nobody waits for the server's return"
    fi
    within answers || fail "the server does not answer within $seconds s"
}

certificate() {
    [ -s "/etc/mariadb/tls/$1.crt" ] || fail "the server was given no $1 certificate"
    umask 077
    mkdir -p "$run/tls"
    cat "/etc/mariadb/tls/$1.crt" >"$run/tls/server.crt"
    cat "/etc/mariadb/tls/$1.key" >"$run/tls/server.key"
    gone || client 'FLUSH SSL'
}

case "$#:$*" in
    1:stop | 1:kill | 1:start | 1:steady | 3:slow\ *) ;;
    '2:certificate trusted' | '2:certificate untrusted' | '2:certificate other_host') ;;
    4:turns\ *) shift && turns "$@" && exit ;;
    *) fail "expected stop, kill, start, steady, slow STOPPED RUNNING, certificate NAME; found '$*'" ;;
esac
exec 9>"$run/control.lock"
flock --timeout "$seconds" 9 || fail "another one is at work"
case $1 in
    stop) leave TERM ;;
    kill) leave KILL ;;
    *) "$@" ;;
esac
