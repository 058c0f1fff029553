"""JOB-1: each Job has done its work on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.observation import Moment
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.live import containers_of, place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import IdentityState, Observation

RULE = Rule(
    id="JOB-1",
    title="each Job has done its work, and the server that it worked on confirms that",
    source="the image that will perform database creation, migration, registration ... operations",
    why="each standard image key names the work that its image performs",
    fix="exit with an error if the work was not done",
    before="""\
kind: Job
metadata:
  name: keystone-db-sync
spec:
  template:
    spec:
      containers:
        - name: db-sync
          command: ["/bin/sh", "-c", "keystone-manage db_sync || true"]
""",
    after="""\
kind: Job
metadata:
  name: keystone-db-sync
spec:
  template:
    spec:
      containers:
        - name: db-sync
          command: ["/bin/sh", "-c", "keystone-manage db_sync"]
""",
)
_TOKEN_GIVEN = 201


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Query the database server for database, account and schema, and Keystone for users, services and endpoints.

    It is undecided if everything else is right and Keystone was not queried.
    """
    used = [function for function in _PROBLEMS if containers_of(observation, function)]
    problems = {function: _problem(observation, function) for function in used}
    findings = [_finding(observation, function, problem) for function, problem in problems.items() if problem]
    if observation.unsettled:
        findings.append(_not_up(observation))
    if not used and not findings:
        return Verdict.not_applicable(RULE.id, "no container performs a standard function")
    if not findings and observation.identity is None and any(function in _ASKS_KEYSTONE for function in used):
        return Verdict.undecided(RULE.id, "Keystone was not queried: the convention does not give its address")
    return Verdict.of(RULE.id, findings)


def _problem(observation: Observation, function: str) -> str:
    """Return what a standard function has failed to do, or ""."""
    containers = containers_of(observation, function)
    if any(c.exit_code == 0 for c in containers):
        return _PROBLEMS[function](observation)
    states = "; ".join(
        f"{c.label} {c.state} {c.exit_code if c.exit_code is not None else c.reason}".strip() for c in containers
    )
    return f"no container of the key ended with exit code 0: {states}"


def _no_database(observation: Observation) -> str:
    before, installed = observation.database[Moment.BEFORE], observation.database[Moment.INSTALLED]
    missing = []
    if set(installed.databases) <= set(before.databases):
        missing.append("no new database")
    if set(installed.accounts) <= set(before.accounts):
        missing.append("no new account")
    return f"the server has {' and '.join(missing)}" if missing else ""


def _no_schema(observation: Observation) -> str:
    before, installed = observation.database[Moment.BEFORE], observation.database[Moment.INSTALLED]
    created = set(installed.databases) - set(before.databases)
    empty = sorted(name for name in created if not installed.databases[name])
    if not created:
        return "the server has no new database, so no schema"
    return f"the server has no table in {', '.join(empty)}" if empty else ""


def _in_keystone(problem: Callable[[IdentityState], str]) -> Callable[[Observation], str]:
    """Return a function that applies `problem` to Keystone's answers, where it gave the administrator a token."""

    def of_observation(observation: Observation) -> str:
        state = observation.identity
        if state is None:
            return ""
        if state.token_status != _TOKEN_GIVEN:
            answer = f"with status {state.token_status}" if state.token_status else "with nothing"
            return f"Keystone answered the administrator's token request {answer}"
        return problem(state)

    return of_observation


def _no_user(state: IdentityState) -> str:
    others = [user for user in state.users if user != state.administrator]
    return "" if others else f"Keystone lists no user except {state.administrator}"


#: By standard function: returns what the function has failed to do, or "".
_PROBLEMS: Mapping[str, Callable[[Observation], str]] = {
    "db_init": _no_database,
    "db_sync": _no_schema,
    "ks_user": _in_keystone(_no_user),
    "ks_service": _in_keystone(lambda state: "" if state.services else "Keystone lists no service"),
    "ks_endpoints": _in_keystone(lambda state: "" if state.endpoints else "Keystone lists no endpoint"),
    "bootstrap": _in_keystone(lambda _: ""),
}

#: The functions whose work only Keystone can confirm.
_ASKS_KEYSTONE = ("ks_user", "ks_service", "ks_endpoints", "bootstrap")


def _finding(observation: Observation, function: str, found: str) -> Finding:
    return RULE.finding(
        place(observation, key=function),
        found=found,
        expected=f"{function} has done its work on the server by the time the release is ready",
        fix=f"see the logs of the {function} containers in the artifacts",
    )


def _not_up(observation: Observation) -> Finding:
    return RULE.finding(
        place(observation),
        found=observation.unsettled,
        expected="every workload of the release becomes ready",
        why="the chart does not come up with the images of this cell",
        fix="see logs and events in the cell's artifacts",
        cause="not up",
    )
