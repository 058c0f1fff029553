"""Finds the charts of a tree by name, for dependencies that are not in `charts/`."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.charts import semver
from osh_conformance.charts.files import CHART_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_FIELD = re.compile(rb"""^(name|version):[ \t]*["']?([^\s"'#]+)""", re.MULTILINE)
#: The names that `helm package` gives to archives.
_PACKAGE = re.compile(r"(?P<name>.+)-v?(?P<version>\d+\.\d+\.\d+[^/]*)\.tgz")
#: Folders that are looked through, and how deep: a PATH may lie in a home directory.
_MAX_FOLDERS = 50_000
_MAX_DEPTH = 8
#: Bytes of a Chart.yaml that are read for its name and version.
_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """A chart of the tree: a folder or a `.tgz`, with the version in its Chart.yaml."""

    path: Path
    version: str


class Siblings:
    """The charts of the trees of one run. Each tree is looked through once, when a dependency is absent."""

    def __init__(self) -> None:
        self._trees: dict[Path, Mapping[str, tuple[Sibling, ...]]] = {}

    def named(self, name: str, trees: Iterable[Path], beside: Path) -> tuple[Sibling, ...]:
        """Return the charts called `name` in the first of `trees` that has one, the newest and nearest first.

        The chart `beside` is not among them.
        """
        for tree in trees:
            if tree not in self._trees:
                self._trees[tree] = _charts(tree)
            found = [each for each in self._trees[tree].get(name, ()) if each.path != beside]
            if found:
                return tuple(sorted(found, key=lambda each: _order(each, beside), reverse=True))
        return ()


def _order(sibling: Sibling, beside: Path) -> tuple[bool, semver.Version, int]:
    version = semver.parsed(sibling.version)
    near = len(os.path.commonpath((sibling.path, beside)))
    return version is not None, version or semver.Version(0, 0, 0), near


def _charts(tree: Path) -> dict[str, tuple[Sibling, ...]]:
    found: defaultdict[str, list[Sibling]] = defaultdict(list)
    for path in _paths(tree):
        packaged = _PACKAGE.fullmatch(path.name) if path.suffix == ".tgz" else None
        fields = packaged.groupdict() if packaged else _fields(path / CHART_FILE)
        if name := fields.get("name"):
            found[name].append(Sibling(path=path, version=fields.get("version", "")))
    return {name: tuple(sorted(charts, key=lambda each: each.path)) for name, charts in found.items()}


def _fields(file: Path) -> dict[str, str]:
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        return {}
    return {key.decode(): value.decode(errors="replace") for key, value in _FIELD.findall(head)}


def _paths(tree: Path) -> Iterator[Path]:
    """Yield the charts below `tree`, in the order of their depth; what is inside a chart belongs to that one."""
    waiting = [(tree, 0)]
    for count, (folder, depth) in enumerate(waiting):
        if count >= _MAX_FOLDERS:
            return
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        if any(entry.name == CHART_FILE for entry in entries):
            yield folder
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            if entry.is_dir() and depth < _MAX_DEPTH:
                waiting.append((Path(entry.path), depth + 1))
            elif entry.name.endswith(".tgz"):
                yield Path(entry.path)
