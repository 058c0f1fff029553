#!/bin/sh
# Makes the system tables once, then becomes the server. Works for any uid, on a read-only file system.
set -eu
defaults=/etc/mariadb/my.cnf
if [ ! -d /var/lib/mysql/mysql ]; then
    mariadb-install-db --defaults-file="$defaults" --auth-root-authentication-method=normal \
        --skip-test-db --skip-name-resolve >/tmp/install.log 2>&1 || { cat /tmp/install.log; exit 1; }
fi
exec mariadbd --defaults-file="$defaults"
