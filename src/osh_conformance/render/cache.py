"""A cache of renderings on disk, by content, bounded in size, outside of the user's tree."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from osh_conformance.folders import default_folders

#: Bytes that the cache may take. 80 charts take about 8 MiB.
MAX_SIZE = 256 * 1024 * 1024
_SUFFIX = ".chart"


class Cache:
    """A folder of entries by key. A failure to read or write is a miss, never an error."""

    def __init__(self, folder: Path | None = None, max_size: int = MAX_SIZE) -> None:
        self._folder = folder or default_folders().cache / "renderings"
        self._max_size = max_size
        self._written = 0

    def get(self, key: str) -> bytes | None:
        """Return the entry, None if it does not exist or is damaged. Marks it as used."""
        file = self._file(key)
        try:
            data = file.read_bytes()
            os.utime(file)
        except OSError:
            return None
        checksum, content = data[:32], data[32:]
        return content if hashlib.sha256(content).digest() == checksum else None

    def put(self, key: str, content: bytes) -> None:
        """Store an entry, whole or not at all."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(hashlib.sha256(content).digest() + content)
                Path(name).replace(self._file(key))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._written += len(content)

    def trim(self) -> None:
        """Remove the least recently used entries until the rest fits; does nothing if nothing was stored."""
        if not self._written:
            return
        self._written = 0
        with contextlib.suppress(OSError):
            entries = sorted((entry.stat().st_mtime, entry.stat().st_size, entry) for entry in self._folder.iterdir())
            size = sum(entry[1] for entry in entries)
            for _, bytes_, entry in entries:
                if size <= self._max_size:
                    break
                entry.unlink(missing_ok=True)
                size -= bytes_

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"
