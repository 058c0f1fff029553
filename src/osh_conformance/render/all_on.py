"""The renderings with every toggle on, a reference of its own for each image key, and another pull policy."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.values import at, merged
from osh_conformance.errors import SuiteError
from osh_conformance.model.chart import OTHER_POLICY
from osh_conformance.render.all_toggles import AllToggles
from osh_conformance.render.declared import probe_of, with_keys
from osh_conformance.render.pull_policies import is_passed_on, policies_to_render
from osh_conformance.render.pull_secret import pull_secret_values
from osh_conformance.render.switches import switches, wishes
from osh_conformance.render.toggles import variants
from osh_conformance.render.unrendered import with_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from osh_conformance.model.chart import Container, RenderedChart
    from osh_conformance.model.convention import Convention
    from osh_conformance.render.declared import Arrival, Probe
    from osh_conformance.render.memo import RenderedSet, RenderMemo
    from osh_conformance.render.switches import Switches

    Position = tuple[str, int, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOn:
    """The renderings with toggles on and a distinct reference for every image key.

    - count: how many of `sets` differ in their toggles; these come first.
    - sets: pull policy and rendering, the first one with all toggles that can be on together.
    - alone: policy and rendering of each toggle that renders only without the others, and of each wish of a template
      that needs some switches on and others off.
    - keys: what arrived in each container, by its position: several things where switches decide.
    - own: the same of one rendering each, by the `id` of the rendering.
    - references: the declared reference of each image key.
    - undecided: path and error of each toggle that does not render.
    - pull_secret: whether the values name a pull secret.
    - off: the first set with those switches off that render something else where they are off, None without any.
    """

    count: int
    sets: tuple[tuple[str, RenderedSet], ...]
    alone: tuple[tuple[str, RenderedSet], ...]
    keys: Mapping[Position, tuple[Arrival, ...]]
    own: Mapping[int, Mapping[Position, Arrival]]
    references: Mapping[str, str]
    undecided: tuple[tuple[str, str], ...]
    pull_secret: bool
    off: RenderedSet | None = None

    @property
    def every(self) -> tuple[RenderedSet, ...]:
        """As few renderings as together have every toggle on."""
        return tuple(rendered for _, rendered in (*self.sets[: self.count], *self.alone))

    @property
    def shown(self) -> tuple[RenderedSet, ...]:
        """As few renderings as together show everything with its image key."""
        return (*self.every, self.off) if self.off else self.every

    def keyed(self, rendered: RenderedSet) -> tuple[Container, ...]:
        """Return the containers of a rendering with their image keys, of one with declared references too."""
        if (own := self.own.get(id(rendered))) is not None:
            return with_keys(rendered.containers, own)
        chosen = {}
        for container in rendered.containers:
            if arrivals := self.keys.get(container.position):
                chosen[container.position] = self._chosen(container, arrivals)
        return with_keys(rendered.containers, chosen)

    def _chosen(self, container: Container, arrivals: tuple[Arrival, ...]) -> Arrival:
        """Return what would arrive with the switches of this container's rendering: its image says it."""
        fitting = [each for each in arrivals if each.key and self.references.get(each.key) == container.image]
        return next(iter((*fitting, *(each for each in arrivals if not each.key), *arrivals)))


def render_all_on(
    chart: RenderedChart, convention: Convention, given: Mapping[str, Any], memo: RenderMemo, values_text: str
) -> AllOn:
    """Render with all toggles on, with as few pull policies as show what the declared one decides.

    `given` are the user's values, `values_text` is the chart's values.yaml. The pull secret is set too, unless the
    chart then does not render with all toggles on. Raises `SuiteError` if the chart does not render with other images.
    """
    found = switches(chart.templates, chart.effective, convention)
    making = _AllOnRenderings(convention, chart, given, memo, probe_of(convention, chart.effective), found)
    declared = policies_to_render(chart.policy)
    if is_passed_on((*chart.templates.values(), values_text), convention):
        with contextlib.suppress(SuiteError):  # a schema may allow only the three
            return making.renderings((OTHER_POLICY,))
    return making.renderings(declared)


@dataclass(frozen=True, slots=True)
class _AllOnRenderings:
    convention: Convention
    chart: RenderedChart
    given: Mapping[str, Any]
    memo: RenderMemo
    probe: Probe
    switches: Switches

    def renderings(self, policies: tuple[str, ...]) -> AllOn:
        """Render with these policies. Raises `SuiteError` if the chart does not render with the first one."""

        def base(policy: str) -> Mapping[str, Any]:
            return merged(self.given, self.probe.with_policy(policy))

        more = dict.fromkeys(self.switches.on, True)
        sets = [{**toggles, **more} for toggles in variants(self.convention, self.chart.effective)]
        secret = pull_secret_values(self.convention, self.chart)
        toggles = AllToggles(self.memo, sets, base, secret, self.chart.templates, self.switches.on)
        # Where there are more sets of toggles than policies, the policies take turns.
        rounds = [policies[number % len(policies)] for number in range(max(len(policies), toggles.count))]
        rendered = [toggles.render(number, name) for number, name in enumerate(rounds)]
        off = toggles.switched_off(self.switches.off, policies[0]) if self.switches.off else None
        toggles.add_wishes(self._wishes(), policies[0])
        rendered = [self._without_registry(each) for each in rendered]
        alone = [(policy, self._without_registry(each)) for policy, each in toggles.alone]
        off = self._without_registry(off) if off else None
        every = [*rendered, *(each for _, each in alone), *([off] if off else [])]
        own = {id(each): self.probe.found(each.containers) for each in every}
        return AllOn(
            count=toggles.count,
            sets=tuple(zip(rounds, rendered, strict=True)),
            alone=tuple(alone),
            keys=_joined(own.values()),
            own=own,
            references={image.key: image.reference for image in self.chart.images},
            undecided=tuple(toggles.undecided),
            pull_secret=toggles.secret and not toggles.alone,
            off=off,
        )

    def _without_registry(self, rendered: RenderedSet) -> RenderedSet:
        """Return a rendering without the address of the registry that a switch of the suite has put in front."""
        path = self.convention.local_registry
        if not path or at(rendered.values, path) is not True or at(self.chart.effective, path) is True:
            return rendered
        address = self.probe.address(rendered.containers)
        if not address or any((each.image or "").startswith(address) for each in self.chart.containers):
            return rendered
        containers = tuple(
            replace(each, image=_behind(address, each.image)) if each.image else each for each in rendered.containers
        )
        return replace(rendered, containers=containers)

    def _wishes(self) -> list[dict[str, bool]]:
        return wishes(_unseen(self.chart.templates, self.memo), self.chart.effective, self.convention)


def _behind(address: str, image: str) -> str | None:
    """Return what stands behind the address, None for what `printf` writes where there is nothing."""
    found = image.removeprefix(address)
    return None if found != image and found == "%!s(<nil>)" else found


def _unseen(templates: Mapping[str, str], memo: RenderMemo) -> list[str]:
    return [templates[path] for path in with_objects(templates) if path not in memo.templates]


def render_switched(
    chart: RenderedChart, given: Mapping[str, Any], memo: RenderMemo
) -> tuple[dict[str, RenderedSet], tuple[tuple[str, str], ...]]:
    """Render a chart of no known convention with its switches on, and off; return the renderings by name.

    The second value has the path and the error of each switch that does not render.
    """
    found = switches(chart.templates, chart.effective)
    toggles = AllToggles(memo, [dict.fromkeys(found.on, True)], lambda _: given, {}, chart.templates)
    sets = {"all-on": toggles.render(0, "")}
    off = toggles.switched_off(found.off, "") if found.off else None
    toggles.add_wishes(wishes(_unseen(chart.templates, memo), chart.effective), "")
    sets |= {f"apart:{number}": rendered for number, (_, rendered) in enumerate(toggles.alone, start=1)}
    if off:
        sets["off"] = off
    return sets, tuple(toggles.undecided)


def _joined(found: Iterable[Mapping[Position, Arrival]]) -> dict[Position, tuple[Arrival, ...]]:
    keys: defaultdict[Position, dict[Arrival, None]] = defaultdict(dict)
    for arrivals in found:
        for position, arrival in arrivals.items():
            keys[position].setdefault(arrival)
    return {position: tuple(arrivals) for position, arrivals in keys.items()}
