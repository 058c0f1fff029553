"""The Jobs that create a chart's databases, and those that drop them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.pods import pods
from osh_conformance.model.finding import Verdict
from osh_conformance.rules.shared.image_keys import performs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Container, RenderedChart
    from osh_conformance.model.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """The containers of one rendering that create databases, and those that drop them."""

    creating: tuple[tuple[Pod, Container, Mapping[str, Any]], ...]
    dropping: tuple[tuple[Pod, Container, Mapping[str, Any]], ...]

    @property
    def drop_pods(self) -> tuple[Pod, ...]:
        """Return the workloads that drop databases, each once."""
        return tuple({pod.document.template + pod.label: pod for pod, _, _ in self.dropping}.values())


def jobs_of(chart: RenderedChart, *names: str) -> Jobs:
    """Return the Jobs of the first of the renderings that the chart has."""
    rendering = next((chart.renderings[name] for name in names if name in chart.renderings), None)
    found = pods(chart, rendering) if rendering else ()
    return Jobs(creating=_performing(chart, found, "db_init"), dropping=_performing(chart, found, "db_drop"))


def _performing(
    chart: RenderedChart, found: tuple[Pod, ...], function: str
) -> tuple[tuple[Pod, Container, Mapping[str, Any]], ...]:
    return tuple(
        (pod, container, entry)
        for pod in found
        for container, entry in pod.containers
        if performs(chart, container, entry, function)
    )


def switched_on(chart: RenderedChart) -> Jobs:
    """Return the Jobs with the drop switch on, or as shipped if there is no switch."""
    return jobs_of(chart, "drop:on", "shipped")


def no_drop(chart: RenderedChart, rule: Rule) -> Verdict:
    """Return the verdict for a chart without a drop Job; DROP-1 checks whether it must have one."""
    reason = dict(chart.undecided).get(chart.drop_path)
    if reason:
        return Verdict.undecided(rule.id, f"{chart.drop_path} cannot be switched on: {reason}")
    return Verdict.not_applicable(rule.id, "no drop Job renders (see DROP-1)")
