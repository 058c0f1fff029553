"""Derives the reduction of a chart: what is left of it when only its Jobs that create and drop the database run.

Nothing follows from a chart's name. The Jobs are those that a rendering has only while their switch is on. All other
toggles are switched off, but for those without which the chart does not render, or these Jobs are not what they were.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.values import at, merged, placed
from osh_conformance.errors import SuiteError
from osh_conformance.manifests.custom_resources import owner_of_databases
from osh_conformance.manifests.guards import first_condition
from osh_conformance.manifests.vocabulary import words
from osh_conformance.model.reduction import Reduction
from osh_conformance.plan.anchors import content, counterpart, differs, needs_postgresql, used, vanished
from osh_conformance.plan.cells import UnfitError, functions_of
from osh_conformance.plan.reduced_chart import ReducedChart, templates_of
from osh_conformance.plan.switching import Switching
from osh_conformance.render.toggles import excluding, matching, toggles
from osh_conformance.rules.shared.drop_objects import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.manifests.pods import Pod
    from osh_conformance.manifests.variables import Source
    from osh_conformance.model.convention import Convention
    from osh_conformance.model.matrix import Flavor
    from osh_conformance.plan.reduced_chart import Shown
    from osh_conformance.render.engines.base import Renderer

#: The events of a hook that only `helm test` runs.
_TESTS = frozenset({"test", "test-success", "test-failure"})


def reduction_of(target: ChartTarget, convention: Convention, flavor: Flavor, renderer: Renderer) -> Reduction:
    """Return the reduction of a chart with a flavor. Renders it a few times, and changes nothing.

    Raises `UnfitError` for a chart that a reduced run cannot take, and `SuiteError` for one that does not render.
    """
    _check_switches(target, convention)
    with ReducedChart(target, convention, flavor, renderer) as chart:
        return _Derivation(chart).reduction()


def migrates(target: ChartTarget, convention: Convention, flavor: Flavor) -> bool:
    """Whether a flavor has an image of the service for the Job that creates the tables."""
    functions = functions_of(replace(target, convention=convention))
    own = flavor.shipped or target.name in flavor.services
    keys = [key for key, function in functions.items() if function == "db_sync"]
    return any(own or key in flavor.images or "db_sync" in flavor.images for key in keys)


def _check_switches(target: ChartTarget, convention: Convention) -> None:
    """Raise `UnfitError` for a chart whose values or files show that no Job of its own makes its database."""
    switch = convention.db_init
    if not switch:
        raise UnfitError(f"the layout {convention.name} names no switch of a Job that creates a database (`db_init`)")
    if at(target.values, switch) is False:
        raise UnfitError(f"the given values switch {switch} off, so nothing creates a database")
    effective = merged(target.files.values.content, convention.values, target.values)
    if partners := excluding(convention, effective, switch):
        raise UnfitError(f"{partners[0]} is on instead of {switch}: an operator makes the database, and no Job does")
    texts = [*templates_of(target).values(), target.files.files.get("values.yaml", b"").decode(errors="replace")]
    names = [path.rpartition(".")[2] for path in (switch, convention.db_drop)]
    groups = [f"{group}." for group in words("databases")["operators"]["groups"]]
    if not any(name in text for text in texts for name in (*names, *groups)):
        raise UnfitError(f"it has no database: it knows neither {switch} nor {convention.db_drop}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One of the Jobs that create and drop, or something that it uses: `find` returns it in a rendering, or None."""

    name: str
    template: str
    find: Callable[[Shown], Any]


class _Derivation:
    """The derivation of one chart's reduction."""

    def __init__(self, chart: ReducedChart) -> None:
        self._chart = chart
        convention = chart.convention
        sync = [convention.db_sync] if convention.db_sync and migrates(chart.target, convention, chart.flavor) else []
        self._creating = (convention.db_init, *sync)
        self._fixed = merged(convention.minimal_values, *(placed(path, value=True) for path in self._creating))
        self._parts: list[_Part] = []
        self._full = chart.render(self._fixed)
        self._last = self._full

    def reduction(self) -> Reduction:
        chart, convention = self._chart, self._chart.convention
        without = {path: self._without(path) for path in (*self._creating, convention.db_drop)}
        created = [vanished(self._full.pods, without[path].pods) for path in self._creating]
        creators = tuple({pod.label: pod for pods in created for pod in pods}.values())
        droppers = vanished(self._full.pods, without[convention.db_drop].pods)
        self._check(creators, droppers)
        anchors = tuple({pod.label: pod for pod in (*creators, *droppers)}.values())
        self._parts = [part for pod in anchors for part in self._parts_of(pod)]
        switches = toggles(convention, chart.effective(self._fixed))
        others = [path for path in switches if path not in (*self._creating, convention.db_drop)]
        search = self._switched_off([path for path in others if switches[path]], anchors)
        values = merged(self._fixed, *(placed(path, value=False) for path in search.off))
        if self._left(anchors):
            values = self._without_waiting(values, anchors)
        left = self._left(anchors)
        keys = self._keys(anchors)
        return Reduction(
            values=values,
            anchors=tuple(pod.label for pod in anchors),
            creators=tuple(pod.label for pod in creators),
            kept=search.kept,
            left=tuple(pod.label for pod in left),
            places=tuple(container.position for pod in creators for container, _ in pod.containers),
            keys=keys,
            stubs=tuple(key for key in self._keys(left) if key not in keys),
            toggles=len(chart.declared.intersection(others)),
        )

    # -- the Jobs -----------------------------------------------------------------------------------------------------

    def _without(self, path: str) -> Shown:
        try:
            return self._chart.render(self._fixed, placed(path, value=False))
        except SuiteError as error:
            raise UnfitError(f"it does not render with {path} off: {_line(error.message)}") from error

    def _check(self, creators: Sequence[Pod], droppers: Sequence[Pod]) -> None:
        """Raise `UnfitError` for a chart that does not make its database by a Job, or never drops it."""
        convention, target = self._chart.convention, self._chart.target
        if not creators:
            operator = owner_of_databases(self._full.objects.documents)
            if operator:
                raise UnfitError(f"an operator makes its database, from {operator}, and no Job does")
            if not droppers:
                raise UnfitError(f"it has no database: {convention.db_init} and {convention.db_drop} add no Job")
            raise UnfitError(f"{convention.db_init} adds no Job that creates the database {droppers[0].label} drops")
        if needs_postgresql(creators):
            raise UnfitError(f"{creators[0].label} creates its database on a server of PostgreSQL, and there is none")
        known = merged(target.files.values.content, target.values)
        if not droppers and at(known, convention.db_drop) is None:
            raise UnfitError(f"it has no switch {convention.db_drop}: nothing drops what {creators[0].label} creates")

    def _parts_of(self, pod: Pod) -> Iterator[_Part]:
        """Yield a Job, and each thing that it uses of the release."""
        yield _Part(name=pod.label, template=pod.document.template, find=_finder(pod))
        for source in used(pod):
            document = self._full.objects.get(source.kind, source.name)
            if document is not None:
                name = f"{source.kind}/{source.name}, which {pod.label} uses,"
                yield _Part(name=name, template=document.template, find=_source_finder(source))

    # -- the toggles --------------------------------------------------------------------------------------------------

    def _switched_off(self, switches: Sequence[str], anchors: Sequence[Pod]) -> Switching:
        """Switch off as many toggles as possible. Those around what the Jobs use are known to be needed."""
        search = Switching(lambda off: self._problem(self._fixed, off, value=False), self._chart.templates)
        search.kept |= {path: "the given values switch it on" for path in switches if self._is_given(path)}
        for path, reason in self._around(anchors):
            if path in switches:
                search.kept.setdefault(path, reason)
        search.add([path for path in switches if path not in search.kept])
        return search

    def _around(self, anchors: Sequence[Pod]) -> Iterator[tuple[str, str]]:
        """Yield the toggles in the condition around each object that the Jobs use, and the reason to keep them."""
        known = toggles(self._chart.convention, self._chart.effective(self._fixed))
        for pod in anchors:
            for source in used(pod):
                document = self._full.objects.get(source.kind, source.name)
                condition = first_condition(self._chart.templates.get(document.template, "")) if document else None
                asked = re.split(r"[\s(),]+", condition.text) if condition else []
                for path in known:
                    if any(word.endswith(f".Values.{path}") for word in asked):
                        yield path, f"{source.kind}/{source.name}, which {pod.label} uses, goes with it"

    def _is_given(self, path: str) -> bool:
        return at(self._chart.given, path) is not None

    def _problem(self, base: Mapping[str, Any], paths: Sequence[str], value: object) -> str:
        """Return what is wrong with `value` at these paths, "" if the chart renders and the Jobs stay what they are."""
        try:
            shown = self._chart.render(merged(base, *(placed(path, value) for path in paths)))
        except SuiteError as error:
            return error.message.removeprefix("does not render: ")
        reason = next(filter(None, (self._changed(part, shown) for part in self._parts)), "")
        if not reason:
            self._last = shown
        return reason

    def _changed(self, part: _Part, shown: Shown) -> str:
        """Return how a part is not what it was in a rendering, "" if it is. What is random in it may change."""
        before, now = part.find(self._full), part.find(shown)
        if now is None:
            return f"{part.name} ({part.template}) goes with it"
        if now == before or not differs(before, part.find(self._again), now):
            return ""
        return f"{part.name} ({part.template}) changes with it"

    @functools.cached_property
    def _again(self) -> Shown:
        """The whole chart, rendered a second time: what differs is random."""
        return self._chart.render(self._fixed)

    # -- what is left -------------------------------------------------------------------------------------------------

    def _left(self, anchors: Sequence[Pod]) -> tuple[Pod, ...]:
        """Return the workloads beside the Jobs in the last rendering that an installation runs."""
        own = [counterpart(pod, self._last.pods) for pod in anchors]
        others = (pod for pod in self._last.pods if not any(pod is each for each in own))
        return tuple(pod for pod in others if not events(pod.document) or set(events(pod.document)) - _TESTS)

    def _without_waiting(self, values: Mapping[str, Any], anchors: Sequence[Pod]) -> dict[str, Any]:
        """Return the values with null for what the other workloads wait for, where the Jobs stay what they are."""
        convention = self._chart.convention
        search = Switching(lambda off: self._problem(values, off, value=None), self._chart.templates)
        paths = matching(convention.unwait, self._chart.effective(values))
        # Most entries of the Jobs have the names of their image keys.
        named = {*self._keys(anchors), "db_init", "db_drop", "db_sync"}
        search.add([path for path in paths if path.rpartition(".")[2] not in named and not self._is_given(path)])
        return merged(values, *(placed(path, None) for path in search.off))

    def _keys(self, pods: Sequence[Pod]) -> tuple[str, ...]:
        """Return the image keys of these workloads in the last rendering."""
        found = (counterpart(pod, self._last.pods) or pod for pod in pods)
        return tuple(dict.fromkeys(container.key for pod in found for container, _ in pod.containers if container.key))


def _finder(pod: Pod) -> Callable[[Shown], Any]:
    def find(shown: Shown) -> Any:
        found = counterpart(pod, shown.pods)
        return None if found is None else found.document.content

    return find


def _source_finder(source: Source) -> Callable[[Shown], Any]:
    return lambda shown: content(shown.objects, source)


def _line(message: str) -> str:
    return message.partition("\n")[0]
