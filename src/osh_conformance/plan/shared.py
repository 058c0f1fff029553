"""The charts that other charts of a run need: found in the catalog, and installed once for all cells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.charts import catalog
from osh_conformance.charts.find import find_targets
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading import definitions
from osh_conformance.model.matrix import AxisValues
from osh_conformance.model.scenario import InstallStep, Scenario
from osh_conformance.plan.cells import DEFAULT_FORMAT, CellRun, cell_of, convention_of
from osh_conformance.plan.servers import NO_PASSWORD
from osh_conformance.plan.targets import needed_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.config.engine_options import LiveOptions

#: A shared release is installed, and stays until the cluster or its namespace is removed.
SHARED = Scenario(name="shared", summary="installed once, for the cells that need it", rules=(), steps=(InstallStep(),))
#: The Helm major that installs a shared release, if the run has it.
_HELM_MAJOR = 4


class SharedCharts:
    """The charts that others need, one cell run each: it has no rules, and its release stays until the end of the run.

    Its flavor is the one that the catalog names, its runtime the nodes' default.
    """

    def __init__(self, options: LiveOptions, targets: Sequence[ChartTarget]) -> None:
        """Find nothing yet. `targets` are the charts under test: one that is needed too is not read again."""
        self._options = options
        self._targets = {target.path.resolve(): target for target in targets}
        self._catalogs: dict[Path, Mapping[str, ChartTarget]] = {}
        self._cell_runs: dict[Path, CellRun] = {}

    def needed_by(self, target: ChartTarget) -> tuple[CellRun, ...]:
        """Return the shared charts that a chart names, in its order.

        The catalog has each of them, and no cycle: finding the charts under test has checked that. Raises `UsageError`
        for one that cannot be installed.
        """
        if target.entry is None or target.entry.content is None:
            return ()
        known = self._listed_in(Path(target.entry.content.file)) if target.entry.needs else {}
        return tuple(self._cell_run(known[name], target.name) for name in target.entry.needs)

    def _cell_run(self, target: ChartTarget, user: str) -> CellRun:
        needs = self.needed_by(target)
        place = target.path.resolve()
        if place not in self._cell_runs:
            target = needed_target(target)
            _check_reachable(target, user)
            axes = self._axes(target)
            self._cell_runs[place] = CellRun(
                target=target, cell=cell_of(target, axes), scenario=SHARED, axes=axes, rules=(), needs=needs
            )
        return self._cell_runs[place]

    def _axes(self, target: ChartTarget) -> AxisValues:
        options = self._options
        majors = options.helm_majors
        flavor = target.entry.flavor if target.entry else "shipped"
        return AxisValues(
            flavor=definitions.chosen(definitions.flavors(options.data), flavor, "flavor"),
            packaging_format=definitions.formats(options.data)[DEFAULT_FORMAT],
            runtime=None,
            helm_major=_HELM_MAJOR if _HELM_MAJOR in majors else majors[0],
        )

    def _listed_in(self, file: Path) -> Mapping[str, ChartTarget]:
        """Return the charts of a catalog by name. The values that the user gives are for charts under test."""
        if file not in self._catalogs:
            paths = [entry.path for entry in catalog.read(file) if entry.path.exists()]
            found = [self._read_once(each) for each in find_targets(paths, catalog_file=file, data=self._options.data)]
            self._catalogs[file] = {_name(each): each for each in found}
        return self._catalogs[file]

    def _read_once(self, target: ChartTarget) -> ChartTarget:
        same = self._targets.get(target.path.resolve())
        if same is None:
            return target
        return replace(target, path=same.path, root=same.root, folder=same.folder, reader=same.reader)


def _name(target: ChartTarget) -> str:
    """Return the name in Chart.yaml: the target of an archive has that of the file."""
    if not target.path.is_file():
        return target.name
    try:
        return target.files.name
    except SuiteError:
        return target.name


def in_order(cell_runs: Sequence[CellRun]) -> tuple[CellRun, ...]:
    """Return every shared chart that these cell runs need, each once and after those that it needs itself."""
    found: dict[str, CellRun] = {}
    for cell_run in cell_runs:
        for each in (*in_order(cell_run.needs), *cell_run.needs):
            found.setdefault(each.id, each)
    return tuple(found.values())


def reachable(cell_run: CellRun, namespace: str, unique: str, username: str, password: str) -> dict[str, str | int]:
    """Return the coordinates of a shared release in a namespace, by the `identity` of its convention.

    `unique` is the word of the cell that gets them; Keystone's administrator logs in with `username` and `password`.
    """
    where = cell_run.convention.identity
    return {
        "host": f"{where['service']}.{namespace}.svc",
        "port": where["port"],
        "namespace": namespace,
        "username": username,
        "password": password,
        "unique": unique,
    }


def unreachable(cell_run: CellRun) -> dict[str, Mapping[str, str | int]]:
    """Return coordinates of the shared releases that a cell run needs, in no namespace: enough to render the chart."""
    nowhere = (NO_PASSWORD,) * 4
    return {each.target.name: reachable(each, *nowhere) for each in cell_run.needs}


def _check_reachable(target: ChartTarget, user: str) -> None:
    """Raise `UsageError` if the suite does not know how another chart reaches this one."""
    convention = convention_of(target)
    missing = [name for name in ("service", "port", "username", "password") if name not in convention.identity]
    if missing:
        raise UsageError(
            f"{user} needs {target.name}, and the convention {convention.name} does not say how to reach that: "
            f"`identity` has no {missing[0]}",
            expected="Keystone's service and port, and the paths of its administrator's username and password",
        )
