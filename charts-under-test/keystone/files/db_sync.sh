#!/bin/sh
# Keystone's own program migrates Keystone's schema.
set -eu
exec keystone-manage --config-file /etc/keystone/keystone.conf db_sync
