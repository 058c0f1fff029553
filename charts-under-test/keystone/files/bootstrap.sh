#!/bin/sh
# Makes the administrator, its project and roles, and the region. The catalogue is left to ks_service and ks_endpoints.
set -eu
# Read from the environment, so that it is in no argument list.
OS_BOOTSTRAP_PASSWORD=$OS_PASSWORD
export OS_BOOTSTRAP_PASSWORD
exec keystone-manage --config-file /etc/keystone/keystone.conf bootstrap \
    --bootstrap-username "$OS_USERNAME" \
    --bootstrap-project-name "$OS_PROJECT_NAME" \
    --bootstrap-role-name "$OS_ROLE_NAME" \
    --bootstrap-region-id "$OS_REGION_NAME"
