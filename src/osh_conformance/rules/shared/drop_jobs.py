"""The Jobs that create a chart's databases, and those that drop them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from osh_conformance.manifests.pods import HOOK, annotation, pods, words_of
from osh_conformance.model.chart import Role
from osh_conformance.model.finding import Verdict
from osh_conformance.rules.shared.image_keys import by_appearance, by_key, performs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Container, RenderedChart, Rendering
    from osh_conformance.model.rule import Rule


#: Each container that performs a function, with its pod and its entry in the manifest.
Performing = tuple[tuple["Pod", "Container", "Mapping[str, Any]"], ...]
#: The kinds of workloads that end.
_ENDING: Final = ("Job", "CronJob", "Pod")


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """The containers of one rendering that create databases, and those that drop them."""

    creating: Performing
    dropping: Performing

    @property
    def drop_pods(self) -> tuple[Pod, ...]:
        """Return the workloads that drop databases, each once."""
        return tuple({pod.document.template + pod.label: pod for pod, _, _ in self.dropping}.values())


def jobs_of(chart: RenderedChart, *names: str) -> Jobs:
    """Return the Jobs of the first of the renderings that the chart has."""
    rendering = next((chart.renderings[name] for name in names if name in chart.renderings), None)
    return jobs_in(chart, rendering) if rendering else Jobs(creating=(), dropping=())


def jobs_in(chart: RenderedChart, rendering: Rendering) -> Jobs:
    """Return the Jobs of a rendering."""
    found = pods(chart, rendering)
    creating = tuple(each for pod in found for each in _performing(chart, pod, "db_init"))
    dropping = tuple(each for pod in found for each in _performing(chart, pod, "db_drop"))
    return Jobs(creating=creating, dropping=dropping)


def _performing(chart: RenderedChart, pod: Pod, function: str) -> Performing:
    """Return the containers of a pod that perform a function.

    The name of their Job counts only if no container of the pod shows the function itself: beside that one the others
    do something else. A test performs none.
    """
    if any(event.startswith("test") for event in words_of(annotation(pod.document, HOOK))):
        return ()
    found = [(container, entry) for container, entry in pod.containers if performs(chart, container, entry, function)]
    found = [(container, entry) for container, entry in found if not _by_key_alone(chart, container, entry)]
    itself = [(one, entry) for one, entry in found if performs(chart, replace(one, workload_name=""), entry, function)]
    return tuple((pod, container, entry) for container, entry in itself or found)


def _by_key_alone(chart: RenderedChart, container: Container, entry: Mapping[str, Any]) -> bool:
    """Whether a container only has the image of a function, and does something else.

    So is what runs for ever, and what renders with the drop switch off and is no hook of a deletion: KEY-4's matter.
    """
    if by_appearance(container, entry):
        return False
    if container.kind not in _ENDING and container.role is not Role.INIT:
        return True
    off = chart.renderings.get("drop:off")
    kept = off is not None and any(each.position == container.position for each in off.containers)
    is_drop = by_key(chart, container.key or "") == "db_drop"
    return is_drop and kept and not any(event.endswith("-delete") for event in container.hook)


def switched_on(chart: RenderedChart) -> Jobs:
    """Return the Jobs with the drop switch on, or as shipped if there is no switch.

    If nothing drops a database then, they are those of the first rendering with toggles on in which something does.
    """
    first = jobs_of(chart, "drop:on", "shipped")
    others = (jobs_in(chart, chart.renderings[name]) for name in toggled(chart))
    return first if first.dropping else next((jobs for jobs in others if jobs.dropping), first)


def toggled(chart: RenderedChart) -> list[str]:
    """Return the names of the renderings with toggles on."""
    return [name for name in sorted(chart.renderings) if name.partition(":")[0] in ("all-on", "apart")]


def no_drop(chart: RenderedChart, rule: Rule) -> Verdict:
    """Return the verdict for a chart without a drop Job; DROP-1 checks whether it must have one."""
    reason = dict(chart.undecided).get(chart.drop_path)
    if reason:
        return Verdict.undecided(rule.id, f"{chart.drop_path} cannot be switched on: {reason}")
    return Verdict.not_applicable(rule.id, "no drop Job renders (see DROP-1)")
