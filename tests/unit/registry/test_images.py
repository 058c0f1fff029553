"""Image references, as the registry of a run and container runtimes read them."""

from __future__ import annotations

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.registry import images

DIGEST = "sha256:" + "5" * 64


@pytest.mark.parametrize(
    ("text", "canonical", "repository", "wanted"),
    [
        ("mariadb", "docker.io/library/mariadb:latest", "docker.io/library/mariadb", "latest"),
        ("kolla/x:1", "docker.io/kolla/x:1", "docker.io/kolla/x", "1"),
        ("localhost:5000/x:1", "localhost:5000/x:1", "localhost_5000/x", "1"),
        (f"quay.io/a/b@{DIGEST}", f"quay.io/a/b@{DIGEST}", "quay.io/a/b", DIGEST),
        (f"quay.io/a/b:1@{DIGEST}", f"quay.io/a/b:1@{DIGEST}", "quay.io/a/b", DIGEST),
    ],
)
def test_a_reference_is_read_as_container_runtimes_do(text: str, canonical: str, repository: str, wanted: str) -> None:
    found = images.name(text)
    assert (found.canonical, found.repository, found.digest_or_tag) == (canonical, repository, wanted)


def test_a_malformed_reference_is_an_error() -> None:
    with pytest.raises(SuiteError, match="upper case"):
        images.name("docker.io/Upper/case:1")
