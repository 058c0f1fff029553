"""Renders one chart with what a reduced run gives to it: made-up image references, and a server in no namespace."""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError
from osh_conformance.manifests.pods import Objects, Pod, pods_in
from osh_conformance.model.chart import Rendering
from osh_conformance.model.convention import DATABASE
from osh_conformance.plan import cell_values
from osh_conformance.plan.cells import own_values
from osh_conformance.plan.servers import NO_PASSWORD, SERVERS
from osh_conformance.render.declared import probe_of, with_keys
from osh_conformance.render.parse import containers_in, documents_of, objects_in
from osh_conformance.render.partials import LeanRenderer
from osh_conformance.render.toggles import toggles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.model.convention import Convention
    from osh_conformance.model.matrix import Flavor
    from osh_conformance.render.engines.base import Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One rendering: its objects, and the workloads of the chart itself with the image keys of their containers."""

    objects: Objects
    pods: tuple[Pod, ...]


class ReducedChart:
    """Renders a chart; the values that a reduction sets lie under those that the user gives.

    - convention: the chart's layout.
    - given: the values that the user gives.
    - templates: the texts of the chart's own templates, by their path in it.
    """

    def __init__(self, target: ChartTarget, convention: Convention, flavor: Flavor, renderer: Renderer) -> None:
        """Render nothing yet. Copies of the chart exist until this closes."""
        self.target = target
        self.flavor = flavor
        self.convention = convention
        self.given = target.values
        self.templates = templates_of(target)
        server = SERVERS[DATABASE]
        address = {DATABASE: {**server.coordinates, "password": NO_PASSWORD}}
        # Once: the user id in them is another one each time.
        own = own_values(target)
        self._under = merged(cell_values.live_values(convention, target.name, address, own), flavor.values)
        self._probe = probe_of(convention, self.effective({}))
        self._scratch = tempfile.TemporaryDirectory(prefix="osh-conformance-reduced-")
        self._renderer = LeanRenderer(renderer, target.files.files, Path(self._scratch.name))
        self._namespace = f"cell-{secrets.token_hex(3)}"
        self._parsed: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._single: dict[str, Any] = {}

    @property
    def declared(self) -> frozenset[str]:
        """The toggles that the chart's values and the user's have, by their dotted path."""
        return frozenset(toggles(self.convention, merged(self.target.files.values.content, self.given)))

    def effective(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return all values of the chart with those of a reduction."""
        return merged(self.target.files.values.content, self._under, values, self._over)

    @property
    def _over(self) -> dict[str, Any]:
        return merged(self.given, conventions.drop_values(self.convention, enabled=True))

    def render(self, values: Mapping[str, Any], flipped: Mapping[str, Any] | None = None) -> Shown:
        """Render with the values of a reduction and the drop switch on; `flipped` win over everything.

        Raises `SuiteError` that names every template that does not parse.
        """
        layers = (self._under, values, self._over, self._probe.values, flipped or {})
        texts = self._renderer.render(self.target.path, merged(*layers), self.target.name, self._namespace)
        self._check(texts)
        documents = documents_of(texts, self._read)
        containers = containers_in(documents)
        keyed = with_keys(containers, self._probe.found(containers))
        rendering = Rendering(name="reduced", values={}, documents=documents, containers=keyed)
        return Shown(objects=Objects(rendering), pods=pods_in(rendering, {}))

    def _check(self, texts: Mapping[str, str]) -> None:
        """Raise `SuiteError` for all templates whose text does not parse, so that they are found in one rendering."""
        problems = []
        for template, text in sorted(texts.items()):
            try:
                self._read(text, template.partition("/")[2])
            except SuiteError as error:
                problems.append(error.message)
        if problems:
            raise SuiteError("\n".join(problems))

    def _read(self, text: str, where: str) -> list[dict[str, Any]]:
        key = (where, text)
        if key not in self._parsed:
            self._parsed[key] = objects_in(text, where, self._single)
        return self._parsed[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._renderer.close()
        self._scratch.cleanup()


def templates_of(target: ChartTarget) -> dict[str, str]:
    """Return the texts of a chart's own templates, by their path in the chart."""
    return {
        path: data.decode(errors="replace")
        for path, data in target.files.files.items()
        if path.startswith("templates/")
    }
