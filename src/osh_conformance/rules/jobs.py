"""What the Jobs of a chart achieved, by the word of the servers they worked on, and that they waited for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Finding, Status, Verdict
from osh_conformance.model.observation import Step
from osh_conformance.model.rule import Rule
from osh_conformance.rules._live import finding, performed
from osh_conformance.rules.registry import live_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from osh_conformance.model.observation import IdentityState, Observation

JOB_1 = Rule(
    id="JOB-1",
    title="each Job has done its work, by the word of the server it worked on",
    source="the image that will perform database creation, migration, registration ... operations",
    why="each standard image key names the work that its image performs",
    example="a db_sync Job that ends with 0 and leaves the database without a table",
    fix="end with another exit code than 0 where the work was not done",
)
DEP_1 = Rule(
    id="DEP-1",
    title="pods wait in Init for what they depend on, and start once it is there",
    source="dep_check: the image that will perform dependency checking in an init-container",
    why="a Job that starts before its database fails, or works on another one",
    example="a db_init Job without a dep_check init container for the database's Service",
    fix="give the dep_check init container the Service in DEPENDENCY_SERVICE",
)
_TOKEN_GIVEN = 201


@live_rule(JOB_1)
def work_done(observation: Observation) -> Verdict:
    """Judge JOB-1: database, account and schema are on the server, users, services and endpoints in Keystone."""
    findings: list[Finding] = []
    judged = 0
    for function, shortcoming in _EFFECTS.items():
        containers = performed(observation, function)
        if not containers:
            continue
        judged += 1
        if not any(c.exit_code == 0 for c in containers):
            states = "; ".join(
                f"{c.label} {c.state} {c.exit_code if c.exit_code is not None else c.reason}".strip()
                for c in containers
            )
            found = f"no container of the key ended with 0: {states}"
        else:
            found = shortcoming(observation)
        if found:
            findings.append(_job_finding(observation, function, found))
    if observation.unsettled:
        findings.append(_unsettled(observation))
    if not judged and not findings:
        return Verdict(rule=JOB_1.id, status=Status.NOT_APPLICABLE, reason="no container performs a standard function")
    if not findings and observation.identity is None and any(performed(observation, f) for f in _ASKS_KEYSTONE):
        return Verdict.undecided(JOB_1.id, "Keystone was not asked: the convention does not say where it is")
    return Verdict.of(JOB_1.id, findings)


@live_rule(DEP_1)
def dependency_wait(observation: Observation) -> Verdict:
    """Judge DEP-1: while the database's Service was withheld pods stayed in Init; they started once it appeared."""
    hold = observation.hold
    if hold is None:
        return _not_applicable("the scenario withholds nothing")
    if not hold.waiting and not hold.early:
        return _not_applicable("the chart has no dep_check key, or no db_init container")
    findings = [
        finding(
            observation,
            DEP_1.id,
            key="dep_check",
            found=f"{workload} started while the Service of its database did not exist",
            expected="its pod stays in Init until the Service has an endpoint",
            why=DEP_1.why,
            fix=DEP_1.fix,
        )
        for workload in hold.early
    ]
    started = {c.workload for c in observation.containers if c.ran and c.role != "init"}
    findings += [
        finding(
            observation,
            DEP_1.id,
            key="dep_check",
            found=f"{workload} did not start after the Service appeared",
            expected="it starts as soon as its dependencies are there",
            why="a wait that does not end is an installation that does not end",
            fix="see the log of the pod's dep_check container",
        )
        for workload in hold.waiting
        if workload not in started
    ]
    return Verdict.of(DEP_1.id, findings)


def _not_applicable(reason: str) -> Verdict:
    return Verdict(rule=DEP_1.id, status=Status.NOT_APPLICABLE, reason=reason)


def _no_database(observation: Observation) -> str:
    before, installed = observation.database[Step.BEFORE], observation.database[Step.INSTALLED]
    missing = []
    if set(installed.databases) <= set(before.databases):
        missing.append("no database more than before")
    if set(installed.accounts) <= set(before.accounts):
        missing.append("no account more than before")
    return f"the server shows {' and '.join(missing)}" if missing else ""


def _no_schema(observation: Observation) -> str:
    before, installed = observation.database[Step.BEFORE], observation.database[Step.INSTALLED]
    created = set(installed.databases) - set(before.databases)
    empty = sorted(name for name in created if not installed.databases[name])
    if not created:
        return "the server shows no database in which a schema could be"
    return f"the server shows no table in {', '.join(empty)}" if empty else ""


def _identity(lack: Callable[[IdentityState], str]) -> Callable[[Observation], str]:
    def shortcoming(observation: Observation) -> str:
        state = observation.identity
        if state is None:
            return ""
        if state.token_status != _TOKEN_GIVEN:
            return f"Keystone answers the administrator's token request with {state.token_status or 'nothing'}"
        return lack(state)

    return shortcoming


def _no_user(state: IdentityState) -> str:
    others = [user for user in state.users if user != state.administrator]
    return "" if others else f"Keystone knows no user but {state.administrator}"


#: What each function must have achieved: the text says what is missing, empty where nothing is.
_EFFECTS: Mapping[str, Callable[[Observation], str]] = {
    "db_init": _no_database,
    "db_sync": _no_schema,
    "ks_user": _identity(_no_user),
    "ks_service": _identity(lambda state: "" if state.services else "Keystone lists no service"),
    "ks_endpoints": _identity(lambda state: "" if state.endpoints else "Keystone lists no endpoint"),
    "bootstrap": _identity(lambda _: ""),
}


#: What only Keystone itself can confirm.
_ASKS_KEYSTONE = ("ks_user", "ks_service", "ks_endpoints", "bootstrap")


def _job_finding(observation: Observation, function: str, found: str) -> Finding:
    return finding(
        observation,
        JOB_1.id,
        key=function,
        found=found,
        expected=f"{function} has done its work on the server by the time the release is ready",
        why=JOB_1.why,
        fix=f"see the logs of the {function} containers in the artifacts",
    )


def _unsettled(observation: Observation) -> Finding:
    return finding(
        observation,
        JOB_1.id,
        found=observation.unsettled,
        expected="every workload of the release gets ready",
        why="with the images of this cell the chart does not come up",
        fix="see logs and events in the artifacts of the cell",
    )
