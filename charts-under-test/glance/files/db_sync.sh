#!/bin/sh
# Migrate Glance's schema with Glance's own program.
set -eu
exec glance-manage --config-file /etc/glance/glance-api.conf db sync
