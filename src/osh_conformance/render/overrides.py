"""Values from outside of a chart: the images of a flavor, and values overrides that --overrides names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.files import MAX_FILES
from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.files import MAX_FILE
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.loading.yaml import read_chart_values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from osh_conformance.model.convention import Convention
    from osh_conformance.model.matrix import Flavor

_SUFFIXES = (".yaml", ".yml")


def with_flavor(  # noqa: PLR0913, PLR0917  (what a rendering is made of)
    flavor: Flavor,
    chart: str,
    own: bytes,
    values: Mapping[str, Any],
    convention: Convention | None,
    others: Sequence[Convention] = (),
) -> dict[str, Any]:
    """Return `values` with the flavor's references on top, one for each image key of the chart.

    `own` is the chart's values.yaml. `others` are conventions to recognise beside those that come with the
    suite. A chart without a known convention keeps its images, because its keys are unknown, and so does one of image
    maps alone, whose keys have no functions. Raises `SuiteError` where `own` does not parse, or the flavor has no image
    for a key.
    """
    shipped = read_chart_values(own.decode(errors="replace"), "values.yaml")
    conventions.check_section(shipped.content)
    base = merged(flavor.values, values)
    effective = merged(shipped.content, base)
    known = convention or conventions.recognise(effective, others)
    if known is None or not (known.images or known.db_drop):
        return base
    keys = tuple(image.key for image in conventions.declared_images(known, shipped, effective))
    functions = conventions.functions(known, chart, keys)
    references = flavor.references(chart, conventions.of_flavors(known, functions))
    return merged(base, conventions.image_values(known, references, values=effective))


def check(given: Sequence[Path], *, one_chart: bool) -> None:
    """Raise `UsageError` for a file or folder that `--overrides` cannot use."""
    for path in given:
        if not path.exists():
            raise UsageError(f"--overrides {path} does not exist")
        if path.is_file() and not one_chart:
            raise UsageError(
                f"--overrides {path} is one file, and the run has several charts",
                expected="a file for one chart, or a folder with a folder for each chart",
            )
        if path.is_dir() and not _files(path):
            raise UsageError(f"--overrides {path}: no values file in it", expected="files that end in .yaml")
        if path.is_dir() and not one_chart and _is_flat(path):
            raise UsageError(
                f"--overrides {path} has no folder for each chart, and the run has several charts",
                expected="a folder in it for each chart, with the chart's name",
            )


def remarks(given: Sequence[Path], charts: Collection[str]) -> tuple[str, ...]:
    """Return a sentence for each folder below `--overrides` that may be misspelt, and for one without any chart's name.

    Neither is an error: the folders of other charts are there too where a run is about a part of them.
    """
    found = []
    for path in given:
        if path.is_file() or _is_flat(path):
            continue
        names = sorted({file.relative_to(path).parts[0] for file in _files(path) if file.parent != path})
        left = [chart for chart in charts if chart not in names]
        meant = {name: did_you_mean(name, left) for name in names if name not in charts}
        found += [f"--overrides {path}: {name} names no chart{other}" for name, other in meant.items() if other]
        if len(left) == len(charts) and not any(meant.values()):
            found.append(f"--overrides {path}: no folder in it has the name of a chart of this run")
    return tuple(found)


def with_given(
    beside: Iterable[tuple[str, bytes]], given: Iterable[Path], chart: Path, name: str
) -> tuple[tuple[str, bytes], ...]:
    """Return the overrides `beside` a chart and those of `given`; paths are relative to the chart.

    In a folder, the overrides are in its subfolder with the chart's name, or right in it (`check` allows that for one
    chart only). Raises `SuiteError` for a file that cannot be read.
    """
    found = dict(beside)
    for path in given:
        for file in [path] if path.is_file() else _files(path if _is_flat(path) else path / name):
            found[os.path.relpath(file.resolve(), chart.resolve())] = _read(file)
    return tuple(sorted(found.items()))


def _is_flat(folder: Path) -> bool:
    return all(file.parent == folder for file in _files(folder))


def _files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.rglob("*"))[:MAX_FILES] if file.suffix in _SUFFIXES and file.is_file()]


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_FILE:
            raise SuiteError(f"{file}: larger than {MAX_FILE // 1024**2} MiB")
        return file.read_bytes()
    except OSError as error:
        raise SuiteError(f"{file}: cannot be read: {error.strerror}") from error
