#!/bin/sh
# Migrate Mistral's schema with Mistral's own program, then store the actions and workflows that come with it.
set -eu
mistral-db-manage --config-file /etc/mistral/mistral.conf upgrade head
exec mistral-db-manage --config-file /etc/mistral/mistral.conf populate
