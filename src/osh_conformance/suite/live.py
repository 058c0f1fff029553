"""The live suite: which charts, flavors, Helm majors and scenarios, and the observation of each pair."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import UsageError
from osh_conformance.model.flavor import Flavor
from osh_conformance.render.engine import choose
from osh_conformance.render.source import find_charts
from osh_conformance.render.values import merged
from osh_conformance.suite import catalog, cells, conventions, records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from osh_conformance.model.observation import Cell, Scenario

HELM_MAJORS = (3, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRequest:
    """What a live run is asked for.

    `flavors` empty means the catalogue's choice for each chart, `scenarios` empty all that come with the suite.
    With `kubeconfig` the run is on that cluster, and none is made.
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
        """Read everything that is named. Raises `UsageError` for a name that is none, `SuiteError` for a bad chart."""
        self.request = request
        for major in request.majors:
            if major not in HELM_MAJORS:
                raise UsageError(f"no Helm major {major}", expected=" or ".join(map(str, HELM_MAJORS)))
        known = records.scenarios()
        names = request.scenarios or tuple(known)
        self.scenarios = tuple(records.chosen(known, name, "scenario") for name in names)
        self.pairs = tuple(pair for path in request.paths for pair in self._pairs_of(path))
        self._renderer = choose(request.renderer, request.helm)

    def release(self, pair: Pair) -> cells.Release:
        """The values of a pair's release, and what the chart promises with them. Raises `SuiteError`."""
        return cells.release(pair.subject, pair.cell, pair.scenario, pair.flavor, self._renderer)

    def _pairs_of(self, path: Path) -> list[Pair]:
        if not path.exists():
            raise UsageError(f"{path} does not exist", expected="a chart directory, a .tgz, or a tree of charts")
        charts = find_charts(path)
        if not charts:
            raise UsageError(f"{path}: no chart in it", expected="a folder with a Chart.yaml, at any depth")
        return [pair for chart in charts if not cells.is_library(chart) for pair in self._pairs(chart)]

    def _pairs(self, chart: Path) -> list[Pair]:
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
