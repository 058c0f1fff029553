#!/bin/sh
# Makes the system tables once, then becomes the server. Works for any uid, on a read-only file system.
set -eu
defaults=/etc/mariadb/my.cnf
made=/var/lib/mysql/.made
# The mark comes last, so that a container that was killed while it made the tables starts over.
if [ ! -e "$made" ]; then
    rm -rf /var/lib/mysql/*
    mariadb-install-db --defaults-file="$defaults" --auth-root-authentication-method=normal \
        --skip-test-db --skip-name-resolve >/tmp/install.log 2>&1 || { cat /tmp/install.log; exit 1; }
    : >"$made"
fi
exec mariadbd --defaults-file="$defaults"
