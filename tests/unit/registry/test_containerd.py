"""The files by which containerd finds the registry of the run."""

from __future__ import annotations

import tomllib

from osh_conformance.registry import containerd


def test_each_host_has_its_own_repositories_and_no_fallback() -> None:
    data = tomllib.loads(containerd.hosts_toml("Quay.io:8443", "http://m:5000/v2/run/r1"))
    assert data == {
        "server": "http://m:5000/v2/run/r1/quay.io_8443",
        "override_path": True,
        "capabilities": ["pull", "resolve"],
    }


def test_an_unknown_host_is_sent_to_an_empty_repository() -> None:
    data = tomllib.loads(containerd.hosts_toml("_default", "http://m:5000/v2/run/r1"))
    assert data["server"] == "http://m:5000/v2/run/r1/any-other-host"
