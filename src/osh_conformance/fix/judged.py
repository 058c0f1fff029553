"""Compares what the rules say of a chart before and after edits: the edits must only remove their findings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from osh_conformance.errors import SuiteError
from osh_conformance.manifests.pods import SHIPPED
from osh_conformance.model.finding import Status
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.check.engine import StaticEngine
    from osh_conformance.model.chart import Document, RenderedChart, Rendering
    from osh_conformance.model.finding import Finding, Verdict
    from osh_conformance.model.repair import Repair

    #: What stays of a finding when lines move and references change.
    Trait = tuple[str, str, str, str, str]

#: Helm's own annotations decide when an object is made and removed.
_HELM: Final = "helm.sh/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A chart, and the verdicts of all static rules; None for a rule that broke on it."""

    chart: RenderedChart
    verdicts: Mapping[str, Verdict | None]

    @property
    def counts(self) -> Counter[Trait]:
        """How many findings there are of each kind and place."""
        return Counter(_trait(each) for verdict in self.verdicts.values() if verdict for each in verdict.findings)


def judged(engine: StaticEngine, target: ChartTarget) -> Judged:
    """Check a chart by every static rule; raises `SuiteError` for one that does not render."""
    chart = engine.rendered(target)
    if chart is None:
        raise SuiteError(f"{target.label} renders nothing by itself")
    return Judged(chart=chart, verdicts={rule: _verdict(engine, target, rule) for rule in registry.static_ids()})


def _verdict(engine: StaticEngine, target: ChartTarget, rule: str) -> Verdict | None:
    try:
        return engine.unmarked(target, rule)
    except Exception:  # noqa: BLE001  (the run itself reports a rule that breaks)
        return None


def objection(before: Judged, after: Judged, repairs: Sequence[Repair]) -> str:
    """Say why these repairs together must not be made, "" if they do what they promise and nothing else."""
    removed = Counter(_trait(finding) for repair in repairs for finding in repair.findings)
    had, has = before.counts, after.counts
    for trait, number in has.items():
        if number > had[trait] - removed[trait]:
            rule, path, place, *_ = trait
            return f"with the edit {rule} would {'still ' * (trait in removed)}be found at {path} {place}".rstrip()
    for rule, verdict in before.verdicts.items():
        if _worse(verdict, after.verdicts[rule]):
            return f"with the edit {rule} cannot be decided"
    return _other_objects(before.chart, after.chart, repairs)


def _worse(before: Verdict | None, after: Verdict | None) -> bool:
    if before is None:
        return False
    return after is None or (after.status is Status.UNDECIDED and before.status is not Status.UNDECIDED)


def _trait(finding: Finding) -> Trait:
    place = finding.key or finding.container
    workload = "" if finding.path_in_chart else finding.workload
    return (finding.rule, finding.path_in_chart, place, workload, finding.status)


def _other_objects(before: RenderedChart, after: RenderedChart, repairs: Sequence[Repair]) -> str:
    """Say which object changes that should not: nothing comes, goes or changes its fields.

    The objects of a repair in a template may; the texts in all others may change with the values, except for Helm's own
    annotations.
    """
    own = {label.partition(" ")[0] for repair in repairs if repair.objects for label in _labels(repair.findings)}
    for name in SHIPPED:
        had, has = before.renderings.get(name), after.renderings.get(name)
        if had is None and has is None:
            continue
        if had is None or has is None:
            return "with the edit another rendering of the chart exists"
        if changed := _changed(had, has, own):
            return f"the edit would change {changed} too"
    return ""


def _labels(findings: Iterable[Finding]) -> Iterable[str]:
    return (label for finding in findings for label in (finding.workload, *finding.containers))


def _changed(before: Rendering, after: Rendering, own: set[str]) -> str:
    had, has = _by_place(before), _by_place(after)
    for place in had | has:
        if place not in had or place not in has:
            document = (had | has)[place]
            return f"{document.kind}/{document.name}"
        label = f"{had[place].kind}/{had[place].name}"
        if label not in own and _essence(had[place]) != _essence(has[place]):
            return label
    return ""


def _by_place(rendering: Rendering) -> dict[tuple[str, int], Document]:
    return {(each.template, each.occurrence): each for each in rendering.documents}


def _essence(document: Document) -> object:
    annotations = document.metadata.get("annotations")
    own = annotations if isinstance(annotations, dict) else {}
    return _shape(document.content), {key: value for key, value in own.items() if str(key).startswith(_HELM)}


def _shape(value: Any) -> object:
    """Return a value without its texts."""
    if isinstance(value, dict):
        return {key: _shape(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_shape(entry) for entry in value]
    return "" if isinstance(value, str) else value
