"""The files of a chart's own folder: read as they are on disk, and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from osh_conformance.errors import UsageError
from osh_conformance.loading.files import MAX_FILE
from osh_conformance.repairs.problem import Source, UncertainError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from osh_conformance.model.repair import Edit

_DEPENDENCIES = "charts"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A file of a chart, and what becomes of it.

    - path: relative to the chart.
    - file: where it is.
    - before, after: its content, byte for byte.
    """

    path: str
    file: Path
    before: bytes
    after: bytes

    def write(self) -> None:
        """Write the file, whole or not at all.

        Raises `UsageError` if it has another content than it had, or if it cannot be written.
        """
        try:
            self._check_writable()
            self._replace()
        except OSError as error:
            raise UsageError(
                f"cannot write {self.file}: {error.strerror or error}",
                expected="a file and a folder that can be written; the file is as it was",
            ) from error

    def _check_writable(self) -> None:
        # A file that may not be written could still be replaced by another one, and root may write everything.
        if not self.file.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            raise UsageError(
                f"cannot write {self.file}: it is read-only", fix=f"chmod u+w {self.file}, or fix it by hand"
            )

    def _replace(self) -> None:
        number, name = tempfile.mkstemp(prefix=f".{self.file.name}.", suffix=".fix", dir=self.file.parent)
        scratch = Path(name)
        try:
            with os.fdopen(number, "wb") as stream:
                stream.write(self.after)
                stream.flush()
                os.fsync(stream.fileno())
            status = self.file.stat()
            scratch.chmod(stat.S_IMODE(status.st_mode))
            with contextlib.suppress(PermissionError):  # only root may give a file away
                os.chown(scratch, status.st_uid, status.st_gid)
            if self.file.is_symlink() or self.file.read_bytes() != self.before:
                raise UsageError(
                    f"cannot write {self.file}: it was changed while it was fixed",
                    expected="the file as it was read; it is left as it is now",
                    fix="run the command again",
                )
            scratch.replace(self.file)
        finally:
            scratch.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFolder:
    """A chart's own files, with the edits that were made so far. No file is written."""

    root: Path
    _before: dict[str, bytes] = field(default_factory=dict)
    _after: dict[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> Source:
        """Return a file with the edits so far; raises `UncertainError` for a file that must not be changed."""
        if path not in self._before:
            self._before[path] = self._content(path)
        data = self._after.get(path, self._before[path])
        try:
            return Source(path=path, text=data.decode())
        except UnicodeDecodeError as error:
            raise UncertainError("the file is not UTF-8") from error

    def changed(self, edits: Iterable[Edit]) -> dict[str, bytes]:
        """Return the content of each file that these edits and the ones so far change. It keeps nothing.

        Raises `UncertainError` for an edit that does not fit.
        """
        found = dict(self._after)
        for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
            data = found.get(edit.path, self._before.get(edit.path, b""))
            if data[edit.start : edit.end] != edit.old:
                raise UncertainError("the file has another text there")
            found[edit.path] = data[: edit.start] + edit.new + data[edit.end :]
        return found

    def keep(self, content: Mapping[str, bytes]) -> None:
        """Take over what `changed` has returned."""
        self._after.update(content)

    @property
    def edited_so_far(self) -> Mapping[str, bytes]:
        """The new content of each file that has edits."""
        return self._after

    def changes(self) -> tuple[FileChange, ...]:
        """Return what becomes of each file."""
        return tuple(
            FileChange(path=path, file=self.root / path, before=self._before[path], after=after)
            for path, after in sorted(self._after.items())
            if after != self._before[path]
        )

    def _content(self, path: str) -> bytes:
        parts = PurePosixPath(path).parts
        if self.root.is_file():
            raise UncertainError("the chart is packaged")
        if not parts or ".." in parts or parts[0] == "/":
            raise UncertainError("the file is outside of the chart")
        if parts[0] == _DEPENDENCIES:
            raise UncertainError("the file belongs to a dependency")
        file = self.root / path
        try:
            if file.resolve() != self.root.resolve() / path:
                raise UncertainError("the file is a link, or below one")
            if not file.is_file() or file.stat().st_size > MAX_FILE:
                raise UncertainError("the file is no regular file, or too large")
            return file.read_bytes()
        except OSError as error:
            raise UncertainError(f"the file cannot be read: {error.strerror}") from error
