"""JOB-1: each Job has done its work on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.observation import Moment
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.image_keys import in_name
from osh_conformance.rules.shared.live import containers_of, image_key, place

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import IdentityState, Observation, ObservedContainer, QueueState

RULE = Rule(
    id="JOB-1",
    title="each Job has done its work, and the server that it worked on confirms that",
    source="the image that will perform database creation, migration, registration ... operations",
    why="each standard image key names the work that its image performs",
    fix="exit with an error if the work was not done",
    blind=(
        "Jobs whose key performs no standard function, such as bootstrap; the rows in the tables; databases "
        "other than MariaDB"
    ),
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
    reduced=True,
)


#: The function of `rabbit-init`: it has no standard key, and the message queue confirms its work.
_QUEUE_FUNCTION = "rabbit_init"
_AROUND_INSTALL = (Moment.BEFORE, Moment.INSTALLED)


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Query the database server for database, account and schema, and Keystone for users, services and endpoints.

    The message queue confirms the user and the vhost of a container `rabbit-init`, on the image of any key. The rule is
    undecided if everything else is right and Keystone or the message queue was not queried, as where the API server
    reaches no Keystone.
    """
    used = {function: found for function in _PROBLEMS if (found := _performing(observation, function))}
    problems = {function: _problem(observation, function, found) for function, found in used.items()}
    findings = [
        _finding(observation, function, image_key(observation, used[function][0]) or function, problem)
        for function, problem in problems.items()
        if problem
    ]
    if observation.unsettled:
        findings.append(_not_up(observation))
    if not used and not findings:
        return Verdict.not_applicable(RULE.id, "no container performs a standard function")
    if not findings and (reason := _not_queried(observation, used)):
        return Verdict.undecided(RULE.id, reason)
    return Verdict.of(RULE.id, findings)


def _not_queried(observation: Observation, used: Collection[str]) -> str:
    """Return why a server could not confirm one of these functions, "" if each did."""
    unread = "; ".join(dict.fromkeys(state.unread for state in observation.outside.values() if state.unread))
    if any(function in _ASKS_KEYSTONE for function in used):
        if observation.identity is None:
            reason = unread or "the cell has none whose entries the convention can tell apart"
            return f"Keystone was not queried: {reason}"
        if observation.identity.unasked:
            return f"Keystone was not queried: the API server answered instead: {observation.identity.unasked}"
    if _QUEUE_FUNCTION in used and any(_queue_at(observation, moment) is None for moment in _AROUND_INSTALL):
        return f"the message queue was not queried: {unread or 'the cell has none of the suite itself'}"
    return ""


def _performing(observation: Observation, function: str) -> tuple[ObservedContainer, ...]:
    """Return the containers of a function. A container `rabbit-init` may use the image of another one.

    In a reduced run, only the functions that the chart then declares count: the images of all others do nothing.
    """
    if observation.scenario.reduced and function not in observation.declared.functions.values():
        return ()
    for_queue = tuple(c for c in observation.containers if _QUEUE_FUNCTION in in_name(c.name))
    if function == _QUEUE_FUNCTION:
        return for_queue
    return tuple(c for c in containers_of(observation, function) if c not in for_queue)


def _problem(observation: Observation, function: str, containers: Sequence[ObservedContainer]) -> str:
    """Return what a function has failed to do, or ""."""
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
        if state is None or state.unasked:
            return ""
        return problem(state) if state.answered else f"the administrator's token request {state.answer}"

    return of_observation


def _no_user(state: IdentityState) -> str:
    others = [user for user in state.users if user != state.administrator]
    return "" if others else f"Keystone lists no user except {state.administrator}"


def _nothing_on_queue(observation: Observation) -> str:
    before, installed = (_queue_at(observation, moment) for moment in _AROUND_INSTALL)
    if before is None or installed is None:
        return ""
    # A service may use a vhost that is there for all, such as `/`.
    if set(installed.users) <= set(before.users) and set(installed.vhosts) <= set(before.vhosts):
        return "the message queue has no new user and no new vhost"
    return ""


def _queue_at(observation: Observation, moment: Moment) -> QueueState | None:
    state = observation.outside.get(moment)
    return state.queue if state else None


#: By function: returns what the function has failed to do, or "".
_PROBLEMS: Mapping[str, Callable[[Observation], str]] = {
    "db_init": _no_database,
    "db_sync": _no_schema,
    "ks_user": _in_keystone(_no_user),
    "ks_service": _in_keystone(lambda state: "" if state.services else "Keystone lists no service"),
    "ks_endpoints": _in_keystone(lambda state: "" if state.endpoints else "Keystone lists no endpoint"),
    "bootstrap": _in_keystone(lambda _: ""),
    _QUEUE_FUNCTION: _nothing_on_queue,
}

#: The functions whose work only Keystone can confirm.
_ASKS_KEYSTONE = ("ks_user", "ks_service", "ks_endpoints", "bootstrap")


def _finding(observation: Observation, function: str, key: str, found: str) -> Finding:
    return RULE.finding(
        place(observation, key=key if function == _QUEUE_FUNCTION else function),
        found=found,
        expected=f"{function} has done its work on the server by the time the release is ready",
        fix=f"see the logs of the {function} containers in the artifacts",
        # The image key may be that of another function.
        cause=function if function == _QUEUE_FUNCTION else "",
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
