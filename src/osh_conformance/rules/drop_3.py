"""DROP-3: the drop Job drops the databases that db_init creates."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.commands import argv, files
from osh_conformance.manifests.mounts import Place, file_at
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.databases import Database, databases
from osh_conformance.rules.shared.drop_jobs import jobs_in, no_drop, switched_on, toggled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Container, RenderedChart
    from osh_conformance.model.finding import Finding
    from osh_conformance.rules.shared.drop_jobs import Jobs, Performing

RULE = Rule(
    id="DROP-3",
    title="the drop Job drops the databases that db_init creates, each of them and no other",
    source="drop a database for an OpenStack service on deletion of Helm chart",
    why="a database that is not dropped stays on the server; dropping any other one destroys another service's data",
    fix="give the drop Job the same inputs as db_init: variables, mounts, section and key",
    blind=(
        "names that a script computes when it runs, and SQL in programs of the image; users and grants "
        "(DROP-4 sees them on the server)"
    ),
    before="# db_init creates nova and nova_api; the drop Job has\nenv:\n  - name: DB_NAMES\n    value: nova\n",
    after="# db_init creates nova and nova_api; the drop Job has\nenv:\n  - name: DB_NAMES\n    value: nova,nova_api\n",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Compare the inputs of both Jobs, as they render.

    Inputs are a connection in an ini file (file, section and key in variables or in the Python script), a connection in
    a variable (a Secret's key), names in variables (one, several, or a list in JSON), and names in the script's SQL.
    The names of the variables are data: `data/vocabulary/databases.yaml`. The rule fails only if the databases of both
    Jobs are derived and differ, as shipped or with toggles on. The rule is undecided where it derives nothing.
    """
    jobs = switched_on(chart)
    if not jobs.dropping:
        return no_drop(chart, RULE)
    more = [jobs_in(chart, chart.renderings[name]) for name in toggled(chart)]
    verdicts = [_compared(chart, each) for each in (jobs, *more) if each.creating and each.dropping]
    if not verdicts:
        return Verdict.not_applicable(RULE.id, "no container creates a database (db_init)")
    # A toggle may add a database; what it leaves undecided is no concern of the chart as shipped.
    return next((verdict for verdict in verdicts if verdict.status is Status.FAIL), verdicts[0])


def _compared(chart: RenderedChart, jobs: Jobs) -> Verdict:
    if same := _same_run(jobs):
        return Verdict.of(RULE.id, [_runs_db_init(chart, *same)])
    created = _Side.of(jobs.creating, creates=True)
    dropped = _Side.of(jobs.dropping, creates=False)
    kept, unknown_kept = _alone(created, dropped)
    strange, unknown_strange = _alone(dropped, created)
    if kept or strange:
        texts = [f"db_init creates {', '.join(kept)}, which nothing drops"] if kept else []
        texts += [f"it drops {', '.join(strange)}, which db_init does not create"] if strange else []
        pod, container, _ = jobs.dropping[0]
        finding = RULE.finding(
            places.of_pod(chart, pod, container.name, own=True),
            found="; ".join(texts),
            expected="each database that db_init creates, and no other",
        )
        return Verdict.of(RULE.id, [finding])
    if unknown := (*created.unknown, *dropped.unknown):
        return Verdict.undecided(RULE.id, f"the database of these cannot be derived: {', '.join(unknown)}")
    if unknown_kept or unknown_strange:
        listed = ", ".join((*unknown_kept, *unknown_strange))
        return Verdict.undecided(RULE.id, f"it cannot be derived whether these are the same: {listed}")
    return Verdict.of(RULE.id, ())


def _same_run(jobs: Jobs) -> tuple[Pod, Container, Container] | None:
    """Return a container of the drop Job that runs what a container of db_init runs, with the same variables."""
    runs = {_run(pod, entry): container for pod, container, entry in jobs.creating}
    runs.pop("", None)
    for pod, container, entry in jobs.dropping:
        if creating := runs.get(_run(pod, entry)):
            return pod, container, creating
    return None


def _run(pod: Pod, entry: Mapping[str, Any]) -> str:
    """Return the files, arguments and variables of a container as one text, "" if it runs a program of its image."""
    found = [file_at(pod, entry, path) for path in files(entry)]
    if not argv(entry) or any(file.place is Place.IMAGE for file in found):
        return ""
    told = [argv(entry), entry.get("env"), entry.get("envFrom"), [(file.kind, file.name, file.key) for file in found]]
    return json.dumps(told, sort_keys=True, default=str)


def _runs_db_init(chart: RenderedChart, pod: Pod, container: Container, creating: Container) -> Finding:
    return RULE.finding(
        places.of_pod(chart, pod, container.name, own=True),
        found=f"it runs what {creating.label} runs, with the same variables: it creates the database",
        expected="a command that drops what db_init creates",
        fix="run the script that drops the database",
        cause="runs db_init",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """The databases of all containers that create (or drop) one, and the labels of those that do not show theirs."""

    found: frozenset[Database]
    unknown: tuple[str, ...]

    @classmethod
    def of(cls, performing: Performing, *, creates: bool) -> _Side:
        each = {container.label: databases(pod, entry, creates=creates) for pod, container, entry in performing}
        found = frozenset[Database]().union(*each.values())
        return cls(found=found, unknown=tuple(label for label, some in each.items() if not some))


def _alone(side: _Side, other: _Side) -> tuple[list[str], list[str]]:
    """Return the databases of one side that the other surely lacks, and those for which that cannot be known."""
    lacking: list[str] = []
    unknown: list[str] = []
    for database in sorted(side.found, key=str):
        answers = {database.same(each) for each in other.found}
        if True not in answers:
            (unknown if None in answers or other.unknown else lacking).append(str(database))
    return lacking, unknown
