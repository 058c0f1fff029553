"""Which charts of a live run ask for more than a namespace of their own: found out before anything is installed."""

from __future__ import annotations

import json
import re
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.render.files import read_archive
from osh_conformance.render.manifests import documents_of
from osh_conformance.render.source import Reader, opened
from osh_conformance.render.values import merged
from osh_conformance.suite import cells, conventions, records
from osh_conformance.suite.privileges import Reason, asked_for, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from osh_conformance.model.chart import Document
    from osh_conformance.model.matrix import Flavor
    from osh_conformance.render.engine import Renderer
    from osh_conformance.suite.cells import Subject
    from osh_conformance.suite.live import Pair

    #: By chart and flavor.
    Asked = Mapping[tuple[str, str], tuple[Reason, ...]]

OPTION = "--allow-privileged"
#: No cell has this password, but a chart may insist on one.
_COORDINATES = {**cells.DATABASE, "password": "of-no-server"}
_DEFINITIONS = re.compile(r"(charts/[^/]+/)*crds/.+\.(yaml|yml|json)")
_ARCHIVE = re.compile(r"(charts/[^/]+/)*charts/[^/]+\.tgz")


def asked(pairs: Iterable[Pair], renderer: Callable[[], Renderer]) -> Asked:
    """Return what each chart of these pairs asks for with each of its flavors; touches no cluster.

    A chart that cannot be rendered asks for nothing here: its cells will say why, and install nothing.
    """
    asking = _Asking(renderer)
    found: dict[tuple[str, str], tuple[Reason, ...]] = {}
    for pair in pairs:
        which = (pair.subject.name, pair.chosen.flavor.name)
        if which not in found and not pair.scenario.probes:
            found[which] = asking.of(pair.subject, pair.chosen.flavor)
    return found


def check(pairs: Iterable[Pair], found: Asked) -> None:
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


def by_chart(pairs: Iterable[Pair], found: Asked) -> dict[str, list[str]]:
    """Return by the path of each chart that asks for anything what that is, with whichever flavor, a line an object."""
    reasons: dict[str, dict[Reason, None]] = {}
    for pair in pairs:
        for reason in found.get((pair.subject.name, pair.chosen.flavor.name), ()):
            reasons.setdefault(pair.subject.path, {})[reason] = None
    return {path: told(each) for path, each in reasons.items()}


class _Asking:
    """Renders the charts of a run, each once for all flavors that set nothing but images."""

    def __init__(self, renderer: Callable[[], Renderer]) -> None:
        self._renderer = renderer
        #: A name that no chart can have written down.
        self._namespace = f"cell-{secrets.token_hex(3)}"
        self._known: dict[tuple[str, str, bool], tuple[Document, ...] | None] = {}

    def of(self, subject: Subject, flavor: Flavor) -> tuple[Reason, ...]:
        documents = list(_or_none(lambda: _definitions(subject.chart)) or ())
        # An upgrade may switch the drop Job.
        for drop in (False, True):
            documents += self._documents(subject, flavor, drop=drop)
        return asked_for(documents, self._namespace)

    def _documents(self, subject: Subject, flavor: Flavor, *, drop: bool) -> tuple[Document, ...]:
        values = cells.values_but_images(subject, flavor, _COORDINATES, drop=drop)
        key = (subject.name, json.dumps(flavor.values, sort_keys=True, default=str), drop)
        if key not in self._known:
            self._known[key] = _or_none(lambda: self._render(subject, values))
        known = self._known[key]
        if known is not None:
            return known
        # A chart may have no images of its own.
        return _or_none(lambda: self._render(subject, _with_images(subject, flavor, values))) or ()

    def _render(self, subject: Subject, values: Mapping[str, Any]) -> tuple[Document, ...]:
        with opened(subject.chart) as source:
            return documents_of(self._renderer().render(source.folder, values, subject.name, self._namespace))


def _or_none(made: Callable[[], tuple[Document, ...]]) -> tuple[Document, ...] | None:
    try:
        return made()
    except SuiteError:
        return None


def _with_images(subject: Subject, flavor: Flavor, values: Mapping[str, Any]) -> dict[str, Any]:
    named = records.references(flavor, subject.name, cells.functions_of(subject, values))
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
