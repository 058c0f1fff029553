"""A packaged chart with dangerous members is refused, and never unpacked."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from osh_conformance.model.finding import Status
from tests.unit.check.hostile import POD, VALUES, engine_of, message_of, names_all, snapshot, status_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("no_cache")


def _archive(file: Path, members: Callable[[tarfile.TarFile], None]) -> Path:
    with tarfile.open(file, "w:gz") as tar:
        for path, text in (("a/Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n"), ("a/values.yaml", VALUES)):
            _add(tar, path, text.encode())
        members(tar)
    return file


def _add(tar: tarfile.TarFile, path: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    info = tarfile.TarInfo(path)
    info.size, info.type, info.linkname = len(data), kind, link
    tar.addfile(info, io.BytesIO(data))


def _bomb(tar: tarfile.TarFile) -> None:
    for number in range(20):
        _add(tar, f"a/files/{number}", bytes(4 * 1024**2))


def _many(tar: tarfile.TarFile) -> None:
    for number in range(10_001):
        _add(tar, f"a/files/{number}")


_ARCHIVES: dict[str, tuple[Callable[[tarfile.TarFile], None], tuple[str, ...]]] = {
    "up": (lambda tar: _add(tar, "a/../../escaped", b"x"), ("escaped", "out of")),
    "absolute": (lambda tar: _add(tar, "/tmp/escaped", b"x"), ("escaped", "out of")),  # noqa: S108
    "backslash": (lambda tar: _add(tar, "a\\..\\escaped", b"x"), ("escaped", "out of")),
    "symlink": (
        lambda tar: _add(tar, "a/templates/x.yaml", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        ("templates/x.yaml", "link"),
    ),
    "hardlink": (
        lambda tar: _add(tar, "a/templates/x.yaml", kind=tarfile.LNKTYPE, link="/etc/passwd"),
        ("templates/x.yaml", "link"),
    ),
    "device": (lambda tar: _add(tar, "a/zero", kind=tarfile.CHRTYPE), ("zero", "neither file")),
    "bomb": (_bomb, ("64 MiB",)),
    "large": (lambda tar: _add(tar, "a/large", bytes(6 * 1024**2)), ("large", "5 MiB")),
    "many": (_many, ("10000 files",)),
    "other": (lambda tar: _add(tar, "b/Chart.yaml", b"name: b\n"), ("packaged chart",)),
}


def test_a_dangerous_archive_is_refused_and_not_unpacked(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name, (members, _) in _ARCHIVES.items():
        _archive(tree / f"{name}-1.0.0.tgz", members)
    (tree / "garbage-1.0.0.tgz").write_bytes(b"no archive")
    _archive(tree / "good-1.0.0.tgz", lambda tar: _add(tar, "a/templates/pod.yaml", POD.encode()))
    before = snapshot(tmp_path)
    engine = engine_of(tree)
    wrong = {
        name: message
        for name, (_, expected) in _ARCHIVES.items()
        if not names_all(message := message_of(engine, f"{name}-1.0.0"), expected)
    }
    assert wrong == {}
    assert "packaged chart" in message_of(engine, "garbage-1.0.0")
    assert status_of(engine, "good-1.0.0", "KEY-1") is Status.PASS
    assert snapshot(tmp_path) == before
    assert not Path("/tmp/escaped").exists()  # noqa: S108
