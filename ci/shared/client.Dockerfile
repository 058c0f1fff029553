ARG BASE_IMAGE
FROM ${BASE_IMAGE}
LABEL osh-conformance.origin="built" osh-conformance.flavor="client"
ARG DEBIAN_MIRROR
COPY apt.sh check.py /usr/local/share/osh-conformance/
# Scripts start with `#!/bin/bash`, which the base has, and with `#!/usr/bin/env python`.
# The compiled Python files stay: a container with a read-only root would compile them at each start.
RUN set -e; . /usr/local/share/osh-conformance/apt.sh; export DEBIAN_FRONTEND=noninteractive; apt-get update; \
    apt-get install --yes --no-install-recommends python-is-python3 python3-pymysql python3-sqlalchemy; \
    rm -rf /var/cache/apt /var/cache/debconf /var/lib/apt/lists; find /var/log -type f -delete; \
    install --directory /var/cache/apt/archives/partial /var/cache/debconf /var/lib/apt/lists/partial
# PyMySQL asks for the name of the user, and charts run Jobs as user ids without an account.
ENV USER=client
ARG VERSION
USER 64321:64321
RUN PYTHONDONTWRITEBYTECODE=1 python /usr/local/share/osh-conformance/check.py "$VERSION"
USER 0:0
