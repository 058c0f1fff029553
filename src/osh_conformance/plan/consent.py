"""Which charts of a live run ask for more than a namespace of their own: found out before anything is installed."""

from __future__ import annotations

import json
import re
import secrets
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.charts import conventions
from osh_conformance.charts.files import read_archive
from osh_conformance.charts.source import Reader, opened
from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.manifests.privileges import Reason, asked_for, told
from osh_conformance.plan import cell_values, cells
from osh_conformance.render.parse import documents_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from osh_conformance.model.chart import Document
    from osh_conformance.model.matrix import Flavor
    from osh_conformance.plan.cells import Subject
    from osh_conformance.plan.plan import CellRun
    from osh_conformance.render.engines.base import Renderer

    #: By chart and flavor.
    Asked = Mapping[tuple[str, str], tuple[Reason, ...]]

OPTION = "--allow-privileged"
#: No cell has this password, but a chart may insist on one.
_COORDINATES = {**cells.DATABASE, "password": "of-no-server"}
_AUTHORITY = "of-no-server"
_DEFINITIONS = re.compile(r"(charts/[^/]+/)*crds/.+\.(yaml|yml|json)")
_ARCHIVE = re.compile(r"(charts/[^/]+/)*charts/[^/]+\.tgz")


def asked(pairs: Iterable[CellRun], renderer: Callable[[], Renderer]) -> Asked:
    """Return what each chart of these pairs asks for with each of its flavors; touches no cluster.

    A chart that cannot be rendered asks for nothing here: its cells will say why, and install nothing.
    """
    asking = _Asking(renderer)
    alike = {(each.subject.name, each.chosen.flavor.name, each.scenario.name): each for each in pairs}
    found: dict[tuple[str, str], dict[Reason, None]] = {}
    for (chart, flavor, _), pair in alike.items():
        if not pair.scenario.probes:
            found.setdefault((chart, flavor), {}).update(dict.fromkeys(asking.of(pair)))
    return {which: tuple(reasons) for which, reasons in found.items()}


def check(pairs: Iterable[CellRun], found: Asked) -> None:
    """Raise `UsageError` that names every chart that asks for anything, with all of its reasons."""
    lines = by_chart(pairs, found)
    if not lines:
        return
    charts = f"{len(lines)} charts ask" if len(lines) > 1 else "1 chart asks"
    details = [text for chart, said in lines.items() for text in (chart, *(f"  {line}" for line in said))]
    raise UsageError(
        f"{charts} for more than a namespace of its own; nothing was installed",
        expected="pods that the Pod Security level `baseline` admits, and objects of the release's own namespace",
        fix=f"{OPTION}, on a cluster of your own making",
        details="\n".join(details),
    )


def by_chart(pairs: Iterable[CellRun], found: Asked) -> dict[str, list[str]]:
    """Return by the path of each chart that asks for anything what that is, with whichever flavor, a line an object."""
    reasons: dict[str, dict[Reason, None]] = {}
    for pair in pairs:
        for reason in found.get((pair.subject.name, pair.chosen.flavor.name), ()):
            reasons.setdefault(pair.subject.path, {})[reason] = None
    return {path: told(each) for path, each in reasons.items()}


class _Asking:
    """Renders the charts of a run, each once for all flavors and scenarios that set the same values."""

    def __init__(self, renderer: Callable[[], Renderer]) -> None:
        self._renderer = renderer
        #: A name that no chart can have written down.
        self._namespace = f"cell-{secrets.token_hex(3)}"
        self._known: dict[tuple[str, ...], tuple[Document, ...] | None] = {}

    def of(self, pair: CellRun) -> tuple[Reason, ...]:
        charts = [pair.subject.chart]
        if pair.subject.previous and pair.scenario.has_previous:
            charts.append(pair.subject.previous)
        documents: list[Document] = []
        for chart in charts:
            documents += self._once((str(chart),), partial(_definitions, chart)) or ()
            # An upgrade may switch the drop Job.
            for drop in (False, True):
                documents += self._rendered(chart, pair, drop=drop)
        return asked_for(documents, self._namespace)

    def _rendered(self, chart: Path, pair: CellRun, *, drop: bool) -> tuple[Document, ...]:
        subject, flavor = pair.subject, pair.chosen.flavor
        scenario = cell_values.scenario_values(subject.convention, subject.name, pair.scenario, _AUTHORITY)
        values = merged(cells.values_but_images(subject, flavor, _COORDINATES, drop=drop), scenario)
        key = (str(chart), json.dumps([flavor.values, scenario, drop], sort_keys=True, default=str))
        known = self._once(key, lambda: self._render(chart, subject, values))
        if known is not None:
            return known
        # A chart may have no images of its own.
        return (
            self._once((*key, flavor.name), lambda: self._render(chart, subject, _with_images(subject, flavor, values)))
            or ()
        )

    def _render(self, chart: Path, subject: Subject, values: Mapping[str, Any]) -> tuple[Document, ...]:
        with opened(chart) as source:
            return documents_of(self._renderer().render(source.folder, values, subject.name, self._namespace))

    def _once(self, key: tuple[str, ...], made: Callable[[], tuple[Document, ...]]) -> tuple[Document, ...] | None:
        """What is known by this key, or is made now; None where it cannot be made."""
        if key not in self._known:
            try:
                self._known[key] = made()
            except SuiteError:
                self._known[key] = None
        return self._known[key]


def _with_images(subject: Subject, flavor: Flavor, values: Mapping[str, Any]) -> dict[str, Any]:
    named = flavor.references(subject.name, cells.functions_of(subject, values))
    return merged(values, conventions.image_values(subject.convention, named))


def _definitions(chart: Path) -> tuple[Document, ...]:
    """The objects of `crds/`, which no template renders; of a dependency also where its condition switches it off.

    One name too many costs the user an option, one too few the cluster.
    """
    files = _files(Reader().read(chart).files)
    return documents_of({f"chart/{path}": data.decode(errors="replace") for path, data in files})


def _files(files: Mapping[str, bytes], prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for path, data in files.items():
        if _DEFINITIONS.fullmatch(path):
            yield prefix + path, data
        elif _ARCHIVE.fullmatch(path):
            with tempfile.TemporaryDirectory() as scratch:
                archive = Path(scratch) / "chart.tgz"
                archive.write_bytes(data)
                yield from _files(read_archive(archive), f"{prefix}{path.removesuffix('.tgz')}/")
