"""The live suite: which charts, flavors, Helm majors and scenarios, and the observation of each pair."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.cluster.existing import check_named
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.model.flavor import Flavor
from osh_conformance.render.engine import choose
from osh_conformance.render.source import find_charts
from osh_conformance.render.values import merged
from osh_conformance.suite import catalog, cells, conventions, records
from osh_conformance.suite.static import check_paths, missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from osh_conformance.model.observation import Cell, Scenario

HELM_MAJORS = (3, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRequest:
    """What a live run is asked for.

    `flavors` empty means the catalogue's choice for each chart, `scenarios` empty all that come with the suite.
    With `kubeconfig` the run is on that cluster, and none is made. `settle` are the seconds that a release has to get
    ready; with `strict` a warning fails. `options` are the words of the command line that a run of one pair needs too.
    """

    paths: tuple[Path, ...]
    flavors: tuple[str, ...] = ()
    flavor_file: Path | None = None
    majors: tuple[int, ...] = (4,)
    scenarios: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    convention: str | None = None
    catalog: Path | None = None
    renderer: str | None = None
    helm: Path | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    allow_cluster: str | None = None
    node_image: str | None = None
    recipes: Path | None = None
    keep: bool = False
    settle: float = 300.0
    strict: bool = False
    options: tuple[str, ...] = ()
    parallel: int = 2
    artifacts: Path = Path("artifacts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A scenario on a cell, and what is needed to run it."""

    subject: cells.Subject
    cell: Cell
    scenario: Scenario
    flavor: Flavor

    @property
    def id(self) -> str:
        """As test ids, namespaces and artifact folders name it."""
        return f"{self.cell.id}-{self.scenario.name}"


class LiveSuite:
    """Works out pairs and releases; touches no cluster."""

    def __init__(self, request: LiveRequest) -> None:
        """Read everything that is named, and raise `UsageError` for what is not what it should be.

        A chart that is found in a tree, and cannot be read, is left out, and so is a path that does not exist beside
        one that does: `errors` says why, by the path.
        """
        self.errors: dict[str, SuiteError] = {}
        self.request = request
        check_paths(request.paths)
        for major in request.majors:
            if major not in HELM_MAJORS:
                raise UsageError(f"no Helm major {major}", expected=" or ".join(map(str, HELM_MAJORS)))
        if request.kubeconfig:
            check_named(request.kubeconfig, request.context, request.allow_cluster)
        known = records.scenarios()
        names = request.scenarios or tuple(known)
        self.scenarios = tuple(records.chosen(known, name, "scenario") for name in names)
        self.pairs = _each_once(pair for path in request.paths for pair in self._pairs_of(path))
        self._renderer = choose(request.renderer, request.helm)

    def command(self, pair: Pair) -> str:
        """The command that runs this pair again, and nothing else."""
        flavor = () if self.request.flavor_file else ("--flavor", pair.flavor.name)
        which = (*flavor, "--helm", str(pair.cell.helm), "--scenario", pair.scenario.name)
        return shlex.join(("osh-conformance", "live", pair.cell.path, *which, *self.request.options))

    def finished(self, verdict: Verdict) -> Verdict:
        """Return `verdict` as this run sees it: with `strict` a warning fails."""
        if not self.request.strict or not verdict.findings:
            return verdict
        findings = (
            replace(finding, status=Status.FAIL) if finding.status is Status.WARNING else finding
            for finding in verdict.findings
        )
        return Verdict.of(verdict.rule, findings)

    def release(self, pair: Pair) -> cells.Release:
        """The values of a pair's release, and what the chart promises with them. Raises `SuiteError`."""
        return cells.release(pair.subject, pair.cell, pair.scenario, pair.flavor, self._renderer)

    def _pairs_of(self, path: Path) -> list[Pair]:
        if not path.exists():
            self.errors[str(path)] = missing(path)
            return []
        charts = find_charts(path)
        if not charts:
            raise UsageError(f"{path}: no chart in it", expected="a folder with a Chart.yaml, at any depth")
        return [pair for chart in charts for pair in self._tried_pairs(chart, named=chart == path)]

    def _tried_pairs(self, chart: Path, *, named: bool) -> list[Pair]:
        try:
            return self._pairs(chart)
        except UsageError:
            raise
        except SuiteError as error:
            if named:
                raise UsageError(
                    error.message, expected=error.expected, fix=error.fix, details=error.details
                ) from error
            self.errors[str(chart)] = error
            return []

    def _pairs(self, chart: Path) -> list[Pair]:
        if cells.is_library(chart):
            return []
        request = self.request
        entry = catalog.entry_for(chart, request.catalog)
        name = request.convention or entry.convention
        convention = conventions.named(name) if name else None
        subject = cells.subject(chart, str(chart), convention, merged(entry.values, request.values))
        return [
            Pair(subject=subject, cell=cell, scenario=scenario, flavor=flavor)
            for flavor in self._flavors(entry.flavor)
            for major in request.majors
            for cell in [cells.cell(subject, flavor, major)]
            for scenario in self.scenarios
        ]

    def _flavors(self, default: str) -> Sequence[Flavor]:
        request = self.request
        own = [records.read(Flavor, request.flavor_file)] if request.flavor_file else []
        named = request.flavors or (() if own else (default,))
        known = records.flavors()
        return [*own, *(records.chosen(known, name, "flavor") for name in named)]


def _each_once(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    """Leave out what is asked for twice; raises `UsageError` for two charts of one name: no report tells them apart."""
    found: dict[str, Pair] = {}
    for pair in pairs:
        first = found.setdefault(pair.id, pair)
        if first.subject.chart.resolve() != pair.subject.chart.resolve():
            raise UsageError(
                f"{first.subject.path} and {pair.subject.path} are both called {pair.subject.name}",
                expected="charts of different names in one live run",
                fix="run them one by one",
            )
    return tuple(found.values())
