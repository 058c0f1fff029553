"""The subcharts of a chart: each is rendered within its parent, and judged as a chart of its own."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.files import CHART_FILE, read_archive
from osh_conformance.charts.values import at, merged
from osh_conformance.loading.files import decode_text
from osh_conformance.loading.yaml import read_chart_values, read_first_document
from osh_conformance.model.chart import GivenValues
from osh_conformance.render.engines.base import NAMESPACE, RELEASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from osh_conformance.model.chart import Values
    from osh_conformance.render.engines.base import Renderer
    from osh_conformance.render.job import Job

_ARCHIVE = re.compile(r"(?P<folder>(?:charts/[^/]+/)*charts/)(?P<name>[^/]+)\.tgz")
_GLOBAL = "global"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subchart:
    """A chart in `charts/`.

    - job: it as a chart of its own: its files, the values that its parents give it, and its folder below PATH.
    - whole: the files of the chart that brings it, archives unpacked.
    - inside: its folder in them.
    - renders: the start of the names of its rendered templates, behind the name of the whole chart.
    - keys: the keys below which the whole chart's values have its values.
    - values: the values of the run over those of the whole chart.
    - switches: what switches it on, over all other values.
    """

    job: Job
    whole: Mapping[str, bytes]
    inside: str
    renders: str
    keys: tuple[str, ...]
    values: Mapping[str, Any]
    switches: Mapping[str, Any]

    def files_with(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the files of the whole chart, with `files` as those of the subchart."""
        others = {path: data for path, data in self.whole.items() if not path.startswith(self.inside)}
        return {**others, **{self.inside + path: data for path, data in files.items()}}


class SubchartRenderer:
    """Renders the chart that brings a subchart, and keeps what the subchart renders."""

    def __init__(self, renderer: Renderer, subchart: Subchart) -> None:
        self.name = renderer.name
        self._renderer = renderer
        self._subchart = subchart
        self._changed: Callable[[Callable[[str], str]], Renderer] | None = getattr(renderer, "changed", None)

    def render(
        self,
        folder: Path,
        values: Mapping[str, Any],
        release: str = RELEASE,
        namespace: str = NAMESPACE,
        *,
        upgrade: bool = False,
    ) -> dict[str, str]:
        """Render with `values` over those of the subchart; see `Renderer`."""
        subchart = self._subchart
        own = {key: value for key, value in values.items() if key != _GLOBAL}
        given = merged(subchart.values, _nested(own, subchart.keys))
        if isinstance(values.get(_GLOBAL), dict):
            given = merged(given, {_GLOBAL: values[_GLOBAL]})
        given = merged(given, subchart.switches)
        rendered = self._renderer.render(folder, given, release, namespace, upgrade=upgrade)
        found = {}
        for path, text in rendered.items():
            inside = path.partition("/")[2]
            if inside.startswith(subchart.renders):
                found[f"{subchart.job.name}/{inside.removeprefix(subchart.renders)}"] = text
        return found

    def changed(self, change: Callable[[str], str]) -> SubchartRenderer:
        """Return a renderer of the chart with its templates changed."""
        return SubchartRenderer(self._changed(change), self._subchart) if self._changed else self

    def close(self) -> None:
        """Release the chart in the renderer."""
        close = getattr(self._renderer, "close", None)
        if close:
            close()


def subcharts(job: Job) -> tuple[Subchart, ...]:
    """Return the charts in `charts/` that render something, those in them too; without those in `job.skip`.

    Raises `SuiteError` for an archive that is none.
    """
    if not any(path.startswith("charts/") for path in job.files):
        return ()
    archives: dict[str, str] = {}
    whole = _unpacked(job.files, job.folder, archives)
    top = Subchart(job=job, whole=whole, inside="", renders="", keys=(), values=job.values, switches={})
    return tuple(_below(replace(top, job=replace(job, files=whole)), archives))


def _unpacked(files: Mapping[str, bytes], where: str, archives: dict[str, str]) -> dict[str, bytes]:
    """Return the files with each archive in `charts/` as a folder; `archives` gets the archive of each folder."""
    found = {}
    for path, data in files.items():
        archive = _ARCHIVE.fullmatch(path)
        if archive is None:
            found[path] = data
            continue
        folder = archive["folder"] + archive["name"]
        archives[folder] = path
        inner = read_archive(posixpath.normpath(where + path), data)
        found |= _unpacked({f"{folder}/{name}": content for name, content in inner.items()}, where, archives)
    return found


def _below(parent: Subchart, archives: Mapping[str, str]) -> Iterator[Subchart]:
    """Yield the subcharts of a chart, each followed by its own."""
    folders = _folders(parent.job.files)
    if not folders:
        return
    entries = dependencies(parent.job.files)
    shipped = values_of(parent.job.files)
    effective = merged(shipped.content, parent.job.values)
    for folder in folders:
        inside = f"{parent.inside}charts/{folder}"
        if inside in parent.job.skip:
            continue
        files = _files_in(folder, parent.job.files)
        metadata = read_first_document(decode_text(files[CHART_FILE], CHART_FILE), f"{inside}/{CHART_FILE}")
        name = str(metadata.get("name") or folder)
        if metadata.get("type") == "library":
            continue
        place = parent.job.elsewhere.get(inside) or archives.get(inside, inside)
        top = parent.job.top if parent.inside else parent.job.folder
        job = replace(
            parent.job,
            name=name,
            version=str(metadata.get("version") or ""),
            files=files,
            folder=f"{posixpath.normpath(top + place)}/",
            top=top,
            rendered=None,
            overrides=(),
            convention=None,
            ci=(),
            notices=(),
        )
        for alias, entry in _each_use(name, entries, effective):
            given = _given(parent.job, shipped, alias)
            found = Subchart(
                job=replace(job, values=_values_for(alias, effective), given=given),
                whole=parent.whole,
                inside=f"{inside}/",
                renders=f"{parent.renders}charts/{alias}/",
                keys=(*parent.keys, alias),
                values=parent.values,
                switches=merged(parent.switches, _switched_on(entry, parent.keys)),
            )
            if any(_renders(path) for path in files):
                yield found
            yield from _below(found, archives)


def _each_use(
    name: str, entries: list[Mapping[str, Any]], effective: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the alias and the entry of each dependency on a chart; of those with the same values the first one."""
    known = []
    for entry in [each for each in entries if each.get("name") == name] or [{}]:
        alias = str(entry.get("alias") or name)
        values = _values_for(alias, effective)
        if values not in known:
            known.append(values)
            yield alias, entry


def _values_for(alias: str, effective: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the values of a chart give to the subchart of that alias."""
    own = at(effective, alias)
    values = dict(own) if isinstance(own, dict) else {}
    if isinstance(effective.get(_GLOBAL), dict):
        values = merged(values, {_GLOBAL: effective[_GLOBAL]})
    return values


def _given(parent: Job, shipped: Values, alias: str) -> tuple[GivenValues, ...]:
    """Return the files that set values of the subchart: those over the parent's, and the parent's own."""
    own = GivenValues(path=f"{parent.folder}values.yaml", lines=shipped.lines)
    found = []
    for file in (own, *parent.given):
        lines = {
            path.removeprefix(f"{alias}."): line
            for path, line in file.lines.items()
            if path.startswith((f"{alias}.", f"{_GLOBAL}."))
        }
        if lines:
            found.append(GivenValues(path=file.path, lines=lines))
    return tuple(found)


def _renders(path: str) -> bool:
    name = path.rpartition("/")[2]
    return path.startswith("templates/") and not name.startswith("_") and not name.endswith("NOTES.txt")


def files_of_subcharts(files: Mapping[str, bytes]) -> dict[str, tuple[str, dict[str, bytes]]]:
    """Return the name and the files of each subchart, by its folder or archive; raises `SuiteError` as `subcharts`."""
    archives: dict[str, str] = {}
    whole = _unpacked(files, "", archives)
    found = {}
    for folder in _folders(whole):
        own = _files_in(folder, whole)
        metadata = read_first_document(decode_text(own[CHART_FILE], CHART_FILE), f"charts/{folder}/{CHART_FILE}")
        place = f"charts/{folder}"
        found[archives.get(place, place)] = (str(metadata.get("name") or folder), own)
    return found


def _files_in(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    start = f"charts/{folder}/"
    return {path.removeprefix(start): data for path, data in files.items() if path.startswith(start)}


def _folders(files: Mapping[str, bytes]) -> list[str]:
    found = {
        parts[1]
        for path in files
        if len(parts := path.split("/")) == 3 and parts[0] == "charts" and parts[2] == CHART_FILE  # noqa: PLR2004
    }
    return sorted(folder for folder in found if folder[0] not in "._")


def dependencies(files: Mapping[str, bytes]) -> list[Mapping[str, Any]]:
    """Return the dependencies that a chart names."""
    for name in (CHART_FILE, "requirements.yaml"):
        if name in files:
            entries = read_first_document(decode_text(files[name], name), name).get("dependencies")
            if isinstance(entries, list) and entries:
                return [entry for entry in entries if isinstance(entry, dict)]
    return []


def values_of(files: Mapping[str, bytes]) -> Values:
    """Return what the values.yaml of a chart says; raises `SuiteError` if it cannot be read."""
    return read_chart_values(decode_text(files.get("values.yaml", b""), "values.yaml"), "values.yaml")


def _switched_on(entry: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of the whole chart that switch a dependency on: its conditions and its tags."""
    found: dict[str, Any] = {}
    for path in str(entry.get("condition") or "").split(","):
        if path.strip():
            found = merged(found, _nested({}, (*keys, *path.strip().split(".")), last=True))
    tags = entry.get("tags")
    for tag in tags if isinstance(tags, list) else ():
        found = merged(found, {"tags": {str(tag): True}})
    return found


def _nested(values: Mapping[str, Any], keys: tuple[str, ...], *, last: Any = None) -> dict[str, Any]:
    found: Any = last if last is not None else dict(values)
    for key in reversed(keys):
        found = {key: found}
    return dict(found)
