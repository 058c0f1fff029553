"""DROP-1: a switch in values renders the drop Job, or nothing of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.vocabulary import words
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.drop_jobs import jobs_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import Container, RenderedChart, Rendering
    from osh_conformance.model.finding import Finding
    from osh_conformance.rules.shared.drop_jobs import Jobs

RULE = Rule(
    id="DROP-1",
    title="a switch in values renders the drop Job, or nothing of it",
    source="configurable to be enabled or disabled in the values.yaml file for each chart",
    why="an operator must be able to delete the data together with the release, and to keep it",
    fix="add the switch, off as shipped, and a Job that renders if it is on",
    before="manifests:\n  job_db_init: true\n",
    after="manifests:\n  job_db_init: true\n  job_db_drop: false\n",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check every chart in which a container performs db_init.

    It fails without the switch. It also fails if the switch renders no drop Job, if the Job renders although the switch
    is off, or if the switch removes something or gives another container another image. A switch that is on as shipped
    is a warning. If an operator's custom resource owns the database, the rule is undecided.
    """
    creating = jobs_of(chart, "shipped").creating or jobs_of(chart, "all-on").creating
    if not creating:
        return Verdict.not_applicable(RULE.id, "no container creates a database (db_init)")
    if operator := _operator(chart):
        return Verdict.undecided(RULE.id, f"{operator} owns the database: what its operator does is not in the chart")
    if chart.convention is None:
        return Verdict.undecided(RULE.id, "the place of the switch is not known (see KEY-1)")
    reason = dict(chart.undecided).get(chart.drop_path)
    if reason:
        return Verdict.undecided(RULE.id, f"{chart.drop_path} cannot be switched on: {reason}")
    on, off = chart.renderings.get("drop:on"), chart.renderings.get("drop:off")
    if on is None or off is None:
        return Verdict.of(RULE.id, [_without_switch(chart, creating[0][1])])
    return Verdict.of(RULE.id, list(_of_switch(chart, on, off, creating[0][1])))


def _without_switch(chart: RenderedChart, creating: Container) -> Finding:
    always = jobs_of(chart, "shipped").dropping
    found = f"{always[0][1].label} always drops the database" if always else f"{creating.label} creates a database"
    return RULE.finding(
        places.of_switch(chart),
        found=f"no switch {chart.drop_path}; {found}",
        expected="a switch in values",
        fix=_fix(chart),
        cause="no switch",
    )


def _of_switch(chart: RenderedChart, on: Rendering, off: Rendering, creating: Container) -> Iterator[Finding]:
    enabled, disabled = jobs_of(chart, "drop:on"), jobs_of(chart, "drop:off")
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
    if _at(chart.effective or chart.values.content, chart.drop_path) is True and enabled.dropping:
        yield RULE.finding(
            places.of_switch(chart),
            found=f"{chart.drop_path} is on as shipped",
            expected="off as shipped: data is kept unless an operator asks for its removal",
            fix=f"{chart.drop_path}: false",
            cause="on",
            warning=True,
        )


def _fix(chart: RenderedChart) -> str:
    return f"{chart.drop_path}: false, and a Job that renders if it is true"


def _operator(chart: RenderedChart) -> str:
    """Return a custom resource, rendered as shipped, by which an operator makes databases, else ""."""
    known = words("databases")["operators"]
    shipped = chart.renderings.get("shipped")
    for document in shipped.documents if shipped else ():
        group = str(document.content.get("apiVersion") or "").rpartition("/")[0]
        if document.own and document.kind in known["kinds"] and any(word in group for word in known["groups"]):
            return f"{document.kind}/{document.name}"
    return ""


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
    dropping = {container.position for _, container, _ in enabled.dropping}
    now = {c.position: c for c in on.containers if c.position not in dropping}
    for container in off.containers:
        other = now.get(container.position)
        if other and (other.image, other.pull_policy) != (container.image, container.pull_policy):
            change = f"has the image {other.image} when {chart.drop_path} is on, else {container.image}"
            yield f"{container.template} {container.name}", f"{container.label} {change}"


def _at(values: Mapping[str, Any], path: str) -> Any:
    here: Any = values
    for part in path.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return here
