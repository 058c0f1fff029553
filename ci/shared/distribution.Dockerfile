ARG BASE_IMAGE
FROM ${BASE_IMAGE}
ARG DEBIAN_MIRROR
ARG SERVICE
COPY apt.sh install.sh packages.txt /usr/local/share/osh-conformance/$SERVICE/
RUN cd /usr/local/share/osh-conformance/$SERVICE && . ./apt.sh && sh install.sh "$SERVICE"
COPY check.py /usr/local/share/osh-conformance/$SERVICE/
ARG MODULE
ARG VERSION
ARG PROGRAMS
RUN PYTHONDONTWRITEBYTECODE=1 python3 /usr/local/share/osh-conformance/$SERVICE/check.py "$MODULE" "$VERSION" $PROGRAMS && rm -rf ~/.cache
