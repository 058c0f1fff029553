"""Finds the charts of a live run, and the flavors that fit them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.charts import conventions
from osh_conformance.charts.find import check_paths, find_targets
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading import records
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.model.chart import STANDARD_KEYS
from osh_conformance.model.matrix import Flavor
from osh_conformance.plan.cells import functions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.config.engine_options import LiveOptions


def live_targets(
    options: LiveOptions, found: Sequence[ChartTarget] | None = None
) -> tuple[tuple[ChartTarget, ...], dict[str, SuiteError]]:
    """Return the charts that a live run installs, and by path the errors of those that cannot be read.

    `found` are the targets of the static half of the run, which has read them already. Raises `UsageError` for a PATH
    without a chart, for a named chart that cannot be read, and for two charts of the same name. Library charts are left
    out: they cannot be installed.
    """
    check_paths(options.paths)
    targets: list[ChartTarget] = []
    errors: dict[str, SuiteError] = {}
    if found is None:
        found = find_targets(
            options.paths,
            convention=options.convention,
            catalog_file=options.catalog,
            values=options.values,
            data=options.data,
        )
    for target in found:
        try:
            targets += _installable(target)
        except UsageError:
            raise
        except SuiteError as error:
            if target.path in options.paths and target.path.exists():
                raise UsageError(
                    error.message, expected=error.expected, fix=error.fix, details=error.details
                ) from error
            errors[str(target.path)] = error
    _check_names(targets)
    return tuple(targets), errors


def _installable(target: ChartTarget) -> list[ChartTarget]:
    """Return the chart with its convention, nothing for a library chart; raises `SuiteError`."""
    if target.files.library:
        return []
    convention = target.recognised
    if convention is None:
        raise SuiteError(
            f"{target.path}: its values follow no known convention",
            expected=f"the layout of {' or '.join([*conventions.shipped(), *(other.name for other in target.others)])}",
            fix="describe the layout in a file and name it with --convention",
        )
    # The name of an archive's chart is in its Chart.yaml.
    return [replace(target, name=target.files.name, convention=convention)]


def _check_names(targets: Sequence[ChartTarget]) -> None:
    """Raise `UsageError` for two charts of one name: reports could not tell them apart."""
    known: dict[str, ChartTarget] = {}
    for target in targets:
        first = known.setdefault(target.name, target)
        if first is not target:
            raise UsageError(
                f"{first.path} and {target.path} are both called {target.name}",
                expected="charts of different names in one live run",
                fix="run them one by one",
            )


def read_flavors(files: Sequence[Path], targets: Sequence[ChartTarget]) -> Mapping[Path, Flavor]:
    """Read the user's flavors, by file; raises `UsageError` for a file that is wrong."""
    own = {file: records.load(Flavor, file) for file in files}
    for file, flavor in own.items():
        _check_keys(file, flavor, targets)
    return own


def _check_keys(file: Path, flavor: Flavor, targets: Sequence[ChartTarget]) -> None:
    """Raise `UsageError` for an image key of a user's flavor that no chart of the run has: a spelling mistake."""
    known = {key for target in targets for key in functions_of(target)}
    for key in flavor.images:
        if known and key not in known and key not in STANDARD_KEYS:
            charts = ", ".join(target.name for target in targets)
            raise UsageError(
                f"{file}: images.{key}: no such image key in {charts}{did_you_mean(key, known)}",
                expected=f"one of {', '.join(sorted(known))}",
            )


def check_flavor_names(flavors: Sequence[Flavor]) -> None:
    """Raise `UsageError` for two flavors of one name."""
    for name, number in Counter(flavor.name for flavor in flavors).items():
        if number > 1:
            raise UsageError(f"two flavors are called {name}", fix="give the flavor of your file another name")
