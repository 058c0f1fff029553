"""The registry client: what it does without an answer, and which registry serves a host's references."""

from __future__ import annotations

import time

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.registry.client import RegistryClient, public_registry

#: Port 1 (tcpmux) is reserved, and nothing listens there.
_NOBODY = "127.0.0.1:1"


def test_client_does_not_retry_requests_to_the_runs_registry() -> None:
    started = time.monotonic()
    assert not RegistryClient(endpoint=_NOBODY).answers()
    assert time.monotonic() - started < 3


def test_client_names_a_registry_that_does_not_answer() -> None:
    with pytest.raises(SuiteError, match=f"the registry {_NOBODY} does not answer"):
        RegistryClient(endpoint=_NOBODY).manifest("store/x", "image")


@pytest.mark.parametrize(
    ("host", "endpoint"), [("docker.io", "registry-1.docker.io"), ("quay.io", "quay.io"), ("localhost:5000",) * 2]
)
def test_public_registry_serves_the_references_of_its_host(host: str, endpoint: str) -> None:
    client = public_registry(host)
    assert (client.endpoint, client.public) == (endpoint, True)
