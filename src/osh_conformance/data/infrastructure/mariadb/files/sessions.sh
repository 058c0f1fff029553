#!/bin/sh
# Keeps sessions open that have run some SQL and then send nothing:
#   sessions.sh open NAME COUNT SQL OPTION...   the options are the client's
#   sessions.sh close NAME
set -eu
folder=/tmp/sessions/$2
seconds=60

hold() {
    # The client goes on reading, and gets nothing.
    { printf '%s\n' "$1" "SELECT 'ready';" && exec tail -f /dev/null; } |
        { shift && exec mariadb "$@" --batch --skip-column-names --unbuffered; }
}

open() {
    mkdir -p "$folder"
    count=$1
    shift
    for number in $(seq "$count"); do
        # The caller waits for every process that has its output open.
        setsid sh "$0" hold "${folder##*/}" "$@" </dev/null >"$folder/$number.out" 2>&1 &
        echo "$!" >"$folder/$number.pid"
    done
    limit=$(($(date +%s) + seconds))
    until [ "$(grep -lx ready "$folder"/*.out | wc -l)" -eq "$count" ]; do
        if [ "$(date +%s)" -ge "$limit" ] || grep -h ERROR "$folder"/*.out >&2; then
            close
            echo "sessions.sh: not all of $count sessions are open" >&2
            exit 1
        fi
        sleep 0.1
    done
}

close() {
    for file in "$folder"/*.pid; do
        [ ! -s "$file" ] || kill -s KILL -- "-$(cat "$file")" 2>/dev/null || :
    done
    rm -rf "$folder"
}

case $1 in
    open) shift 2 && open "$@" ;;
    hold) shift 2 && hold "$@" ;;
    close) close ;;
    *) echo "sessions.sh: expected open or close, found '$1'" >&2 && exit 1 ;;
esac
