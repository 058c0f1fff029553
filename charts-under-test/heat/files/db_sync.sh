#!/bin/sh
# Migrate Heat's schema with Heat's own program.
set -eu
exec heat-manage --config-file /etc/heat/heat.conf db_sync
