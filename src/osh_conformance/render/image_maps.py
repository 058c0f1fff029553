"""Which image map of values sets each container's image, in a layout without an images section."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.image_entries import put
from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError
from osh_conformance.model.chart import ARRIVED, OTHER_POLICY, PULL_POLICIES, Container
from osh_conformance.render.any_value import leaves, set_by_values, value_at
from osh_conformance.render.declared import DIGEST, TAG, Arrival, probe_of, with_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from osh_conformance.model.convention import Convention
    from osh_conformance.render.declared import Probe
    from osh_conformance.render.memo import RenderedSet, RenderMemo

    Position = tuple[str, int, str, str]


@dataclass(slots=True)
class SetByMaps:
    """What image maps set.

    - arrivals: what became of the made-up references, by container. A container that has none, and whose image another
      value changes, is not in it.
    - by_policy: the containers of each rendering with another pull policy.
    - reason: why the suite cannot say it of some containers, "" if it can of all.
    """

    arrivals: dict[Position, Arrival] = field(default_factory=dict)
    by_policy: dict[str, tuple[Container, ...]] = field(default_factory=dict)
    reason: str = ""


def set_by_maps(
    bases: Iterable[RenderedSet],
    convention: Convention,
    effective: Mapping[str, Any],
    templates: Sequence[str],
    memo: RenderMemo,
) -> SetByMaps:
    """Render each of `bases` again, with made-up references in the image maps and another pull policy.

    `effective` are the values of the chart before those of each rendering. A chart that does not render so is judged as
    one of no convention.
    """
    found = SetByMaps()
    others: list[RenderedSet] = []
    by_policy: dict[str, list[Container]] = {}
    policies: tuple[str, ...] = (OTHER_POLICY, PULL_POLICIES[0])
    for base in bases:
        values = merged(effective, base.values)
        probe = probe_of(convention, values)
        rendered, policy = _rendered(base, probe, memo, policies)
        if rendered is None:
            others.append(base)
            continue
        arrivals = probe.found(rendered.containers)
        arrivals = _tolerant(arrivals, probe, rendered, memo)
        new = {position: arrival for position, arrival in arrivals.items() if position not in found.arrivals}
        found.arrivals |= new
        if policy:
            policies = (policy,)
            known = by_policy.setdefault(policy, [])
            seen = {container.position for container in known}
            known += [each for each in rendered.containers if each.position not in seen]
        if any(not arrival.key for arrival in new.values()):
            others.append(base)
    if others:
        also = conventions.known_part(convention.image_values, effective)
        _without_maps(found, set_by_values(others, effective, templates, memo, also))
    found.by_policy = {policy: with_keys(containers, found.arrivals) for policy, containers in by_policy.items()}
    return found


def _rendered(
    base: RenderedSet, probe: Probe, memo: RenderMemo, policies: Iterable[str]
) -> tuple[RenderedSet | None, str]:
    """Render with made-up references and the first policy that the chart allows; None if it does not render."""
    for policy in policies:
        try:
            return memo.render(merged(base.values, probe.with_policy(policy))), policy
        except SuiteError:
            continue
    try:
        return memo.render(merged(base.values, probe.values)), ""
    except SuiteError:
        return None, ""


def _tolerant(
    arrivals: dict[Position, Arrival], probe: Probe, rendered: RenderedSet, memo: RenderMemo
) -> dict[Position, Arrival]:
    """Return arrivals without the texts in which all that is around the reference comes from values.

    An operator can change that too: a text, or a switch in the image map (`distroless: true`). One more rendering, with
    other words and these switches off, shows what stays.
    """
    around = {part for arrival in arrivals.values() if arrival.text for part in _around(arrival.text)}
    values = merged(probe.effective, rendered.values)
    parts = [steps for steps, value in leaves(values) if isinstance(value, str) and _are_in(value, around)]
    changed = _switches_off(arrivals, probe)
    if not parts and not changed:
        return arrivals
    for number, steps in enumerate(parts, start=1):
        other = re.sub(r"[A-Za-z0-9]+", rf"\g<0>zq{number}", value_at(values, steps))
        put(changed, steps, other, values)
    try:
        others = probe.found(memo.render(merged(rendered.values, changed)).containers)
    except SuiteError:
        return {position: Arrival(key=arrival.key) for position, arrival in arrivals.items()}
    return {position: _kept(arrival, others.get(position)) for position, arrival in arrivals.items()}


def _switches_off(arrivals: Mapping[Position, Arrival], probe: Probe) -> dict[str, Any]:
    """Return values that switch off what is on in the image maps of references that did not arrive as they are."""
    found: dict[str, Any] = {}
    for key in dict.fromkeys(arrival.key for arrival in arrivals.values() if arrival.text):
        entry = probe.entries.get(key)
        if entry is None or not isinstance(entry.value, dict):
            continue
        for name, value in entry.value.items():
            if value is True:
                put(found, (*entry.steps, name), value=False, values=probe.effective)
    return found


def _are_in(value: str, around: set[str]) -> bool:
    words = _words(value)
    return bool(words) and words <= around


def _kept(arrival: Arrival, other: Arrival | None) -> Arrival:
    """Return an arrival without its text if nothing that was around the reference is there with other values."""
    if arrival.text is None:
        return arrival
    still = _around(other.text or "") if other else set()
    return arrival if other is not None and still & _around(arrival.text) else Arrival(key=arrival.key)


def _around(text: str) -> set[str]:
    """Return the words around the reference in the text of an arrival."""
    return _words(text.replace(ARRIVED, "/").replace(TAG, "").replace(DIGEST, ""))


def _words(text: str) -> set[str]:
    return {part.strip("-_.") for part in re.split(r"[/:@]", text)} - {""}


def _without_maps(found: SetByMaps, by_values: Any) -> None:
    """Keep the key "" only for containers whose image no other value changes."""
    for position in [position for position, arrival in found.arrivals.items() if not arrival.key]:
        if position not in by_values.unchanged:
            del found.arrivals[position]
    for position, arrival in by_values.unchanged.items():
        found.arrivals.setdefault(position, arrival)
    found.reason = by_values.reason
