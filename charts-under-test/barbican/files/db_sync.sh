#!/bin/sh
# Migrate Barbican's schema with Barbican's own program, which finds /etc/barbican/barbican.conf by itself.
set -eu
exec barbican-db-manage upgrade
