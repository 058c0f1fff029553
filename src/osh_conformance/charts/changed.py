"""Finds the charts that a change affects: those with a changed file, and those that depend on one of them."""

from __future__ import annotations

import fnmatch
import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance import process
from osh_conformance.charts import conventions
from osh_conformance.charts.source import read_metadata
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.files import read_text
from osh_conformance.loading.yaml import read_first_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from osh_conformance.charts.target import ChartTarget

_DEADLINE = 60.0
#: A git hook sets these variables for its own repository. Programs that the tree configures do not run.
_GIT = (
    *("env", "-u", "GIT_DIR", "-u", "GIT_WORK_TREE", "-u", "GIT_INDEX_FILE", "-u", "GIT_PREFIX"),
    *("git", "--no-optional-locks", "-c", "core.fsmonitor=false"),
)
_LOCAL = "file://"


def changed_since(targets: Sequence[ChartTarget], reference: str) -> tuple[ChartTarget, ...]:
    """Return the targets that changed since the merge base with `reference`, uncommitted changes included.

    A chart that depends on a changed one, by `file://` or by the name of a chart beside it, counts as changed. So do a
    path that does not exist or cannot be read, and a chart inside a git repository that a catalog names. Raises
    `UsageError` outside of git, and for a reference that does not exist.
    """
    changes: dict[Path, frozenset[Path]] = {}
    folders = {target.path.resolve(): target for target in targets}
    by_name = {target.name: path for path, target in folders.items()}
    found = []
    for path, target in folders.items():
        if not _is_readable(path) or (target.entry and target.entry.source):
            found.append(target)
            continue
        marked = next((folder for folder in (path, *path.parents) if (folder / ".git").exists()), path)
        root = marked if marked in changes else _work_tree(path)
        if root not in changes:
            changes[root] = _changed_files(root, reference)
        places = _reached(path, by_name)
        patterns = _overrides(path, target)
        if any(_holds(places, file) or _matches(patterns, file) for file in changes[root]):
            found.append(target)
    return tuple(found)


def _is_readable(path: Path) -> bool:
    return os.access(path, os.R_OK) and (path.is_file() or os.access(path, os.X_OK))


def _work_tree(path: Path) -> Path:
    folder = path if path.is_dir() else path.parent
    outcome = process.run([*_GIT, "-C", folder, "rev-parse", "--show-toplevel"], deadline=_DEADLINE, check=False)
    if not outcome.ok:
        raise UsageError(f"--since: {folder} is in no git work tree", expected="charts that git knows")
    return Path(outcome.stdout.removesuffix("\n")).resolve()


def _changed_files(root: Path, reference: str) -> frozenset[Path]:
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    if not commit:
        raise UsageError(
            f"--since {reference}: {root} has no such commit",
            expected="a branch, tag or commit that git knows here",
            fix="git fetch, and in a shallow clone git fetch --unshallow",
        )
    # Changes on the other branch since the merge base do not count. Without a merge base, all changes count.
    start = _git(root, "merge-base", commit[0].strip(), "HEAD") or commit
    changed = _git(root, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", start[0].strip(), "--")
    added = _git(root, "ls-files", "-z", "--others", "--exclude-standard")
    return frozenset(root / name for name in (*changed, *added))


def _git(root: Path, *words: str) -> list[str]:
    """Return the output of git, split at its NUL bytes; nothing if it fails."""
    outcome = process.run([*_GIT, "-C", root, *words], deadline=_DEADLINE, check=False)
    if not outcome.ok:
        if words[0] in ("diff", "ls-files"):
            raise SuiteError(f"git {words[0]} failed in {root}", details=outcome.tail)
        return []
    return [text for text in outcome.stdout.split("\0") if text.strip()]


def _holds(places: set[Path], file: Path) -> bool:
    return file in places or not places.isdisjoint(file.parents)


def _overrides(chart: Path, target: ChartTarget) -> list[str]:
    """Return absolute patterns for the chart's values overrides: of the named convention, else of every convention."""
    patterns = conventions.override_patterns(target.convention, target.name, target.others)
    return [os.path.normpath(chart / pattern) for pattern in patterns]


def _matches(patterns: list[str], file: Path) -> bool:
    return any(fnmatch.fnmatchcase(str(file), pattern) for pattern in patterns)


def _reached(chart: Path, by_name: dict[str, Path]) -> set[Path]:
    """Return the chart and its dependencies, at any depth, as far as they are on this machine."""
    found: set[Path] = set()
    left = deque([chart])
    while left:
        place = left.popleft()
        if place in found:
            continue
        found.add(place)
        left += _dependencies(place, by_name)
    return found


def _dependencies(chart: Path, by_name: dict[str, Path]) -> list[Path]:
    if not chart.is_dir():
        return []
    vendored = chart / "charts"
    found = [entry.resolve() for entry in vendored.iterdir() if entry.is_symlink()] if vendored.is_dir() else []
    for entry in _declared(chart):
        repository = str(entry.get("repository") or "")
        name = str(entry.get("name") or "")
        if repository.startswith(_LOCAL):
            found.append((chart / repository.removeprefix(_LOCAL)).resolve())
        elif name in by_name:
            found.append(by_name[name])
    return found


def _declared(chart: Path) -> Iterable[dict[str, Any]]:
    """Return the dependencies in Chart.yaml and, in charts of Helm 2, requirements.yaml; none if it does not parse."""
    older = chart / "requirements.yaml"
    lists = []
    try:
        lists.append(read_metadata(chart).get("dependencies"))
        if older.is_file():
            lists.append(read_first_document(read_text(older), str(older)).get("dependencies"))
    except SuiteError:
        pass
    return [entry for entries in lists if isinstance(entries, list) for entry in entries if isinstance(entry, dict)]
