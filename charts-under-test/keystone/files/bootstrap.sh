#!/bin/sh
# Create the administrator with its project and role, and the region. ks_service and ks_endpoints fill the service
# catalog.
set -eu
# keystone-manage reads the password from the environment, so it appears in no argument list.
OS_BOOTSTRAP_PASSWORD=$OS_PASSWORD
export OS_BOOTSTRAP_PASSWORD
exec keystone-manage --config-file /etc/keystone/keystone.conf bootstrap \
    --bootstrap-username "$OS_USERNAME" \
    --bootstrap-project-name "$OS_PROJECT_NAME" \
    --bootstrap-role-name "$OS_ROLE_NAME" \
    --bootstrap-region-id "$OS_REGION_NAME"
