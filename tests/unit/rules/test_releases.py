"""Releases in image references, and keys that get different ones."""

from __future__ import annotations

import pytest

from osh_conformance.rules.shared.releases import mixes, release_of


@pytest.mark.parametrize(
    ("tag", "release"),
    [
        ("2025.1-ubuntu_noble", "2025.1"),
        ("2025.1-ubuntu_noble-custom", "2025.1"),
        ("zed-ubuntu_focal", "zed"),
        ("v1.2.3-alpine3.19", "1.2.3"),
        ("ubuntu_jammy-2024.2", "2024.2"),
        ("latest-ubuntu_jammy", ""),
        ("16", ""),
    ],
)
def test_a_tag_names_a_release(tag: str, release: str) -> None:
    assert release_of(f"docker.io/example/service:{tag}") == release


_API, _WORKER, _SYNC = (f"docker.io/example/{name}" for name in ("api", "worker", "sync"))


@pytest.mark.parametrize(
    ("shipped", "new", "odd"),
    [
        # one reference
        ({"a": "x:1.0", "b": "x:1.0", "c": "x:1.0"}, {"a": "x:2.0", "b": "x:2.0", "c": "x:1.9"}, [("c",)]),
        ({"a": "x:1.0", "b": "x:1.0"}, {"a": "x:2.0", "b": "x:1.9"}, [("a", "b")]),
        ({"a": "x:1.0", "b": "x:1.0"}, {"a": "x:2.0", "b": "x:2.0-custom"}, []),
        ({"a": "x:1.0", "b": "x:1.0"}, {"a": "x:2.0"}, []),  # what stays behind is another question
        ({"a": "x:1.0", "b": "x:1.1"}, {"a": "x:2.0", "b": "x:1.9"}, []),
        # one tag of one namespace
        (
            {"a": f"{_API}:1.0", "b": f"{_WORKER}:1.0", "c": f"{_SYNC}:1.0"},
            {"a": f"{_API}:2.0", "b": f"{_WORKER}:1.9", "c": f"{_SYNC}:2.0"},
            [("b",)],
        ),
        ({"a": f"{_API}:1.0", "b": f"{_WORKER}:1.0"}, {"a": f"{_API}:2.0", "b": f"{_WORKER}:1.9"}, []),
        (
            {"a": f"{_API}:1.0", "b": f"{_WORKER}:1.0", "c": "docker.io/other/cache:1.0"},
            {"a": f"{_API}:2.0", "b": f"{_WORKER}:2.0", "c": "docker.io/other/cache:1.9"},
            [],
        ),
    ],
)
def test_a_mix_names_the_keys_of_the_rarer_release(
    shipped: dict[str, str], new: dict[str, str], odd: list[tuple[str, ...]]
) -> None:
    assert [mix.odd for mix in mixes(shipped, new)] == odd
