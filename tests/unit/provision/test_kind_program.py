"""The default node image of a kind program."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from osh_conformance.folders import default_folders
from osh_conformance.provision.kind_program import default_node_image

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


def kind_programs() -> list[Path]:
    built = [path / "kind" for path in default_folders().builds.glob("kind-*")]
    found = Path(shutil.which("kind") or "kind")
    # A small file on PATH is a script that starts kind.
    return [path for path in (*built, found) if path.is_file() and path.stat().st_size > 1 << 20]


@pytest.mark.parametrize("version", ["v1.37.0", "v1.38.0-rc.1"])
def test_the_image_is_found_between_other_texts(tmp_path: Path, version: str) -> None:
    path = tmp_path / "kind"
    path.write_bytes(
        b"\x7fELF\0kindest/node:latest\0kindest/nodeabc" + f"kindest/node:{version}@{DIGEST}abcdef".encode() + b"\xff"
    )
    assert default_node_image(path) == f"docker.io/kindest/node:{version}@{DIGEST}"


@pytest.mark.parametrize(
    "content", [b"", b'#!/bin/sh\nexec kind.real "$@"\n', b"kindest/node:v1.37.0", f"kindest/node@{DIGEST}".encode()]
)
def test_a_file_without_the_image_has_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kind"
    path.write_bytes(content)
    assert default_node_image(path) is None


def test_a_missing_program_has_none(tmp_path: Path) -> None:
    assert default_node_image(tmp_path / "kind") is None


@pytest.mark.skipif(not kind_programs(), reason="there is no kind program, and setup has not built one")
def test_a_real_kind_program_names_its_image() -> None:
    image = default_node_image(kind_programs()[0])
    assert image is not None
    assert image.startswith("docker.io/kindest/node:v1.")
    assert len(image.partition("@sha256:")[2]) == 64
