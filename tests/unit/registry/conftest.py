"""Fixtures: a world of registries, and a user with a Docker configuration."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from osh_conformance.registry import wire
from tests.unit.registry.world import PASSWORD, REPOSITORY, TAG, USER, World, built

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.registry.fake import FakeRegistry

_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user whose Docker configuration is in `folder`, and whose PATH has `programs`."""

    folder: Path
    programs: Path

    def config(self, **content: Any) -> None:
        (self.folder / "config.json").write_text(json.dumps(content))

    def login(self, *keys: str, username: str = USER, password: str = PASSWORD) -> None:
        auth = base64.b64encode(f"{username}:{password}".encode()).decode()
        self.config(auths={key: {"auth": auth} for key in keys})

    def helper(self, name: str, script: str) -> None:
        program = self.programs / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    """A user without any login."""
    found = User(folder=tmp_path / "docker", programs=tmp_path / "bin")
    found.folder.mkdir()
    found.programs.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(found.folder))
    monkeypatch.setenv("PATH", f"{found.programs}:/usr/bin:/bin")
    return found


@pytest.fixture
def world(
    fake_registry: FakeRegistry,
    authority: trustme.CA,
    user: User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    """An empty world whose authority the system trusts; REPOSITORY has an image TAG."""
    del user
    monkeypatch.setattr(wire, "_PAUSES", (0.01, 0.01))
    for name in (*_VARIABLES, *_PROXIES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    store = tmp_path / "system.pem"
    authority.cert_pem.write_to_path(str(store))
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    fake_registry.push_index(REPOSITORY, TAG)
    with built(fake_registry, authority, monkeypatch) as found:
        yield found
