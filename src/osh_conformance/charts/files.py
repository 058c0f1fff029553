"""Reads the files of a chart as bytes, from a directory or a `.tgz`, within bounds, and never from outside of it."""

from __future__ import annotations

import functools
import gzip
import io
import os
import stat
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from osh_conformance.charts.helmignore import Ignored
from osh_conformance.errors import SuiteError
from osh_conformance.loading.files import MAX_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHART_FILE = "Chart.yaml"
MAX_CHART = 64 * 1024 * 1024
MAX_FILES = 10_000
_MAX_DEPTH = 32
_MIB = 1024 * 1024
#: A byte order mark, which no reader of a chart shows.
BOM = b"\xef\xbb\xbf"
#: Never a part of a chart, and often larger than the chart.
_NEVER = frozenset({".git"})


class _Bounded:
    """Files by path, refused when there are too many."""

    def __init__(self, where: Path | str) -> None:
        self._where = where
        self._size = 0
        self.files: dict[str, bytes] = {}

    def announce(self, path: str, size: int) -> None:
        """Refuse a file of `size` bytes before it is read."""
        self._size += size
        if size > MAX_FILE:
            raise SuiteError(
                f"{self._where}: {path} has {size} bytes", expected=f"at most {MAX_FILE // _MIB} MiB a file"
            )
        if self._size > MAX_CHART:
            raise SuiteError(f"{self._where}: more than {MAX_CHART // _MIB} MiB of files")
        if len(self.files) >= MAX_FILES:
            raise SuiteError(f"{self._where}: more than {MAX_FILES} files")


def read_folder(folder: Path, allowed: Sequence[Path]) -> dict[str, bytes]:
    """Read a chart directory as Helm would, `.helmignore` obeyed.

    Follows links inside of `folder` and of the `allowed` folders (resolved paths). Raises `SuiteError` for a link out
    of them, for an entry that is neither file nor folder, and for a chart that is too large.
    """
    root = folder.resolve()
    bounded = _Bounded(folder)
    ignored = Ignored(_ignore_file(root, (root, *allowed)))
    _walk(root, "", ignored, (root, *allowed), bounded)
    return bounded.files


def _ignore_file(root: Path, allowed: Sequence[Path]) -> str:
    file = root / ".helmignore"
    if not file.is_file():
        return ""
    _check_inside(file, ".helmignore", allowed)
    if file.stat().st_size > MAX_FILE:
        raise SuiteError(f"{file}: too large")
    return file.read_bytes().decode(errors="replace")


def _walk(folder: Path, prefix: str, ignored: Ignored, allowed: Sequence[Path], bounded: _Bounded) -> None:
    if prefix.count("/") > _MAX_DEPTH:
        raise SuiteError(f"{folder}: more than {_MAX_DEPTH} folders deep", expected="no link to a folder around it")
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise SuiteError(f"{folder}: cannot be read: {error.strerror}") from error
    for entry in entries:
        if entry.name in _NEVER:
            continue
        path = prefix + entry.name
        if entry.is_symlink() and not ignored(path, folder=False):
            _check_inside(Path(entry.path), path, allowed)
        is_folder = entry.is_dir()
        if ignored(path, folder=is_folder):
            continue
        if is_folder:
            _walk(Path(entry.path), f"{path}/", ignored, allowed, bounded)
        else:
            bounded.files[path] = _content(entry, path, bounded)


def _check_inside(link: Path, path: str, allowed: Sequence[Path]) -> None:
    target = link.resolve()
    if not any(target.is_relative_to(folder) for folder in allowed):
        raise SuiteError(
            f"{path} is a link to {target}, outside of the chart",
            expected="files of the chart, or of the same git work tree",
            fix=f"copy the file to {path}",
        )


def _content(entry: os.DirEntry[str], path: str, bounded: _Bounded) -> bytes:
    try:
        status = entry.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SuiteError(f"{entry.path} is not a regular file, but a pipe, socket or device")
        bounded.announce(path, status.st_size)
        with open(entry.path, "rb") as file:  # noqa: PTH123  (80 charts have 20000 of these)
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise SuiteError(f"{entry.path}: cannot be read: {error.strerror}") from error
    return data.removeprefix(BOM)


def read_archive(archive: Path | str, data: bytes | None = None) -> dict[str, bytes]:
    """Read a packaged chart, without unpacking it to disk; `data` is its content, where that is known.

    Raises `SuiteError` for paths that lead out of the archive, for links, and for an archive that unpacks too large.
    """
    bounded = _Bounded(archive)
    tops: set[str] = set()
    try:
        opened = archive if data is None else io.BytesIO(data)
        with gzip.open(opened, "rb") as stream, tarfile.open(fileobj=_Limited(stream, archive), mode="r|") as tar:
            for member in tar:
                parts = _safe_parts(archive, member)
                if member.isfile() and len(parts) > 1:
                    tops.add(parts[0])
                    inside = "/".join(parts[1:])
                    bounded.announce(inside, member.size)
                    content = tar.extractfile(member)
                    bounded.files[inside] = (content.read() if content else b"").removeprefix(BOM)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise SuiteError(
            f"{archive}: not a packaged chart: {error}", expected="a .tgz made by `helm package`"
        ) from error
    if len(tops) != 1 or "Chart.yaml" not in bounded.files:
        raise SuiteError(f"{archive}: not a packaged chart", expected="one folder with a Chart.yaml")
    return bounded.files


class _Limited(io.RawIOBase):
    """Ends a stream that unpacks to more bytes than a chart may have. The sizes in its headers do not count."""

    def __init__(self, stream: gzip.GzipFile, where: Path | str) -> None:
        self._stream = stream
        self._left = MAX_CHART + MAX_FILES * 1024
        self._where = where

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise SuiteError(f"{self._where}: more than {MAX_CHART // _MIB} MiB when unpacked")
        return data


def _safe_parts(archive: Path | str, member: tarfile.TarInfo) -> tuple[str, ...]:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
        raise SuiteError(f"{archive}: the path {member.name!r} leads out of the archive")
    if member.issym() or member.islnk():
        raise SuiteError(f"{archive}: {member.name} is a link", expected="files and folders only")
    if not (member.isfile() or member.isdir()):
        raise SuiteError(f"{archive}: {member.name} is neither file nor folder")
    return path.parts


def packed(files: Mapping[str, bytes], top: str) -> bytes:
    """Return the files as a `.tgz`, below the folder `top`. The same files give the same bytes."""
    parts: list[bytes] = []
    for path, data in sorted(files.items()):
        parts += (_header(f"{top}/{path}", len(data)), data, bytes(-len(data) % tarfile.BLOCKSIZE))
    parts.append(bytes(2 * tarfile.BLOCKSIZE))
    # It is read once, on this machine: compressing it would cost more than it saves.
    return gzip.compress(b"".join(parts), compresslevel=0, mtime=0)


@functools.lru_cache(maxsize=4096)
def _header(path: str, size: int) -> bytes:
    """Return the tar header of a file. Charts share most headers with their dependencies, hence the cache."""
    info = tarfile.TarInfo(path)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape")
