ARG BASE_IMAGE
# Two stages, so that neither the wheels nor pip are in the image.
FROM ${BASE_IMAGE} AS build
ARG DEBIAN_MIRROR
COPY apt.sh /
# A source distribution among the wheels is built with Debian's wheel of wheel.
RUN . /apt.sh && apt-get update && apt-get install --yes --no-install-recommends python3-pip python3-wheel-whl
COPY wheels /wheels
ARG PACKAGES
RUN set -e; python3 -m venv --without-pip /var/lib/openstack; \
    python3 -m pip --python /var/lib/openstack/bin/python install --no-cache-dir --no-index --find-links /wheels \
      --find-links /usr/share/python-wheels $PACKAGES PyMySQL python-memcached; \
    find /var/lib/openstack/lib -mindepth 4 -maxdepth 4 -type d -name tests -exec rm -r {} +; \
    # As LOCI does: what the venv lacks is looked for in the system's packages.
    sed -i 's/^\(include-system-site-packages\) .*/\1 = true/' /var/lib/openstack/pyvenv.cfg
COPY check.py /
ARG SERVICE
ARG VERSION
ARG PROGRAMS
RUN PATH=/var/lib/openstack/bin:$PATH PYTHONDONTWRITEBYTECODE=1 python3 /check.py "$SERVICE" "$VERSION" $PROGRAMS

FROM ${BASE_IMAGE}
ARG REFERENCE
LABEL osh-conformance.origin="stand-in" osh-conformance.flavor="loci" osh-conformance.stands-in-for="$REFERENCE"
ARG DEBIAN_MIRROR
ARG SERVICE
COPY apt.sh install.sh /usr/local/share/osh-conformance/
RUN . /usr/local/share/osh-conformance/apt.sh && sh /usr/local/share/osh-conformance/install.sh "$SERVICE"
COPY --from=build /var/lib/openstack /var/lib/openstack
ENV PATH=/var/lib/openstack/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
