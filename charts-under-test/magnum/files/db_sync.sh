#!/bin/sh
# Migrate Magnum's schema with Magnum's own program, which finds /etc/magnum/magnum.conf by itself.
set -eu
exec magnum-db-manage upgrade
