#!/bin/sh
# Migrate Keystone's schema with Keystone's own program.
set -eu
exec keystone-manage --config-file /etc/keystone/keystone.conf db_sync
