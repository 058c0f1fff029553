#!/bin/sh
# Migrate Senlin's schema with Senlin's own program.
set -eu
exec senlin-manage --config-file /etc/senlin/senlin.conf db_sync
