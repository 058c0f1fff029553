"""Reads a chart, a directory or a `.tgz`, with its dependencies. Downloads nothing, and writes nothing to the chart."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import tempfile
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import semver
from osh_conformance.charts.files import BOM, CHART_FILE, MAX_FILES, packed, read_archive, read_folder
from osh_conformance.charts.siblings import Sibling, Siblings
from osh_conformance.errors import SuiteError
from osh_conformance.loading.files import MAX_FILE, decode_text, read_text
from osh_conformance.loading.yaml import read_chart_values, read_first_document
from osh_conformance.model.chart import KEEPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from osh_conformance.model.chart import Values

_LOCAL = "file://"
_NAME = re.compile(rb"""^name:[ \t]*["']?([^\s"'#]+)""", re.MULTILINE)
_VERSION = re.compile(r"-v?\d[^/]*\.tgz")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSource:
    """A chart that can be rendered or installed: `folder` contains all dependencies. `keeps` as `ChartFiles` has it."""

    folder: Path
    name: str
    version: str
    library: bool
    values: Values
    keeps: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)  # without slots: it keeps what it has parsed
class ChartFiles:
    """A chart as bytes, with everything in it that it depends on.

    - metadata: the content of Chart.yaml; it has a name.
    - files: by path in the chart.
    - staged: whether a dependency that `file://` names was put into `charts/`.
    - elsewhere: the folder below `charts/` of each such dependency: where it comes from, relative to the chart.
    - notices: what reports say about the chart: which charts of the tree were put into `charts/`.
    """

    metadata: Mapping[str, Any]
    files: Mapping[str, bytes]
    staged: bool
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name in Chart.yaml."""
        return str(self.metadata["name"])

    @property
    def version(self) -> str:
        """The version in Chart.yaml, "" without one."""
        return str(self.metadata.get("version") or "")

    @property
    def keeps(self) -> tuple[str, ...]:
        """What an uninstall keeps on purpose, as the annotation in Chart.yaml names it."""
        annotations = self.metadata.get("annotations")
        named = annotations.get(KEEPS) if isinstance(annotations, dict) else None
        return tuple(filter(None, (word.strip() for word in str(named or "").split(","))))

    @property
    def library(self) -> bool:
        """Whether it renders nothing by itself."""
        return self.metadata.get("type") == "library"

    @functools.cached_property
    def values(self) -> Values:
        """The chart's values.yaml, parsed once; raises `SuiteError` where it does not parse."""
        return read_chart_values(decode_text(self.files.get("values.yaml", b""), "values.yaml"), "values.yaml")

    def edited(self, changes: Mapping[str, bytes]) -> ChartFiles:
        """Return the same chart with other content in files that it has; raises `SuiteError` for its Chart.yaml."""
        files = {path: changes.get(path, data).removeprefix(BOM) for path, data in self.files.items()}
        return replace(self, files=files, metadata=_metadata(files, Path(self.name)))

    def packed(self) -> bytes:
        """The chart as a `.tgz`."""
        return packed(self.files, self.name)


class Reader:
    """Reads the charts of one run: each chart once, and each chart that others depend on once. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._charts: dict[tuple[Path, Path], ChartFiles | SuiteError] = {}
        self._folders: dict[Path, dict[str, bytes]] = {}
        self._dependencies: set[Path] = set()
        self._siblings = Siblings()

    def read(self, path: Path, root: Path | None = None) -> ChartFiles:
        """Return the chart at `path`, found below the PATH argument `root` (`path` itself without one).

        The first call reads it, later calls return the same record. Raises `SuiteError` for a folder that is no chart,
        and for a chart that is too large, that links out of its tree, or whose dependencies are not all there.
        """
        key = (path, root or path)
        with self._lock:
            if key not in self._charts:
                try:
                    self._charts[key] = self._read(*key)
                except SuiteError as error:
                    self._charts[key] = error
            found = self._charts[key]
        if isinstance(found, SuiteError):
            raise found
        return found

    def forget(self, path: Path, root: Path | None = None) -> None:
        """Drop the chart at `path` that `read` has returned, unless others depend on it."""
        with self._lock:
            self._charts.pop((path, root or path), None)
            if (place := path.resolve()) not in self._dependencies:
                self._folders.pop(place, None)

    def _read(self, path: Path, root: Path) -> ChartFiles:
        if not path.exists():
            raise SuiteError(f"{path} does not exist", expected="a chart directory, a .tgz, or a tree of charts")
        if path.is_file():
            files = read_archive(path)
            metadata = _metadata(files, path)
            if missing := _missing(path, files, metadata):
                raise _absent(path, str(missing[0]["name"]))
            return ChartFiles(metadata=metadata, files=files, staged=False)
        origin = path.resolve()
        allowed = _allowed(origin, root.resolve())
        trees = _trees(origin, root.resolve(), allowed)
        files = dict(self._folder(path, allowed))
        metadata = _metadata(files, path)
        missing = _missing(path, files, metadata)
        stage = _Stage(trees=trees, allowed=allowed)
        placed = self._stage(origin, files, missing, stage, (origin,))
        here = path.absolute()
        elsewhere = {copy: Path(os.path.relpath(place, here)).as_posix() for copy, place in placed.items()}
        notices = tuple(
            f"the dependency {name} {sibling.version} comes from {Path(os.path.relpath(sibling.path, here)).as_posix()}"
            for name, sibling in stage.used.items()
        )
        return ChartFiles(metadata=metadata, files=files, staged=bool(missing), elsewhere=elsewhere, notices=notices)

    def beside(self, path: Path, patterns: Iterable[str], root: Path | None = None) -> tuple[tuple[str, bytes], ...]:
        """Read the values files that fit `patterns`, relative to the chart directory at `path`.

        Patterns lead out of the chart no further than its dependencies may. Files outside, and files that are too
        large, are left out.
        """
        if path.is_file():
            return ()
        allowed = (path.resolve(), *_allowed(path.resolve(), (root or path).resolve()))
        found = {}
        for pattern in patterns:
            folder, _, name = pattern.rpartition("/")
            place = path / folder
            if not place.is_dir():
                continue
            inside = _is_inside(place, allowed)
            for file in sorted(place.glob(name))[:MAX_FILES]:
                leads_inside = _is_inside(file, allowed) if file.is_symlink() else inside
                if leads_inside and file.is_file() and file.stat().st_size <= MAX_FILE:
                    found[f"{folder}/{file.name}" if folder else file.name] = file.read_bytes()
        return tuple(sorted(found.items()))

    def _folder(self, folder: Path, allowed: tuple[Path, ...]) -> dict[str, bytes]:
        key = folder.resolve()
        if key not in self._folders:
            if not (key / CHART_FILE).is_file():
                raise SuiteError(
                    f"{folder} is no chart: it has no {CHART_FILE}", expected="a chart directory or a .tgz"
                )
            self._folders[key] = read_folder(folder, allowed)
        return self._folders[key]

    def _stage(
        self,
        origin: Path,
        files: dict[str, bytes],
        missing: list[dict[str, Any]],
        stage: _Stage,
        chain: tuple[Path, ...],
    ) -> dict[str, Path]:
        """Put the charts that are missing into `charts/`, where Helm looks for them; return where each is from."""
        placed: dict[str, Path] = {}
        here: set[Path] = set()
        for entry in missing:
            dependency = self._dependency(origin, entry, stage)
            if dependency in here:
                continue  # under another alias
            here.add(dependency)
            self._dependencies.add(dependency)
            if dependency in chain or any(parent == dependency for parent in origin.parents):
                way = " -> ".join(each.name for each in (*chain, dependency))
                raise SuiteError(
                    f"{chain[0]}: depends on itself: {way}",
                    expected="dependencies that end",
                    fix=f"take `{entry['name']}` out of the dependencies of {origin}",
                )
            inner = read_archive(dependency) if dependency.is_file() else dict(self._folder(dependency, stage.allowed))
            further = _missing(dependency, inner, _metadata(inner, dependency))
            below = self._stage(dependency, inner, further, stage, (*chain, dependency))
            copy = f"charts/{entry['name']}" if entry["name"] not in _vendored(files) else f"charts/{dependency.name}"
            # A checkout without symbolic links has a file with the link's text in place of a link to the dependency.
            files.pop(copy, None)
            placed |= {copy: dependency, **{f"{copy}/{inside}": place for inside, place in below.items()}}
            files.update({f"{copy}/{name}": data for name, data in inner.items()})
        return placed

    def _dependency(self, origin: Path, entry: dict[str, Any], stage: _Stage) -> Path:
        """Return the chart that a dependency names, by `file://` or as a chart of the same tree."""
        if str(entry.get("repository") or "").startswith(_LOCAL):
            return _local_dependency(origin, entry, stage.allowed)
        name, wanted = str(entry["name"]), str(entry.get("version") or "")
        found = self._siblings.named(name, stage.trees, origin)
        if not found:
            raise _absent(origin, name)
        fitting = next((each for each in found if semver.fits(each.version, wanted)), None)
        if fitting is None:
            there = ", ".join(f"{each.path} {each.version}" for each in found)
            raise SuiteError(
                f"{origin}: the dependency `{name}` is not in charts/, and the tree has another version: {there}",
                expected=f"a version that fits {wanted}",
                fix=f"helm dependency build {origin}, or correct `version` in its {CHART_FILE}",
            )
        stage.used[name] = fitting
        return fitting.path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """Where the dependencies of a chart are looked for, and those that the tree had, by name.

    - trees: the folders whose charts are used, in that order.
    - allowed: the folders that links and `file://` may lead into.
    """

    trees: tuple[Path, ...]
    allowed: tuple[Path, ...]
    used: dict[str, Sibling] = field(default_factory=dict)


@contextlib.contextmanager
def opened(path: Path, scratch: Path | None = None, files: ChartFiles | None = None) -> Iterator[ChartSource]:
    """Open the chart at `path`: `folder` is `path` itself, or a copy below `scratch` that the `with` removes.

    `files` are those of the chart, where a `Reader` has read it. Raises `SuiteError` as `Reader.read` does, and for
    values that do not parse.
    """
    chart = files or Reader().read(path)
    with contextlib.ExitStack() as stack:
        folder = path
        if chart.staged or path.is_file():
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="osh-conformance-", dir=scratch))
            folder = _unpacked(chart, Path(place))
        yield ChartSource(
            folder=folder,
            name=chart.name,
            version=chart.version,
            library=chart.library,
            values=chart.values,
            keeps=chart.keeps,
        )


def _unpacked(chart: ChartFiles, scratch: Path) -> Path:
    """Write the files below `scratch`; their paths have been checked, the name of the chart has not."""
    folder = scratch / "chart"
    for name, data in chart.files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def read_metadata(folder: Path) -> dict[str, Any]:
    """Read Chart.yaml; raises `SuiteError` if there is none, or it has no name."""
    file = folder / CHART_FILE
    if not file.is_file():
        raise SuiteError(f"{folder} is no chart: it has no {CHART_FILE}", expected="a chart directory or a .tgz")
    return _metadata({CHART_FILE: read_text(file).encode()}, folder)


def _metadata(files: Mapping[str, bytes], where: Path) -> dict[str, Any]:
    if CHART_FILE not in files:
        raise SuiteError(f"{where} is no chart: it has no {CHART_FILE}", expected="a chart directory or a .tgz")
    metadata = read_first_document(decode_text(files[CHART_FILE], CHART_FILE), CHART_FILE)
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise SuiteError(f"{where / CHART_FILE}: no name", expected="`name: <name of the chart>`")
    if "/" in name or "\\" in name or name in {".", ".."}:
        raise SuiteError(f"{where / CHART_FILE}: the name {name!r} is a path", expected="`name: <name of the chart>`")
    return metadata


def _missing(where: Path, files: Mapping[str, bytes], metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    file = CHART_FILE
    wanted = metadata.get("dependencies")
    if not wanted and "requirements.yaml" in files:  # the layout of Helm 2, which Helm still reads
        file = "requirements.yaml"
        wanted = read_first_document(decode_text(files[file], file), file).get("dependencies")
    wanted = wanted or []
    if not isinstance(wanted, list) or not all(isinstance(entry, dict) and entry.get("name") for entry in wanted):
        raise SuiteError(f"{where}: {file}: `dependencies` is not a list of charts")
    for entry in wanted:
        if "/" in str(entry["name"]) or str(entry["name"]) in {".", ".."}:
            raise SuiteError(f"{where}: {file}: the name {entry['name']!r} is a path")
    vendored = _vendored(files)
    return [entry for entry in wanted if not _is_vendored(str(entry["name"]), vendored)]


def _vendored(files: Mapping[str, bytes]) -> set[str]:
    """The folders and archives right below `charts/`, and the names of the charts in the folders."""
    found = set()
    for path in files:
        top, _, rest = path.partition("/")
        name, _, inside = rest.partition("/")
        if top == "charts" and (inside == CHART_FILE or (not inside and name.endswith(".tgz"))):
            found.add(name)
            if inside and (named := _NAME.search(files[path])):
                found.add(named[1].decode(errors="replace"))
    return found


def _is_vendored(name: str, vendored: set[str]) -> bool:
    return name in vendored or any(
        entry.startswith(name) and _VERSION.fullmatch(entry.removeprefix(name)) for entry in vendored
    )


def _local_dependency(origin: Path, entry: dict[str, Any], allowed: tuple[Path, ...]) -> Path:
    repository = str(entry.get("repository") or "")
    if not repository.startswith(_LOCAL):
        raise _absent(origin, str(entry["name"]))
    dependency = (origin / repository.removeprefix(_LOCAL)).resolve()
    if not any(dependency.is_relative_to(folder) for folder in allowed):
        raise SuiteError(
            f"{origin}: {repository} leads out of {allowed[0]}",
            expected="a chart of the same tree",
            fix=f"helm dependency build {origin}",
        )
    if not (dependency / CHART_FILE).is_file():
        raise SuiteError(f"{origin}: {repository} is no chart", fix="correct `repository` in Chart.yaml")
    return dependency


def _absent(chart: Path, name: str) -> SuiteError:
    return SuiteError(
        f"{chart}: the chart `{name}` that it depends on is not in charts/",
        expected="all dependencies in charts/ (the suite downloads nothing)",
        fix=f"helm dependency build {chart}",
    )


def _trees(origin: Path, root: Path, allowed: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the folders where dependencies are looked for: below PATH first, and then in the allowed folders."""
    return tuple(dict.fromkeys((root, *allowed) if root != origin else allowed))


def _is_inside(place: Path, allowed: Iterable[Path]) -> bool:
    resolved = place.resolve()
    return any(resolved.is_relative_to(each) for each in allowed)


def _allowed(origin: Path, root: Path) -> tuple[Path, ...]:
    """Return the folders that links and `file://` may lead into: the git work tree, and the folder around PATH."""
    found = [folder for folder in origin.parents if (folder / ".git").exists()][:1]
    # A PATH right below the root of the file system would allow everything.
    found.append(root.parent if root.parent != Path(root.anchor) else root)
    return tuple(found)
