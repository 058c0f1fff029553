"""The pulls of nodes, read from the log of the registry."""

from __future__ import annotations

import pytest

from osh_conformance.registry import log

DIGEST = "sha256:" + "5" * 64


def line(request: str, agent: str = "containerd/v2.4.2", status: int = 200) -> str:
    return (
        f"2026-11-23T08:07:13.510583123Z 172.19.0.3 - - [23/Nov/2026:08:07:13 +0000] "
        f'"{request} HTTP/1.1" {status} 529 "" "{agent}"'
    )


def parse(text: str) -> list[log.RegistryRequest]:
    return list(log.parse_log([text]))


def test_a_pull_by_tag_is_one_request() -> None:
    assert parse(line("HEAD /v2/run/r1/docker.io/library/debian/manifests/bookworm?ns=docker.io")) == [
        log.RegistryRequest(
            method="HEAD",
            repository="docker.io/library/debian",
            kind="manifests",
            reference="bookworm",
            status=200,
        )
    ]


def test_a_digest_may_be_escaped() -> None:
    found = parse(line(f"GET /v2/run/r1/quay.io/a/b/blobs/{DIGEST.replace(':', '%3A')}"))
    assert [(r.repository, r.kind, r.reference) for r in found] == [("quay.io/a/b", "blobs", DIGEST)]


def test_a_host_without_a_mirror_keeps_the_name_that_the_node_asked_for() -> None:
    found = parse(line("HEAD /v2/run/r1/any-other-host/a/b/manifests/1?ns=registry.example%3A5000", status=404))
    assert [(r.repository, r.status) for r in found] == [("registry.example:5000/a/b", 404)]


@pytest.mark.parametrize("agent", ["osh-conformance", "docker/20.10.24 go/go1.19"])
def test_requests_of_the_suite_are_no_pulls(agent: str) -> None:
    assert parse(line("GET /v2/run/r1/docker.io/library/debian/manifests/bookworm", agent)) == []


@pytest.mark.parametrize("text", ["", 'time="2026" level=info msg="listening on [::]:5000"', line("GET /v2/")])
def test_other_lines_are_no_requests(text: str) -> None:
    assert parse(text) == []
