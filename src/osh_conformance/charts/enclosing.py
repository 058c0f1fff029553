"""Finds the chart that a file belongs to: editors, pre-commit and shells pass files, and a run checks charts."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.charts import conventions
from osh_conformance.charts.files import CHART_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from osh_conformance.model.convention import Convention

_ARCHIVES = (".tgz", ".tar.gz")
_GZIP = b"\x1f\x8b"
_SUBCHARTS = "charts"
_PARENT = "../"
_CHART = "{chart}"


def is_archive(file: Path) -> bool:
    """Whether `file` is a packaged chart, by its name or its first bytes; raises `OSError`."""
    if file.name.endswith(_ARCHIVES):
        return True
    with file.open("rb") as stream:
        return stream.read(len(_GZIP)) == _GZIP


def chart_of(file: Path, convention: Convention | None = None, others: Sequence[Convention] = ()) -> Path | None:
    """Return the chart that `file` belongs to, written as the user wrote the file; None if there is none.

    That is the chart around it, of a subchart the one that brings it; else the chart that it is a values override of,
    by the patterns of `convention`, or of every convention and `others`.
    """
    folder = _around(file) or _overridden(file, conventions.override_patterns(convention, _CHART, others))
    if folder is None:
        return None
    return file.parent if folder == file.parent.resolve() else _written(folder, file)


def _written(folder: Path, file: Path) -> Path:
    """Return an absolute path for a file that was named by one, and a relative one otherwise."""
    return folder if file.is_absolute() else Path(os.path.relpath(folder))


def _around(file: Path) -> Path | None:
    """Return the chart around a file; not a folder of a subchart, whose findings are those of the outer chart."""
    chart = next(_charts_above(file.resolve()), None)
    while chart is not None and chart.parent.name == _SUBCHARTS and _is_chart(chart.parent.parent):
        chart = chart.parent.parent
    return chart


def _charts_above(place: Path) -> Iterator[Path]:
    for folder in place.parents:
        if _is_chart(folder):
            yield folder
        if (folder / ".git").exists():
            return


def _is_chart(folder: Path) -> bool:
    return (folder / CHART_FILE).is_file()


def _overridden(file: Path, patterns: Sequence[str]) -> Path | None:
    """Return the chart that `file` is an override of, where it lies outside of it: `../overrides/{chart}/*.yaml`."""
    place = file.resolve()
    for pattern in patterns:
        steps = pattern.removeprefix(_PARENT).split("/")
        if not pattern.startswith(_PARENT) or _CHART not in steps or len(steps) > len(place.parents):
            continue
        written = place.parts[-len(steps) :]
        name = written[steps.index(_CHART)]
        chart = place.parents[len(steps) - 1] / name
        wanted = (step.replace(_CHART, name) for step in steps)
        if all(map(fnmatch.fnmatchcase, written, wanted)) and _is_chart(chart):
            return chart
    return None
