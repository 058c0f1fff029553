ARG BASE_IMAGE
FROM ${BASE_IMAGE}
ARG DEBIAN_MIRROR
COPY apt.sh /
RUN . /apt.sh && apt-get update && apt-get install --yes --no-install-recommends python3-pip
COPY requirements.txt certificates.crt /
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_DEFAULT_TIMEOUT
# Each is published as a wheel, nothing is compiled.
RUN if [ -s /certificates.crt ]; then export PIP_CERT=/certificates.crt; fi; \
    python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --only-binary :all: \
      --requirement /requirements.txt --dest /wheels
