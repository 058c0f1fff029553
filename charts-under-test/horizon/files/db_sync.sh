#!/bin/sh
# Migrate Horizon's schema with Django's own program.
set -eu
export PYTHONPATH=/etc/horizon DJANGO_SETTINGS_MODULE=openstack_dashboard.settings
exec python3 -m django migrate --no-input
