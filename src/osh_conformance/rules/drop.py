"""DROP: the Job that drops a chart's databases, as it renders."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules._databases import Database, databases
from osh_conformance.rules._drop_jobs import in_pod, jobs_of, no_drop, switched_on
from osh_conformance.rules._needs import lacks
from osh_conformance.rules._words import words
from osh_conformance.rules.registry import static_rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import Container, RenderedChart, Rendering
    from osh_conformance.rules._drop_jobs import Jobs

DROP_1 = Rule(
    id="DROP-1",
    title="a switch in values renders the drop Job, or nothing of it",
    source="configurable to be enabled or disabled in the values.yaml file for each chart",
    why="an operator must be able to have the data gone with the release, and to keep it",
    example="a chart with a db_init Job and no `manifests.job_db_drop`",
    fix="manifests.job_db_drop: false, and a Job that renders if it is true",
)
DROP_2 = Rule(
    id="DROP-2",
    title="the drop Job is complete: what it runs and what it names exists when it runs",
    source="a Kubernetes Job that drops the service's database when the Helm release is deleted",
    why="a Job that cannot start makes `helm uninstall` fail, or hang until its timeout",
    example="`command: [/tmp/db-drop.py]` of a ConfigMap that has no such entry",
    fix="put the script into the ConfigMap that the Job mounts",
)
DROP_3 = Rule(
    id="DROP-3",
    title="it drops the databases that db_init creates, each of them and no other",
    source="drop a database for an OpenStack service on deletion of Helm chart",
    why="what is not dropped stays for ever; what is dropped instead was somebody's",
    example="a db_init Job with a container for each of two databases, and a drop Job with one",
    fix="give the drop Job the same inputs as db_init: variables, mounts, section and key",
)


# -- DROP-1 -------------------------------------------------------------------------------------------------------


@static_rule(DROP_1)
def has_a_switch(chart: RenderedChart) -> Verdict:
    """Judge DROP-1: where a container performs db_init.

    It fails without the switch; where the switch renders no drop Job, or the Job renders although it is off; and
    where it takes something away or gives another container another image. On as shipped is a warning. Where an
    operator's custom resource owns the database it is undecided.
    """
    creating = jobs_of(chart, "shipped").creating or jobs_of(chart, "all-on").creating
    if not creating:
        return Verdict.not_applicable(DROP_1.id, "no container creates a database (db_init)")
    if operator := _operator(chart):
        return Verdict.undecided(DROP_1.id, f"{operator} owns the database: what its operator does is not in the chart")
    if chart.convention is None:
        return Verdict.undecided(DROP_1.id, "where the switch would be is not known (see KEY-1)")
    reason = dict(chart.undecided).get(chart.drop_path)
    if reason:
        return Verdict.undecided(DROP_1.id, f"{chart.drop_path} cannot be switched on: {reason}")
    return Verdict.of(DROP_1.id, list(_switch_findings(chart, creating[0][1])))


def _switch_findings(chart: RenderedChart, creating: Container) -> Iterator[Finding]:
    fix = f"{chart.drop_path}: false, and a Job that renders if it is true"
    on, off = chart.renderings.get("drop:on"), chart.renderings.get("drop:off")
    if on is None or off is None:
        always = jobs_of(chart, "shipped").dropping
        found = f"{always[0][1].label} drops the database, always" if always else f"{creating.label} creates a database"
        yield _at_switch(chart, DROP_1, f"no switch {chart.drop_path}; {found}", "a switch in values", fix)
        return
    enabled, disabled = jobs_of(chart, "drop:on"), jobs_of(chart, "drop:off")
    if disabled.dropping:
        labels = tuple(container.label for _, container, _ in disabled.dropping)
        finding = _at_switch(chart, DROP_1, "a drop Job that renders although it is off", "no drop Job", fix)
        yield replace(finding, containers=labels)
    if not enabled.dropping:
        found = f"a switch that renders no drop Job, while {creating.label} creates a database"
        yield _at_switch(chart, DROP_1, found, "a Job that drops it", fix)
    for change in _changes(chart, on, off, enabled):
        yield _at_switch(chart, DROP_1, change, "a switch that changes nothing but the drop Job", fix)
    if _at(chart.effective or chart.values.content, chart.drop_path) is True and enabled.dropping:
        expected = "off as shipped: data is kept unless an operator asks for its end"
        finding = _at_switch(
            chart, DROP_1, f"{chart.drop_path} is on as shipped", expected, f"{chart.drop_path}: false"
        )
        yield replace(finding, severity=Severity.WARNING, status=Status.WARNING)


def _operator(chart: RenderedChart) -> str:
    """A custom resource, rendered as shipped, by which an operator makes databases."""
    known = words("databases")["operators"]
    shipped = chart.renderings.get("shipped")
    for document in shipped.documents if shipped else ():
        group = str(document.content.get("apiVersion") or "").rpartition("/")[0]
        if document.own and document.kind in known["kinds"] and any(word in group for word in known["groups"]):
            return f"{document.kind}/{document.name}"
    return ""


def _changes(chart: RenderedChart, on: Rendering, off: Rendering, enabled: Jobs) -> Iterator[str]:
    """What the switch takes away, or makes run otherwise. New objects may be part of the drop Job."""
    before, after = (Counter((d.template, d.kind) for d in rendering.documents if d.own) for rendering in (off, on))
    names = {(document.kind, document.name) for document in on.documents}
    for document in off.documents:
        lost = before[document.template, document.kind] > after[document.template, document.kind]
        if document.own and lost and (document.kind, document.name) not in names:
            yield f"{document.kind}/{document.name} is gone when {chart.drop_path} is on"
    dropping = {container.position for _, container, _ in enabled.dropping}
    now = {c.position: c for c in on.containers if c.position not in dropping}
    for container in off.containers:
        other = now.get(container.position)
        if other and (other.image, other.pull_policy) != (container.image, container.pull_policy):
            yield f"{container.label} has the image {other.image} when {chart.drop_path} is on, else {container.image}"


def _at(values: Mapping[str, Any], path: str) -> Any:
    here: Any = values
    for part in path.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return here


def _at_switch(chart: RenderedChart, rule: Rule, found: str, expected: str, fix: str) -> Finding:
    return Finding(
        rule=rule.id,
        chart=chart.name,
        path=chart.values_file,
        line=chart.drop_line,
        key=chart.drop_path,
        found=found,
        expected=expected,
        why=rule.why,
        fix=fix,
    )


# -- DROP-2 -------------------------------------------------------------------------------------------------------


@static_rule(DROP_2)
def is_complete(chart: RenderedChart) -> Verdict:
    """Judge DROP-2: with the drop Job switched on.

    What it runs must be in what it mounts; each Secret, ConfigMap (and key of them) and ServiceAccount that it
    names must render, and still be there at pre-delete: not be a hook that its own policy has removed, or that is
    made later. A name that comes from values, or that another object of the release says, is somebody else's: no
    finding.
    """
    found = switched_on(chart).drop_pods
    if not found:
        return no_drop(chart, DROP_2)
    expected = "all that the Job needs, in the release or named in values"
    external = _strings(chart.effective or chart.values.content)
    findings: dict[tuple[str, str], Finding] = {}
    for pod in found:
        for container, lack in lacks(pod, external):
            finding = in_pod(chart, DROP_2, pod, lack, expected, container)
            findings.setdefault((pod.label, lack), finding)
    return Verdict.of(DROP_2.id, list(findings.values()))


def _strings(values: Any) -> frozenset[str]:
    found, stack = set(), [values]
    while stack:
        here = stack.pop()
        if isinstance(here, dict):
            stack += here.values()
        elif isinstance(here, list):
            stack += here
        elif isinstance(here, str):
            found.add(here)
    return frozenset(found)


# -- DROP-3 -------------------------------------------------------------------------------------------------------


@static_rule(DROP_3)
def drops_what_was_created(chart: RenderedChart) -> Verdict:
    """Judge DROP-3: by the inputs of both Jobs, as they render.

    A connection in an ini file (file, section and key in variables, or in the Python script), one in a variable (a
    Secret's key), names in variables, or in the script's SQL; the variables are data: `data/words/databases.yaml`.
    It fails only where both sides are derived and differ; where one of them is not, it is undecided.
    """
    jobs = switched_on(chart)
    if not jobs.dropping:
        return no_drop(chart, DROP_3)
    if not jobs.creating:
        return Verdict.not_applicable(DROP_3.id, "no container creates a database (db_init)")
    created = {container.label: databases(pod, entry) for pod, container, entry in jobs.creating}
    dropped = {container.label: databases(pod, entry) for pod, container, entry in jobs.dropping}
    unknown = [label for label, found in (*created.items(), *dropped.items()) if not found]
    if unknown:
        return Verdict.undecided(DROP_3.id, f"which database it works on cannot be derived: {', '.join(unknown)}")
    pod, container, _ = jobs.dropping[0]
    made, gone = (frozenset[Database]().union(*found.values()) for found in (created, dropped))
    kept, unknown_kept = _alone(made, gone)
    strange, unknown_strange = _alone(gone, made)
    if kept or strange:
        texts = [f"db_init creates {', '.join(kept)}, which nothing drops"] if kept else []
        texts += [f"it drops {', '.join(strange)}, which db_init does not create"] if strange else []
        expected = "each database that db_init creates, and no other"
        return Verdict.of(DROP_3.id, [in_pod(chart, DROP_3, pod, "; ".join(texts), expected, container.name)])
    if unknown_kept or unknown_strange:
        listed = ", ".join((*unknown_kept, *unknown_strange))
        return Verdict.undecided(DROP_3.id, f"whether these are the same cannot be derived: {listed}")
    return Verdict.of(DROP_3.id, ())


def _alone(some: frozenset[Database], others: frozenset[Database]) -> tuple[list[str], list[str]]:
    """The databases of one side that the other surely lacks, and those of which that cannot be known."""
    lacking: list[str] = []
    unknown: list[str] = []
    for database in sorted(some, key=str):
        answers = {database.same(other) for other in others}
        if True not in answers:
            (unknown if None in answers else lacking).append(str(database))
    return lacking, unknown
