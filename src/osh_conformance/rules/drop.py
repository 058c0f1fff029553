"""DROP: the Job that drops a chart's databases, as it renders. HOOK: how Helm and Kubernetes run it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.model.finding import Finding, Rule, Severity, Status, Verdict
from osh_conformance.rules._databases import databases
from osh_conformance.rules._functions import performs
from osh_conformance.rules._pods import (
    Place,
    Source,
    annotation,
    mounts,
    pod_spec,
    pods,
    reference_name,
    sources,
    volume_parts,
    weight,
    words_of,
)
from osh_conformance.rules._runs import missing
from osh_conformance.rules._words import words
from osh_conformance.rules.catalogue import judges

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import Container, Document, RenderedChart, Rendering
    from osh_conformance.rules._pods import Pod

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
HOOK_1 = Rule(
    id="HOOK-1",
    title="the drop Job is a pre-delete hook that can be tried again",
    source="Helm's hooks: pre-delete hooks run before anything is deleted",
    why="later its ServiceAccount and Secrets are gone; and a failed Job that stays blocks every further uninstall",
    example="helm.sh/hook: post-delete",
    fix="helm.sh/hook: pre-delete, and helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded",
)
HOOK_2 = Rule(
    id="HOOK-2",
    title="the drop Job has a deadline below the timeout of `helm uninstall`",
    source="Kubernetes' Jobs: activeDeadlineSeconds; a backoffLimit does not count a pull that fails",
    why="a Job that outlives a failed uninstall drops the database later, perhaps under a new release",
    example="backoffLimit: 1000, without activeDeadlineSeconds",
    fix="activeDeadlineSeconds: 240",
)
_UNINSTALL_TIMEOUT = 300
_PRE_DELETE = "pre-delete"
_HOOK, _POLICY = "helm.sh/hook", "helm.sh/hook-delete-policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Jobs:
    """The containers that create databases, and those that drop them, of one rendering."""

    creating: tuple[tuple[Pod, Container, Mapping[str, Any]], ...]
    dropping: tuple[tuple[Pod, Container, Mapping[str, Any]], ...]

    @property
    def drop_pods(self) -> tuple[Pod, ...]:
        """The workloads that drop."""
        return tuple({pod.document.template + pod.label: pod for pod, _, _ in self.dropping}.values())


def _jobs(chart: RenderedChart, *names: str) -> _Jobs:
    """Read the first of the renderings that is there."""
    rendering = next((chart.renderings[name] for name in names if name in chart.renderings), None)
    found = pods(chart, rendering) if rendering else ()
    return _Jobs(creating=_performing(chart, found, "db_init"), dropping=_performing(chart, found, "db_drop"))


def _performing(
    chart: RenderedChart, found: tuple[Pod, ...], function: str
) -> tuple[tuple[Pod, Container, Mapping[str, Any]], ...]:
    return tuple(
        (pod, container, entry)
        for pod in found
        for container, entry in pod.containers
        if performs(chart, container, entry, function)
    )


def _switched_on(chart: RenderedChart) -> _Jobs:
    return _jobs(chart, "drop:on", "shipped")


def _no_drop(chart: RenderedChart, rule: Rule) -> Verdict:
    """Why there is no drop Job to judge; DROP-1 says whether there should be one."""
    reason = dict(chart.undecided).get(chart.drop_path)
    if reason:
        return Verdict.undecided(rule.id, f"{chart.drop_path} cannot be switched on: {reason}")
    return Verdict.not_applicable(rule.id, "no drop Job renders (see DROP-1)")


# -- DROP-1 -------------------------------------------------------------------------------------------------------


@judges(DROP_1)
def has_a_switch(chart: RenderedChart) -> Verdict:
    """Judge DROP-1."""
    creating = _jobs(chart, "shipped").creating or _jobs(chart, "all-on").creating
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
        always = _jobs(chart, "shipped").dropping
        found = f"{always[0][1].label} drops the database, always" if always else f"{creating.label} creates a database"
        yield _at_switch(chart, DROP_1, f"no switch {chart.drop_path}; {found}", "a switch in values", fix)
        return
    enabled, disabled = _jobs(chart, "drop:on"), _jobs(chart, "drop:off")
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


def _changes(chart: RenderedChart, on: Rendering, off: Rendering, enabled: _Jobs) -> Iterator[str]:
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


@judges(DROP_2)
def is_complete(chart: RenderedChart) -> Verdict:
    """Judge DROP-2."""
    found = _switched_on(chart).drop_pods
    if not found:
        return _no_drop(chart, DROP_2)
    external = _strings(chart.effective or chart.values.content)
    findings: dict[tuple[str, str], Finding] = {}
    for pod in found:
        for container, lack in _lacks(pod, external):
            findings.setdefault((pod.label, lack), _in_pod(chart, DROP_2, pod, container, lack))
    return Verdict.of(DROP_2.id, list(findings.values()))


def _lacks(pod: Pod, external: frozenset[str]) -> Iterator[tuple[Container, str]]:
    """What the pod needs and will not find, with the container that needs it."""
    first = pod.containers[-1][0]
    for container, entry in pod.containers:
        for path, file in missing(pod, container, entry):
            where = f"{file.kind}/{file.name} has no {file.key}" if file.place is Place.ABSENT else "nothing mounts it"
            yield container, f"it runs {path}, and {where}"
        known = {str(volume.get("name")) for volume in pod.spec.get("volumes") or () if isinstance(volume, dict)}
        for mount in mounts(pod, entry):
            if mount.path and str(mount.volume.get("name") or "") not in known:
                yield container, f"it mounts at {mount.path} a volume that the pod does not have"
        for source in sources(entry):
            if lack := _lack_of(pod, source, external):
                yield container, lack
    for volume in pod.spec.get("volumes") or ():
        for kind, reference in volume_parts(volume) if isinstance(volume, dict) else ():
            optional = reference.get("optional") is True
            keys = [str(item.get("key")) for item in reference.get("items") or () if isinstance(item, dict)] or [""]
            for key in keys:
                name = reference_name(kind, reference)
                source = Source(kind=kind, name=name, key=key, optional=optional)
                if lack := _lack_of(pod, source, external):
                    yield first, lack
    account = str(pod.spec.get("serviceAccountName") or pod.spec.get("serviceAccount") or "default")
    if account != "default":
        source = Source(kind="ServiceAccount", name=account, key="")
        if lack := _lack_of(pod, source, external):
            yield first, lack


def _lack_of(pod: Pod, source: Source, external: frozenset[str]) -> str:
    """Say what is missing of an object that the pod names: the object, the key, or the object at that moment."""
    if source.optional or not source.name:
        return ""
    document = pod.objects.get(source.kind, source.name)
    if document is None:
        if source.name in external or pod.objects.mentions(source.name):
            return ""
        return f"it needs {source.kind}/{source.name}, which the release does not have"
    data = pod.objects.data(source.kind, source.name) if source.kind != "ServiceAccount" else None
    if source.key and data is not None and source.key not in data:
        return f"it needs the key {source.key} of {source.kind}/{source.name}, which has no such key"
    return _gone(pod, document)


def _gone(pod: Pod, document: Document) -> str:
    """Say why an object that is a hook is not there when the drop Job runs."""
    events = words_of(annotation(document, _HOOK))
    if not events or _PRE_DELETE not in words_of(annotation(pod.document, _HOOK)):
        return ""
    name = f"{document.kind}/{document.name}"
    if _PRE_DELETE in events:
        own, job = ((weight(one), one.name) for one in (document, pod.document))
        return f"{name} is a hook that is created after the Job" if own > job else ""
    if "hook-succeeded" in words_of(annotation(document, _POLICY)):
        return f"{name} is a hook that its own delete policy has removed by then"
    if not {"pre-install", "post-install", "pre-upgrade", "post-upgrade"} & set(events):
        return f"{name} is a hook of {','.join(events)}, and not there before the release is deleted"
    return ""


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


@judges(DROP_3)
def drops_what_was_created(chart: RenderedChart) -> Verdict:
    """Judge DROP-3: fail only where both sides are derived and differ."""
    jobs = _switched_on(chart)
    if not jobs.dropping:
        return _no_drop(chart, DROP_3)
    if not jobs.creating:
        return Verdict.not_applicable(DROP_3.id, "no container creates a database (db_init)")
    created = {container.label: databases(pod, entry) for pod, container, entry in jobs.creating}
    dropped = {container.label: databases(pod, entry) for pod, container, entry in jobs.dropping}
    unknown = [label for label, found in (*created.items(), *dropped.items()) if not found]
    if unknown:
        return Verdict.undecided(DROP_3.id, f"which database it works on cannot be derived: {', '.join(unknown)}")
    pod, container, _ = jobs.dropping[0]
    made, gone = (frozenset().union(*found.values()) for found in (created, dropped))
    findings = []
    open_questions = []
    for some, others, text in (
        (made, gone, "creates {}, and no container drops it"),
        (gone, made, "drops {}, which no db_init creates"),
    ):
        for database in sorted(some, key=str):
            answers = {database.same(other) for other in others}
            if True in answers:
                continue
            if None in answers:
                open_questions.append(str(database))
                continue
            origin = created if some is made else dropped
            label = next(label for label, found in origin.items() if database in found)
            findings.append(_in_pod(chart, DROP_3, pod, container, f"{label} {text.format(database)}"))
    if not findings and open_questions:
        return Verdict.undecided(
            DROP_3.id, f"whether these are the same cannot be derived: {', '.join(open_questions)}"
        )
    return Verdict.of(DROP_3.id, findings)


# -- HOOK ---------------------------------------------------------------------------------------------------------


@judges(HOOK_1)
def can_be_tried_again(chart: RenderedChart) -> Verdict:
    """Judge HOOK-1."""
    found = _switched_on(chart).drop_pods
    if not found:
        return _no_drop(chart, HOOK_1)
    findings = []
    for pod in found:
        findings += [_of_job(chart, HOOK_1, pod, *problem) for problem in _hook_problems(pod)]
        if name := _other_name(chart, pod):
            expected = "one name in every rendering, and the policy before-hook-creation"
            text = f"the name {pod.document.name}, and {name} when it renders again"
            findings.append(_of_job(chart, HOOK_1, pod, text, expected))
        policy = words_of(annotation(pod.document, _POLICY))
        if "hook-succeeded" not in policy and words_of(annotation(pod.document, _HOOK)):
            text = f"{_POLICY}: {','.join(policy) or 'none'}"
            finding = _of_job(chart, HOOK_1, pod, text, "hook-succeeded in it, so that nothing stays")
            why = "Helm never removes what a hook made, so the Job stays after the release has gone"
            findings.append(replace(finding, severity=Severity.WARNING, status=Status.WARNING, why=why))
    return Verdict.of(HOOK_1.id, findings)


def _hook_problems(pod: Pod) -> Iterator[tuple[str, str]]:
    events = words_of(annotation(pod.document, _HOOK))
    if events != (_PRE_DELETE,):
        found = f"{_HOOK}: {','.join(events)}" if events else f"no {_HOOK}: it runs at install"
        yield found, f"{_HOOK}: {_PRE_DELETE}"
        if not events:
            return
    policy = words_of(annotation(pod.document, _POLICY))
    if policy and not {"before-hook-creation", "hook-failed"} & set(policy):
        yield (
            f"{_POLICY}: {','.join(policy)}  (after a failure the Job stays, and no retry can create it)",
            f"{_POLICY}: before-hook-creation,hook-succeeded",
        )


def _other_name(chart: RenderedChart, pod: Pod) -> str:
    """The name that the same workload has in the second rendering, if it is another."""
    on = chart.renderings.get("drop:on")
    for document in on.second if on else ():
        same = (document.template, document.occurrence) == (pod.document.template, pod.document.occurrence)
        if same and document.kind == pod.document.kind and document.name != pod.document.name:
            return document.name
    return ""


@judges(HOOK_2)
def has_a_deadline(chart: RenderedChart) -> Verdict:
    """Judge HOOK-2."""
    found = _switched_on(chart).drop_pods
    if not found:
        return _no_drop(chart, HOOK_2)
    expected = f"activeDeadlineSeconds below {_UNINSTALL_TIMEOUT}, Helm's timeout"
    findings = []
    for pod in found:
        job = pod.document.content.get("spec")
        template = pod_spec(pod.document) or {}
        deadlines = [
            spec["activeDeadlineSeconds"]
            for spec in (job, template)
            if isinstance(spec, dict) and isinstance(spec.get("activeDeadlineSeconds"), int)
        ]
        # A pod's own deadline ends the pod; the Job makes another one.
        if pod.document.kind == "Job":
            deadlines = deadlines[:1] if isinstance(job, dict) and "activeDeadlineSeconds" in job else []
        if not deadlines:
            limit = job.get("backoffLimit") if isinstance(job, dict) else None
            bound = f" (backoffLimit: {limit} is no bound)" if limit is not None else ""
            findings.append(_of_job(chart, HOOK_2, pod, f"no activeDeadlineSeconds{bound}", expected))
        elif deadlines[0] >= _UNINSTALL_TIMEOUT:
            findings.append(_of_job(chart, HOOK_2, pod, f"activeDeadlineSeconds: {deadlines[0]}", expected))
    return Verdict.of(HOOK_2.id, findings)


def _of_job(chart: RenderedChart, rule: Rule, pod: Pod, found: str, expected: str) -> Finding:
    return replace(_in_pod(chart, rule, pod, pod.containers[-1][0], found), expected=expected, container="")


def _in_pod(chart: RenderedChart, rule: Rule, pod: Pod, container: Container, found: str) -> Finding:
    expected = {
        DROP_2.id: "all that the Job needs, in the release or named in values",
        DROP_3.id: "each database that db_init creates, and no other",
    }.get(rule.id, "")
    return Finding(
        rule=rule.id,
        chart=chart.name,
        path=chart.folder + pod.document.template,
        workload=pod.label,
        container=container.name,
        found=found,
        expected=expected,
        why=rule.why,
        fix=rule.fix,
    )
