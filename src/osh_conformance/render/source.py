"""Reading a chart, a directory or a `.tgz`, with what it depends on. Nothing is downloaded, or written to it."""

from __future__ import annotations

import contextlib
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.model.chart import Values
from osh_conformance.render.documents import read_values

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCAL = "file://"
_MAX_ARCHIVE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSource:
    """A chart that can be rendered or installed: `folder` has everything in it that the chart depends on."""

    folder: Path
    name: str
    version: str
    library: bool
    values: Values


@contextlib.contextmanager
def opened(path: Path) -> Iterator[ChartSource]:
    """Open the chart at `path`; `folder` is `path` itself, or a scratch copy for the length of the `with`.

    Raises `SuiteError` if it is no chart, does not parse, or misses something that it depends on.
    """
    if not path.exists():
        raise SuiteError(f"{path} does not exist", expected="a chart directory, a .tgz, or a tree of charts")
    with contextlib.ExitStack() as stack:
        folder = path
        if path.is_file():
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="osh-conformance-"))
            folder = _unpacked(path, Path(scratch))
        metadata = read_metadata(folder)
        missing = _missing(folder, metadata)
        if missing:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="osh-conformance-"))
            folder = _staged(folder, Path(scratch) / folder.resolve().name, missing, _boundary(folder.resolve()))
        values = folder / "values.yaml"
        yield ChartSource(
            folder=folder,
            name=metadata["name"],
            version=str(metadata.get("version", "")),
            library=metadata.get("type") == "library",
            values=read_values(read_text(values), "values.yaml") if values.is_file() else Values(content={}, lines={}),
        )


def read_metadata(folder: Path) -> dict[str, Any]:
    """Read Chart.yaml; raises `SuiteError` if there is none, or it has no name."""
    file = folder / "Chart.yaml"
    if not file.is_file():
        raise SuiteError(f"{folder} is no chart: it has no Chart.yaml", expected="a chart directory or a .tgz")
    metadata = read_values(read_text(file), "Chart.yaml").content
    if not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise SuiteError(f"{file}: no name", expected="`name: <name of the chart>`")
    return metadata


def read_text(file: Path) -> str:
    """Read a file as UTF-8; raises `SuiteError` that names it."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SuiteError(f"{file}: not UTF-8 (byte {error.start})") from error
    except OSError as error:
        raise SuiteError(f"{file}: cannot be read: {error.strerror}") from error


def find_charts(path: Path) -> list[Path]:
    """List the charts at or below `path`, sorted; charts inside a chart belong to that one."""
    if path.is_file() or (path / "Chart.yaml").is_file():
        return [path]
    found = []
    for entry in sorted(path.iterdir()):
        if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith("."):
            found += find_charts(entry)
    return found


def _unpacked(archive: Path, scratch: Path) -> Path:
    try:
        with tarfile.open(archive, "r:gz") as tar:
            size = 0
            for member in tar:
                size += member.size
                if size > _MAX_ARCHIVE:
                    raise SuiteError(f"{archive}: more than {_MAX_ARCHIVE // 1024**2} MiB when unpacked")
                tar.extract(member, scratch, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise SuiteError(
            f"{archive}: not a packaged chart: {error}", expected="a .tgz made by `helm package`"
        ) from error
    charts = [entry for entry in scratch.iterdir() if (entry / "Chart.yaml").is_file()]
    if len(charts) != 1:
        raise SuiteError(f"{archive}: holds {len(charts)} charts", expected="one folder with a Chart.yaml")
    return charts[0]


def _missing(folder: Path, metadata: dict[str, Any]) -> list[dict[str, Any]]:
    wanted = metadata.get("dependencies") or []
    if not isinstance(wanted, list) or not all(isinstance(entry, dict) and entry.get("name") for entry in wanted):
        raise SuiteError(f"{folder / 'Chart.yaml'}: `dependencies` is not a list of charts")
    return [entry for entry in wanted if not _is_vendored(folder, str(entry["name"]))]


def _is_vendored(folder: Path, name: str) -> bool:
    charts = folder / "charts"
    return (charts / name / "Chart.yaml").is_file() or any(charts.glob(f"{name}-*.tgz"))


def _staged(folder: Path, target: Path, missing: list[dict[str, Any]], boundary: Path) -> Path:
    """Copy a chart, with the charts that it names by `file://` put where Helm looks for them."""
    origin = folder.resolve()
    shutil.copytree(origin, target, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    for entry in missing:
        dependency = _local_dependency(origin, entry, boundary)
        if dependency in (origin, *origin.parents):
            raise SuiteError(f"{folder}: depends on itself through {entry['repository']}")
        inner = _missing(dependency, read_metadata(dependency))
        (target / "charts").mkdir(exist_ok=True)
        _staged(dependency, target / "charts" / str(entry["name"]), inner, boundary)
    return target


def _local_dependency(origin: Path, entry: dict[str, Any], boundary: Path) -> Path:
    repository = str(entry.get("repository") or "")
    if not repository.startswith(_LOCAL):
        raise SuiteError(
            f"{origin}: the chart `{entry['name']}` that it depends on is not in charts/",
            expected="everything at hand: nothing is downloaded",
            fix=f"helm dependency build {origin}",
        )
    dependency = (origin / repository.removeprefix(_LOCAL)).resolve()
    if not dependency.is_relative_to(boundary):
        raise SuiteError(f"{origin}: {repository} leads out of {boundary}", expected="a chart of the same tree")
    if not (dependency / "Chart.yaml").is_file():
        raise SuiteError(f"{origin}: {repository} is no chart", fix="mend `repository` in Chart.yaml")
    return dependency


def _boundary(origin: Path) -> Path:
    """What a `file://` dependency may be taken from: the git work tree, else the folder around the chart."""
    for folder in origin.parents:
        if (folder / ".git").exists():
            return folder
    return origin.parent
