"""What Docker prints when a pull fails: silence of the network, or the refusal of a registry with what helps."""

from __future__ import annotations

import pytest

from osh_conformance.provision.pulls import refused

REFERENCE = "quay.io/airshipit/keystone:2025.2"
DAEMON = "Error response from daemon: "

REFUSALS = {
    "toomanyrequests: You have reached your unauthenticated pull rate limit.": "docker login",
    "pull access denied for x/y, repository does not exist or may require 'docker login'": "docker login quay.io",
    "unauthorized: authentication required": "docker login quay.io",
    "manifest for quay.io/x:1 not found: manifest unknown: manifest unknown": "tag or digest",
    'Get "https://quay.io/v2/": tls: failed to verify certificate: x509: unknown authority': "store",
    "no matching manifest for linux/amd64 in the manifest list entries": "architecture",
    "write /var/lib/docker/tmp/GetImageBlob1: no space left on device": "disk",
    "error parsing HTTP 200 response body: invalid character '<' looking for beginning of value": "no registry",
    "received unexpected HTTP status: 503 Service Unavailable": "later",
}
SILENCES = (
    'Get "https://quay.io/v2/": dial tcp: lookup quay.io on 10.0.0.2:53: no such host',
    'Get "https://quay.io/v2/": dial tcp 192.0.2.1:443: i/o timeout',
    'Get "https://quay.io/v2/": dial tcp 192.0.2.1:443: connect: connection refused',
    'Get "https://quay.io/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
    'Get "https://quay.io/v2/": EOF',
)


@pytest.mark.parametrize("answer", REFUSALS)
def test_a_refusal_of_a_registry_is_no_silence_and_says_what_helps(answer: str) -> None:
    error = refused(REFERENCE, DAEMON + answer)
    assert not error.unreachable
    assert REFUSALS[answer] in error.fix
    assert answer in error.details


@pytest.mark.parametrize("answer", SILENCES)
def test_a_silent_network_is_no_refusal(answer: str) -> None:
    assert refused(REFERENCE, DAEMON + answer).unreachable


def test_a_digest_with_the_number_of_a_refusal_is_not_one() -> None:
    answer = f"{DAEMON}Get https://quay.io/v2/x/manifests/sha256:{'429' * 21}a: dial tcp: connect: connection refused"
    assert refused(REFERENCE, answer).unreachable
