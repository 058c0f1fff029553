#!/bin/sh
# Migrate Designate's schema with Designate's own program. The second file has `connection` as this program reads it.
set -eu
exec designate-manage --config-file /etc/designate/designate.conf --config-file /etc/designate/migration.conf \
  database sync
