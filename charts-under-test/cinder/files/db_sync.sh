#!/bin/sh
# Migrate Cinder's schema with Cinder's own program.
set -eu
exec cinder-manage --config-file /etc/cinder/cinder.conf db sync
