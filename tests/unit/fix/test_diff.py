"""The diff is what `git apply` reads, byte for byte."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from osh_conformance.fix.diff import for_terminal, unified
from osh_conformance.fix.folder import FileChange

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["values.yaml", "a b/values.yaml", 'q"uote.yaml', "ü\\.yaml", "tab\t.yaml"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a: b\nc: d\n", b"a: x\nc: d\n"),
        (b"a: b\r\nc: d\r\n", b"a: b\r\nc: x\r\n"),
        (b"a: b", b"a: x"),
        (b"\xef\xbb\xbfa: b\n\nc: d", b"\xef\xbb\xbfa: b\nnew: line\n\nc: d"),
        (b"a: \xfc\x0cb\n", b"a: \xfc\x0cx\n"),
    ],
)
def test_git_applies_the_diff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, before: bytes, after: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(before)
    diff = unified([FileChange(path=name, file=file, before=before, after=after)])
    subprocess.run(["git", "apply", "-"], input=diff, check=True, cwd=tmp_path)  # noqa: S607
    assert file.read_bytes() == after


def test_nothing_that_changes_is_no_diff(tmp_path: Path) -> None:
    assert unified([FileChange(path="v", file=tmp_path / "v", before=b"a\n", after=b"a\n")]) == b""


def test_a_terminal_gets_no_character_that_it_obeys() -> None:
    shown = for_terminal(b"-a: \x1b[31mred\x07\r\n+\tb: \xfc\xe2\x80\xae\n")
    assert shown == "-a: \\x1b[31mred\\x07\\r\n+\tb: \\xfc\\u202e\n"
