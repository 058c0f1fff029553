#!/bin/sh
# Migrate Neutron's schema with Neutron's own program.
set -eu
exec neutron-db-manage --config-file /etc/neutron/neutron.conf upgrade heads
