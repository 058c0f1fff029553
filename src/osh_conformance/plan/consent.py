"""Finds what the charts of a live run ask for, before anything is installed: privileged access, and images."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.charts import conventions
from osh_conformance.charts.files import read_archive
from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.manifests.pods import CONTAINER_LISTS, dicts, pod_spec
from osh_conformance.manifests.privileges import Reason, as_lines, requested_access
from osh_conformance.plan import flavor_images
from osh_conformance.plan.planned_values import components, planned_values, scenario_values
from osh_conformance.progress import Progress
from osh_conformance.render.parse import documents_of
from osh_conformance.render.partials import LeanRenderer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.model.chart import Document
    from osh_conformance.model.matrix import Flavor
    from osh_conformance.plan.cells import CellRun
    from osh_conformance.render.engines.base import Renderer

    #: The reasons by chart, flavor and scenario.
    Requested = Mapping[tuple[str, str, str], tuple[Reason, ...]]

OPTION = "--allow-privileged"
_DEFINITIONS = re.compile(r"(charts/[^/]+/)*crds/.+\.(yaml|yml|json)")
_ARCHIVE = re.compile(r"(charts/[^/]+/)*charts/[^/]+\.tgz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What the charts of a run request: privileged access, and their own images by chart, flavor and scenario."""

    access: Requested
    images: Mapping[tuple[str, str, str], frozenset[str]]


def requested(
    cell_runs: Iterable[CellRun], renderer: Callable[[], Renderer], progress: Progress | None = None
) -> Requests:
    """Return what each chart requests with each of its flavors; touches no cluster.

    A chart that does not render requests nothing here: its cells report the error, and install nothing.
    """
    distinct = {key_of(each): each for each in cell_runs}
    reasons: dict[tuple[str, str, str], tuple[Reason, ...]] = {}
    images: dict[tuple[str, str, str], frozenset[str]] = {}
    with tempfile.TemporaryDirectory(prefix="osh-conformance-consent-") as scratch:
        renderings = _Renderings(renderer, Path(scratch))
        named = {" ".join(key): cell_run for key, cell_run in distinct.items()}
        for cell_run in (progress or Progress(quiet=True)).each("look for privileges and images", named):
            if not cell_run.scenario.probes:
                reasons[key_of(cell_run)] = renderings.reasons(cell_run)
                if cell_run.axes.flavor.shipped:
                    images[key_of(cell_run)] = renderings.images(cell_run)
    return Requests(access=reasons, images=images)


def key_of(cell_run: CellRun) -> tuple[str, str, str]:
    """Return by what the requests of a cell run are found: its chart, flavor and scenario."""
    return cell_run.target.name, cell_run.axes.flavor.name, cell_run.scenario.name


def check(cell_runs: Iterable[CellRun], privileged: Requested) -> None:
    """Raise `UsageError` that names every chart that requests privileged access, with all of its reasons."""
    lines = by_chart(cell_runs, privileged)
    if not lines:
        return
    charts = f"{len(lines)} charts request" if len(lines) > 1 else "1 chart requests"
    details = [text for chart, reasons in lines.items() for text in (chart, *(f"  {line}" for line in reasons))]
    raise UsageError(
        f"{charts} more than a namespace of its own; nothing was installed",
        expected="pods that the Pod Security level `baseline` admits, and objects of the release's own namespace",
        fix=f"{OPTION}, on a cluster of your own making",
        details="\n".join(details),
    )


def by_chart(cell_runs: Iterable[CellRun], privileged: Requested) -> dict[str, list[str]]:
    """Return by the path of each chart the privileged access that it requests with any flavor, one line an object."""
    reasons: dict[str, dict[Reason, None]] = {}
    for cell_run in cell_runs:
        for reason in privileged.get(key_of(cell_run), ()):
            reasons.setdefault(cell_run.cell.path, {})[reason] = None
    return {path: as_lines(found) for path, found in reasons.items()}


class _Renderings:
    """Renders the charts of a run, each once for all flavors and scenarios that set the same values."""

    def __init__(self, renderer: Callable[[], Renderer], scratch: Path) -> None:
        self._renderer = renderer
        self._scratch = scratch
        self._lean: dict[Path, LeanRenderer] = {}
        #: A name that no chart contains.
        self._namespace = f"cell-{secrets.token_hex(3)}"
        self._documents: dict[tuple[str, ...], tuple[Document, ...] | None] = {}

    def reasons(self, cell_run: CellRun) -> tuple[Reason, ...]:
        target = cell_run.target
        charts = [target.path]
        previous = target.entry.previous if target.entry else None
        if previous and cell_run.scenario.has_previous:
            charts.append(previous)
        documents: list[Document] = []
        for chart in charts:
            documents += self._once((str(chart),), partial(_definitions, target, chart)) or ()
            # An upgrade may switch the drop Job.
            for drop in (False, True):
                documents += self._rendered(chart, cell_run, drop=drop)
        return requested_access(documents, self._namespace)

    def images(self, cell_run: CellRun) -> frozenset[str]:
        """Return the references of the pods that a chart renders with its own values."""
        documents = self._rendered(cell_run.target.path, cell_run, drop=cell_run.scenario.db_drop)
        specs = [spec for document in documents if (spec := pod_spec(document))]
        containers = [each for spec in specs for name in CONTAINER_LISTS for each in dicts(spec.get(name))]
        return frozenset(str(each["image"]) for each in containers if each.get("image"))

    def _rendered(self, chart: Path, cell_run: CellRun, *, drop: bool) -> tuple[Document, ...]:
        target, flavor = cell_run.target, cell_run.axes.flavor
        values = planned_values(cell_run, drop=drop)
        # A chart that others need has not the values that the user gives to it as a chart under test.
        reduced = cell_run.reduction.values if cell_run.reduction else {}
        given = [flavor.values, reduced, target.values, scenario_values(cell_run), drop, [*components(cell_run)]]
        key = (str(chart), json.dumps(given, sort_keys=True, default=str))
        documents = self._once(key, lambda: self._render(chart, target, values))
        if documents is not None:
            return documents
        # The chart may ship no references: it renders with those of the flavor.
        with_images = self._once(
            (*key, flavor.name), lambda: self._render(chart, target, self._with_images(cell_run, flavor, values))
        )
        return with_images or ()

    def _render(self, chart: Path, target: ChartTarget, values: Mapping[str, Any]) -> tuple[Document, ...]:
        if chart not in self._lean:
            files = target.reader.read(chart, _root_of(target, chart)).files
            place = Path(tempfile.mkdtemp(dir=self._scratch))
            self._lean[chart] = LeanRenderer(self._renderer(), files, place)
        return documents_of(self._lean[chart].render(chart, values, target.name, self._namespace))

    def _with_images(self, cell_run: CellRun, flavor: Flavor, values: Mapping[str, Any]) -> dict[str, Any]:
        references = flavor_images.references(cell_run.target, flavor, values, self._renderer, cell_run.job_keys)
        effective = merged(cell_run.target.files.values.content, values)
        return merged(values, conventions.image_values(cell_run.convention, references, values=effective))

    def _once(self, key: tuple[str, ...], make: Callable[[], tuple[Document, ...]]) -> tuple[Document, ...] | None:
        """Return the documents of `make`, called once for each key; None where it fails."""
        if key not in self._documents:
            self._documents[key] = None
            with contextlib.suppress(SuiteError):
                self._documents[key] = make()
        return self._documents[key]


def _definitions(target: ChartTarget, chart: Path) -> tuple[Document, ...]:
    """Return the objects of `crds/`, which no template renders; also those of a dependency that a condition disables.

    One object too many costs the user an option, one too few costs the cluster.
    """
    files = _definition_files(target.reader.read(chart, _root_of(target, chart)).files)
    return documents_of({f"chart/{path}": data.decode(errors="replace") for path, data in files})


def _root_of(target: ChartTarget, chart: Path) -> Path | None:
    """Return the PATH argument of a chart; a previous version was found by the catalog."""
    return target.root if chart == target.path else None


def _definition_files(files: Mapping[str, bytes], prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for path, data in files.items():
        if _DEFINITIONS.fullmatch(path):
            yield prefix + path, data
        elif _ARCHIVE.fullmatch(path):
            with tempfile.TemporaryDirectory() as scratch:
                archive = Path(scratch) / "chart.tgz"
                archive.write_bytes(data)
                yield from _definition_files(read_archive(archive), f"{prefix}{path.removesuffix('.tgz')}/")
