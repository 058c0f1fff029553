"""Finds the charts of a live run, and the flavors that fit them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from osh_conformance.charts import conventions
from osh_conformance.charts.find import check_paths, find_targets
from osh_conformance.config.expectations import of_catalog
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading import records
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.model.chart import STANDARD_KEYS
from osh_conformance.model.convention import DATABASE
from osh_conformance.model.matrix import Flavor
from osh_conformance.plan.cells import UnfitError, functions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.config.engine_options import LiveOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTargets:
    """The charts of a live run.

    - installed: those that it installs.
    - errors: by path why others cannot be read.
    - unfit: further ones that it cannot take, and the reason of each in one line.
    """

    installed: tuple[ChartTarget, ...]
    errors: Mapping[str, SuiteError]
    unfit: tuple[tuple[ChartTarget, str], ...]


def live_targets(options: LiveOptions, found: Sequence[ChartTarget] | None = None) -> LiveTargets:
    """Return the charts of a live run. Library charts, and charts of an unknown layout in a tree, are left out.

    `found` are the targets of the static half of the run, which has read them already. Raises `UsageError` for a PATH
    without a chart, for a chart that cannot be taken and that the user or a catalog names, for two charts of the same
    name, and for a wrong entry of a catalog.
    """
    check_paths(options.paths, options.catalog)
    targets: list[ChartTarget] = []
    errors: dict[str, SuiteError] = {}
    unfit: list[tuple[ChartTarget, str]] = []
    if found is None:
        found = find_targets(
            options.paths,
            convention=options.convention,
            catalog_file=options.catalog,
            values=options.values,
            given=options.given,
            data=options.data,
        )
        of_catalog(found)
    for target in (each for each in found if not options.levels.excludes(str(each.path.resolve()))):
        _check_database(target)
        try:
            if target.files.library:
                unfit.append((target, "a library chart, which cannot be installed"))
            else:
                targets.append(_installable(target))
        except UsageError:
            raise
        except SuiteError as error:
            if (target.path in options.paths or not options.paths) and target.path.exists():
                raise UsageError(
                    error.message, expected=error.expected, fix=error.fix, details=error.details
                ) from error
            if isinstance(error, UnfitError):
                unfit.append((target, error.message.removeprefix(f"{target.path}: ")))
            else:
                errors[str(target.path)] = error
    _check_names(targets)
    return LiveTargets(installed=tuple(targets), errors=errors, unfit=tuple(unfit))


def _check_database(target: ChartTarget) -> None:
    """Raise `UsageError` for an entry of a catalog that gives a chart no database server."""
    entry = target.entry
    if entry and entry.infrastructure is not None and DATABASE not in entry.infrastructure:
        raise entry.error(
            "infrastructure",
            f"{target.name} has no `{DATABASE}`, and each live cell has a database server",
            expected=f"`infrastructure: [{', '.join([DATABASE, *entry.infrastructure])}]`, or no `infrastructure`",
            fix="a chart without a database is for `check` only",
        )


def _installable(target: ChartTarget) -> ChartTarget:
    """Return the chart with its convention; raises `UnfitError` for a layout without a drop Job, or an unknown one."""
    convention = target.recognised
    if convention is None:
        raise UnfitError(
            f"{target.path}: its values follow no known convention",
            expected=f"the layout of {' or '.join([*conventions.shipped(), *(other.name for other in target.others)])}",
            fix="describe the layout in a file and name it with --convention",
        )
    if not convention.db_drop:
        raise UnfitError(
            f"{target.path}: the layout {convention.name} has no switch of a drop Job",
            expected="a chart that can drop its database",
            fix="describe the layout in a file, with `db_drop` and `infrastructure`, and name it with --convention",
        )
    # The name of an archive's chart is in its Chart.yaml.
    return replace(target, name=target.files.name, convention=convention)


def needed_target(target: ChartTarget) -> ChartTarget:
    """Return a chart that another one needs, with its convention; raises `UsageError` if it cannot be installed."""
    try:
        library, found = target.files.library, _installable(target)
    except SuiteError as error:
        raise UsageError(error.message, expected=error.expected, fix=error.fix, details=error.details) from error
    if library:
        raise UsageError(f"{target.path} is a library chart: no other chart can need it")
    return found


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
