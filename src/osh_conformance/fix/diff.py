"""A unified diff of files, as `patch -p1` and `git apply` read it."""

from __future__ import annotations

import difflib
import os
import re
from typing import TYPE_CHECKING, Final

from osh_conformance.here import from_here

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.fix.folder import FileChange

_PLAIN: Final = re.compile(rb"[!#-\[\]-~]+")
_SPECIAL: Final = re.compile(rb'[^ -~]|["\\]')
_NO_END: Final = b"\n\\ No newline at end of file\n"


def unified(changes: Iterable[FileChange]) -> bytes:
    """Return the diff of all files, byte for byte; empty if nothing changes."""
    return b"".join(line for change in changes for line in _of_file(change))


def _of_file(change: FileChange) -> Iterator[bytes]:
    # An absolute path stays one outside of the working directory: `git apply` refuses `..`.
    path = from_here(change.file.absolute())
    names = [_name(f"{side}/{path.lstrip('/')}") for side in "ab"]
    lines = difflib.diff_bytes(
        difflib.unified_diff, _lines(change.before), _lines(change.after), names[0], names[1], lineterm=b"\n"
    )
    return (line if line.endswith(b"\n") else line + _NO_END for line in lines)


def _lines(data: bytes) -> list[bytes]:
    """Split at line feeds alone: a carriage return is a part of its line."""
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _name(path: str) -> bytes:
    r"""Return a file's name as git writes it: in quotes, with `\ooo` for each byte that is not plain, where needed."""
    data = os.fsencode(path)
    if _PLAIN.fullmatch(data):
        return data
    return b'"' + _SPECIAL.sub(lambda found: b"\\%03o" % ord(found[0]), data) + b'"'


def for_terminal(diff: bytes) -> str:
    """Return a diff for a terminal: each character that it could obey is shown as its escape."""
    text = diff.decode(errors="backslashreplace")
    return "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)
