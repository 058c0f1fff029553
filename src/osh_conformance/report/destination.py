"""The places that outputs are written to: files, and standard output."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError, cannot_write
from osh_conformance.loading.files import STANDARD_OUTPUT, check_not_read_only, ensure_folder, write_whole
from osh_conformance.plain import plain

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "standard output"


@dataclass(frozen=True, slots=True)
class Destination:
    """A file, or standard output for `-`. Text arrives there whole or not at all, as far as the place allows it."""

    file: Path

    @property
    def is_standard_output(self) -> bool:
        """Whether the text goes to standard output."""
        return self.file == STANDARD_OUTPUT

    @property
    def identity(self) -> object:
        """The same for two destinations that name one file, also by a link or a stream: `-` for standard output.

        None for a device, such as /dev/null, because it takes several outputs.
        """
        if self.is_standard_output:
            return STANDARD_OUTPUT
        try:
            status = self.file.stat()
        except OSError:  # the file is not there yet
            return self.file.resolve()
        if stat.S_ISCHR(status.st_mode):
            return None
        place = (status.st_dev, status.st_ino)
        return STANDARD_OUTPUT if place == _standard_output_is() else place

    def check(self) -> None:
        """Create the file's folder if it is missing, but not the file; raises `SuiteError` where text cannot go."""
        if self.is_standard_output:
            return
        try:
            if self._is_stream():
                # Opening a pipe would wait for its reader.
                if not os.access(self.file, os.W_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
                return
            check_not_read_only(self.file)
            if ensure_folder(self.file):
                print(plain(f"created the folder {self.file.parent}"), file=sys.stderr)
            scratch = self.file.resolve().with_name(f".{self.file.name}.{os.getpid()}")
            scratch.open("ab").close()
            scratch.unlink()
        except OSError as error:
            raise cannot_write(self.file, error) from error

    def write(self, text: str) -> None:
        """Write the text; raises `SuiteError`. A link stays, and its target is replaced."""
        if self.is_standard_output:
            _print(text)
            return
        try:
            if self._is_stream():
                self.file.write_text(text, encoding="utf-8")
                return
        except OSError as error:
            raise cannot_write(self.file, error) from error
        ensure_folder(self.file)
        write_whole(self.file.resolve(), text)

    def _is_stream(self) -> bool:
        """Return whether the file is a pipe or a device, which no other file can replace. Raises `OSError`."""
        if self.file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        return self.file.exists() and not self.file.is_file()


def _standard_output_is() -> tuple[int, int] | None:
    """Return what identifies the file behind standard output, None if there is none."""
    try:
        status = os.fstat(sys.stdout.fileno())
    except (AttributeError, OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino)


def _print(text: str) -> None:
    """Print the text as UTF-8, whatever the locale is."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        discard_output()
        raise SuiteError(f"cannot write {_NAME}: its reader has closed the pipe") from error
    except OSError as error:
        discard_output()
        raise cannot_write(_NAME, error) from error


def discard_output() -> None:
    """Write nothing more to standard output, not even when Python closes it: that would be a second error."""
    with suppress(OSError, ValueError, AttributeError):  # standard output is no file, or closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
