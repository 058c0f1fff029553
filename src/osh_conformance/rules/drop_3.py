"""DROP-3: the drop Job drops the databases that db_init creates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.databases import Database, databases
from osh_conformance.rules.shared.drop_jobs import no_drop, switched_on

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart

RULE = Rule(
    id="DROP-3",
    title="the drop Job drops the databases that db_init creates, each of them and no other",
    source="drop a database for an OpenStack service on deletion of Helm chart",
    why="a database that is not dropped stays on the server; dropping any other one destroys another service's data",
    fix="give the drop Job the same inputs as db_init: variables, mounts, section and key",
    before="# db_init creates nova and nova_api; the drop Job has\nenv:\n  - name: DB_NAMES\n    value: nova\n",
    after="# db_init creates nova and nova_api; the drop Job has\nenv:\n  - name: DB_NAMES\n    value: nova,nova_api\n",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Compare the inputs of both Jobs, as they render.

    Inputs are a connection in an ini file (file, section and key in variables or in the Python script), a connection in
    a variable (a Secret's key), names in variables, and names in the script's SQL. The names of the variables are
    data: `data/vocabulary/databases.yaml`. The rule fails only if the databases of both Jobs are derived and differ. If
    those of one Job are not derived, it is undecided.
    """
    jobs = switched_on(chart)
    if not jobs.dropping:
        return no_drop(chart, RULE)
    if not jobs.creating:
        return Verdict.not_applicable(RULE.id, "no container creates a database (db_init)")
    created = {container.label: databases(pod, entry) for pod, container, entry in jobs.creating}
    dropped = {container.label: databases(pod, entry) for pod, container, entry in jobs.dropping}
    unknown = [label for label, found in (*created.items(), *dropped.items()) if not found]
    if unknown:
        return Verdict.undecided(RULE.id, f"the database of these cannot be derived: {', '.join(unknown)}")
    pod, container, _ = jobs.dropping[0]
    made, gone = (frozenset[Database]().union(*found.values()) for found in (created, dropped))
    kept, unknown_kept = _alone(made, gone)
    strange, unknown_strange = _alone(gone, made)
    if kept or strange:
        texts = [f"db_init creates {', '.join(kept)}, which nothing drops"] if kept else []
        texts += [f"it drops {', '.join(strange)}, which db_init does not create"] if strange else []
        finding = RULE.finding(
            places.of_pod(chart, pod, container.name),
            found="; ".join(texts),
            expected="each database that db_init creates, and no other",
        )
        return Verdict.of(RULE.id, [finding])
    if unknown_kept or unknown_strange:
        listed = ", ".join((*unknown_kept, *unknown_strange))
        return Verdict.undecided(RULE.id, f"it cannot be derived whether these are the same: {listed}")
    return Verdict.of(RULE.id, ())


def _alone(some: frozenset[Database], others: frozenset[Database]) -> tuple[list[str], list[str]]:
    """Return the databases of one side that the other surely lacks, and those for which that cannot be known."""
    lacking: list[str] = []
    unknown: list[str] = []
    for database in sorted(some, key=str):
        answers = {database.same(other) for other in others}
        if True not in answers:
            (unknown if None in answers else lacking).append(str(database))
    return lacking, unknown
