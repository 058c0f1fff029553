"""DROP-1: a switch in values renders the drop Job, or nothing of it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Final

from osh_conformance.manifests.custom_resources import owner_of_databases
from osh_conformance.manifests.pods import HOOK, pods
from osh_conformance.model.chart import AS_UPGRADE
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.model.values import at
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.drop_jobs import jobs_in, jobs_of, switched_on
from osh_conformance.rules.shared.drop_objects import events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Container, RenderedChart, Rendering
    from osh_conformance.model.finding import Finding
    from osh_conformance.rules.shared.drop_jobs import Jobs

RULE = Rule(
    id="DROP-1",
    title="a switch in values renders the drop Job, or nothing of it",
    source="configurable to be enabled or disabled in the values.yaml file for each chart",
    why="an operator must be able to delete the data together with the release, and to keep it",
    fix="add the switch, off as shipped, and a Job that renders if it is on",
    blind=(
        "whether the Job works (DROP-4 sees that); databases that an operator makes of a custom resource, or "
        "a chart that this one depends on; data that is in no database"
    ),
    before="manifests:\n  job_db_init: true\n",
    after="manifests:\n  job_db_init: true\n  job_db_drop: false\n",
)
#: Events that delete a release, or that only `helm test` runs.
_HARMLESS: Final = frozenset({"pre-delete", "post-delete", "test", "test-success", "test-failure"})


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check every chart in which a container performs db_init.

    It fails without the switch. It also fails if the switch renders no drop Job, if the Job renders although the switch
    is off, or if the switch removes something or gives another container another image. A switch that is on as shipped
    is a warning. If an operator's custom resource owns the database, the rule is undecided.

    Where a template asks for it, the same holds as an upgrade: with the switch on nothing but a delete hook comes of
    it, and the drop Job is still there; with the switch off there is none.
    """
    shipped = jobs_of(chart, "shipped").creating
    creating = shipped or jobs_of(chart, "all-on").creating
    if not creating:
        return Verdict.not_applicable(RULE.id, "no container creates a database (db_init)")
    as_shipped = chart.renderings.get("shipped")
    if operator := owner_of_databases(as_shipped.documents if as_shipped else ()):
        return Verdict.undecided(RULE.id, f"{operator} owns the database: what its operator does is not in the chart")
    if not chart.drop_path:
        return _no_place(chart)
    reason = dict(chart.undecided).get(chart.drop_path)
    if reason:
        return Verdict.undecided(RULE.id, f"{chart.drop_path} cannot be switched on: {reason}")
    # What creates the database may have a toggle that is off as shipped, and the drop Job may need that too.
    return _of_renderings(chart, jobs_of(chart, "drop:on") if shipped else switched_on(chart), creating[0][1])


def _of_renderings(chart: RenderedChart, drops: Jobs, creating: Container) -> Verdict:
    on, off = chart.renderings.get("drop:on"), chart.renderings.get("drop:off")
    if on is None or off is None:
        return Verdict.of(RULE.id, [_without_switch(chart, creating)])
    findings = [*_of_switch(chart, on, off, drops, creating), *_of_upgrade(chart, on, off)]
    reason = dict(chart.undecided).get(f"{chart.drop_path} {AS_UPGRADE}")
    if reason and not findings:
        return Verdict.undecided(RULE.id, f"the chart does not render {AS_UPGRADE}: {reason}")
    return Verdict.of(RULE.id, findings)


def _no_place(chart: RenderedChart) -> Verdict:
    if chart.convention is None:
        return Verdict.undecided(RULE.id, "the place of the switch is not known (see KEY-1)")
    return Verdict.not_applicable(RULE.id, f"the layout {chart.convention} has no switch of a drop Job")


def _without_switch(chart: RenderedChart, creating: Container) -> Finding:
    always = jobs_of(chart, "shipped").dropping
    toggled = switched_on(chart).drop_pods
    if not always and toggled and all(set(events(pod.document)) & _HARMLESS for pod in toggled):
        return RULE.finding(
            places.of_switch(chart),
            found=f"no switch {chart.drop_path}; {toggled[0].label} renders with another one",
            expected="a switch in values at the place that the convention names",
            fix=_fix(chart),
            cause="other switch",
            warning=True,
        )
    value = at(chart.effective or chart.values.content, chart.drop_path)
    there = f"{chart.drop_path}: {json.dumps(value, default=str)} is no switch" if value is not None else ""
    found = f"{always[0][1].label} always drops the database" if always else f"{creating.label} creates a database"
    return RULE.finding(
        places.of_switch(chart),
        found=f"{there or f'no switch {chart.drop_path}'}; {found}",
        expected="a switch in values",
        fix=_fix(chart),
        cause="no switch",
    )


def _of_switch(
    chart: RenderedChart, on: Rendering, off: Rendering, enabled: Jobs, creating: Container
) -> Iterator[Finding]:
    disabled = jobs_in(chart, off)
    if disabled.dropping:
        yield RULE.finding(
            places.of_switch(chart, [container for _, container, _ in disabled.dropping]),
            found="a drop Job that renders although it is off",
            expected="no drop Job",
            fix=_fix(chart),
            cause="not off",
        )
    if not enabled.dropping:
        yield RULE.finding(
            places.of_switch(chart),
            found=f"a switch that renders no drop Job, while {creating.label} creates a database",
            expected="a Job that drops it",
            fix=_fix(chart),
            cause="no Job",
        )
    for cause, change in _changes(chart, on, off, enabled):
        yield RULE.finding(
            places.of_switch(chart),
            found=change,
            expected="a switch that changes nothing but the drop Job",
            fix=_fix(chart),
            cause=f"changes {cause}",
        )
    if at(chart.effective or chart.values.content, chart.drop_path) is True and enabled.dropping:
        yield RULE.finding(
            places.of_switch(chart),
            found=f"{chart.drop_path} is on as shipped",
            expected="off as shipped: data is kept unless an operator asks for its removal",
            fix=f"{chart.drop_path}: false",
            cause="on",
            warning=True,
        )


def _of_upgrade(chart: RenderedChart, on: Rendering, off: Rendering) -> Iterator[Finding]:
    """Yield what an upgrade makes of the switch that an installation does not: that is said once, of the latter."""
    upgraded = chart.renderings.get("upgrade:on")
    if upgraded is not None:
        known = {_trait(pod) for pod in _beside_hooks(chart, on, off)}
        for pod in _beside_hooks(chart, upgraded, chart.renderings.get("upgrade:off", off)):
            if _trait(pod) not in known:
                yield _on_upgrade(chart, pod, f"{_kind_of(pod)}: an upgrade runs it, and so drops the database")
        if not jobs_in(chart, upgraded).dropping:
            for pod in jobs_in(chart, on).drop_pods:
                yield _on_upgrade(chart, pod, "gone after an upgrade: `helm uninstall` then keeps the database")
    kept = chart.renderings.get("upgrade:off")
    if kept is not None and not jobs_in(chart, off).dropping:
        for pod in jobs_in(chart, kept).drop_pods:
            yield _on_upgrade(chart, pod, f"{_kind_of(pod)}, which an upgrade renders although the switch is off")


def _on_upgrade(chart: RenderedChart, pod: Pod, found: str) -> Finding:
    return RULE.finding(
        places.of_pod(chart, pod, field=HOOK),
        found=f"{pod.label} is {found}",
        expected="the same delete hook after an upgrade as after an installation, and nothing else",
        fix="let the Job ask for nothing but its switch: no .Release.IsUpgrade, IsInstall or Revision",
        cause=f"upgrade {pod.document.kind}",
    )


def _beside_hooks(chart: RenderedChart, on: Rendering, off: Rendering) -> tuple[Pod, ...]:
    """Return the workloads that the switch adds, and those that drop, that are no hooks of a deletion or test."""
    found, before = pods(chart, on), pods(chart, off)
    names = {pod.label for pod in before}
    more = Counter(_trait(pod) for pod in found) - Counter(_trait(pod) for pod in before)
    dropping = {pod.label for pod in jobs_in(chart, on).drop_pods}
    return tuple(
        pod
        for pod in found
        if (pod.label in dropping or (pod.label not in names and more[_trait(pod)]))
        and not (events(pod.document) and all(event in _HARMLESS for event in events(pod.document)))
    )


def _trait(pod: Pod) -> tuple[str, str, tuple[str, ...]]:
    """Return what a workload has in common in all renderings: not the name, which may be random."""
    return (pod.document.template, pod.document.kind, events(pod.document))


def _kind_of(pod: Pod) -> str:
    found = ",".join(events(pod.document))
    return f"a hook of {found}" if found else f"a {pod.document.kind} that is no hook"


def _fix(chart: RenderedChart) -> str:
    return f"{chart.drop_path}: false, and a Job that renders if it is true"


def _changes(chart: RenderedChart, on: Rendering, off: Rendering, enabled: Jobs) -> Iterator[tuple[str, str]]:
    """Yield what the switch removes or changes, as cause and sentence. New objects may be part of the drop Job.

    The cause names the template, because the name of an object may be random.
    """
    before, after = (Counter((d.template, d.kind) for d in rendering.documents if d.own) for rendering in (off, on))
    names = {(document.kind, document.name) for document in on.documents}
    for document in off.documents:
        lost = before[document.template, document.kind] > after[document.template, document.kind]
        if document.own and lost and (document.kind, document.name) not in names:
            label = f"{document.kind}/{document.name}"
            yield f"{document.template} {document.kind}", f"{label} is gone when {chart.drop_path} is on"
    drops = {pod.label for pod in enabled.drop_pods}
    for pod in _beside_hooks(chart, on, off):
        if pod.label not in drops:
            yield (
                f"{pod.document.template} adds {pod.document.kind}",
                f"{pod.label}, {_kind_of(pod)}, renders when {chart.drop_path} is on",
            )
    dropping = {container.position for _, container, _ in enabled.dropping}
    now = {c.position: c for c in on.containers if c.position not in dropping}
    for container in off.containers:
        other = now.get(container.position)
        if other and (other.image, other.pull_policy) != (container.image, container.pull_policy):
            change = f"has the image {other.image} when {chart.drop_path} is on, else {container.image}"
            yield f"{container.template} {container.name}", f"{container.label} {change}"
