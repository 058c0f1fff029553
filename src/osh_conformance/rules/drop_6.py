"""DROP-6: a failed uninstall is reported, does no harm, and can be repeated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.model.scenario import FAULTS, ExpectedData, InjectStep
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.live import not_up
from osh_conformance.rules.shared.removal_problem import RemovalProblem
from osh_conformance.rules.shared.removals import removal_problems
from osh_conformance.rules.shared.server_changes import problems_of_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import DatabaseState, FailedUninstall, Observation, ReleaseLifetime, Removal

RULE = Rule(
    id="DROP-6",
    title="a failed uninstall reports the failure in time, deletes nothing else, does not act later, and succeeds "
    "after the repair",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="a drop Job that outlives the uninstall drops the database later, perhaps under a new release",
    fix="set activeDeadlineSeconds below helm's timeout (300 s), limit every wait in the script, and give the hook the "
    "delete policy before-hook-creation,hook-succeeded",
    blind="faults other than those of its scenarios; faults of a user's own network, storage and registry",
    before="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: keystone-db-drop
  annotations:
    helm.sh/hook: pre-delete
spec:
  backoffLimit: 1000
""",
    after="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: keystone-db-drop
  annotations:
    helm.sh/hook: pre-delete
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 240
""",
    reduced=True,
)
#: What is wrong with the server's certificate under a fault: no drop may go on then.
_CERTIFICATES = {
    "certificate-other-host": "is for another host",
    "certificate-untrusted": "is not signed by the release's authority",
}
#: Seconds that helm takes to end after its timeout.
_TOLERANCE = 15.0


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Check an uninstall under a fault, the time after it, and the second uninstall after the repair.

    It is undecided if the release did not come up, or if the fault did not affect the drop.
    """
    if observation.unsettled:
        return Verdict.undecided(RULE.id, not_up(observation))
    if not observation.removals or not observation.lifetimes[0].databases:
        return Verdict.undecided(RULE.id, "the release created no database, so there was nothing to drop")
    first, *repeated = observation.removals
    findings = list(_findings_under_fault(observation, first))
    for removal in repeated:
        # The checks of DROP-4, under the id of this rule.
        findings += [
            problem.finding(RULE, observation, when="uninstalled again, after the repair")
            for problem in removal_problems(observation, removal)
        ]
    if not findings and (reason := _unaffected(observation, first)):
        return Verdict.undecided(RULE.id, reason)
    return Verdict.of(RULE.id, findings)


def _unaffected(observation: Observation, removal: Removal) -> str:
    """Return why the fault did not affect the drop, or "" if it did."""
    faults, succeeded = _names(removal), removal.call.code == 0
    if not removal.fault_applied and succeeded:
        return f"the drop ended before {faults} was injected"
    if not removal.fault_applied:
        return f"helm uninstall failed before the drop began, so {faults} was not injected"
    prevented = not removal.reachable or any(FAULTS[name].prevents for name in removal.faults)
    if _before_uninstall(observation, removal) and prevented and succeeded:
        return f"helm uninstall succeeded in spite of {faults}, so the fault did not affect the drop"
    return ""


def _names(removal: Removal) -> str:
    return ", ".join(removal.faults)


def _before_uninstall(observation: Observation, removal: Removal) -> bool:
    """Whether the uninstall had faults, and all of them were in place before it began."""
    in_place = {step.inject for step in observation.scenario.steps if isinstance(step, InjectStep)}
    return bool(removal.faults) and in_place.issuperset(removal.faults)


def _findings_under_fault(observation: Observation, removal: Removal) -> Iterator[Finding]:
    if removal.expected_data is not ExpectedData.DROPPED:
        return
    problems = _after_success if removal.call.code == 0 else _after_failure
    for problem in problems(observation, removal):
        yield problem.finding(RULE, observation, when=f"under {_names(removal)}")


def _after_success(observation: Observation, removal: Removal) -> Iterator[RemovalProblem]:
    """Yield the problems after an uninstall that succeeded under a fault."""
    problems = list(removal_problems(observation, removal))
    for problem in problems:
        yield replace(problem, found=f"helm uninstall ended with exit code 0, and {problem.found}")
    wrong = [_CERTIFICATES[name] for name in removal.faults if name in _CERTIFICATES]
    if wrong and not problems:
        yield RemovalProblem(
            cause="untrusted server",
            found=f"the drop succeeded on a server whose certificate {' and '.join(wrong)}",
            expected="the drop ends with an error before it sends a password",
            fix="verify the server's certificate and host name with the CA certificate in the release's values",
        )


def _after_failure(observation: Observation, removal: Removal) -> Iterator[RemovalProblem]:
    """Yield the problems after an uninstall that failed under a fault."""
    lifetime, failure = observation.lifetimes[removal.lifetime], removal.failure
    if failure is None:
        return
    if not removal.call.killed and removal.call.seconds > failure.timeout + _TOLERANCE:
        yield RemovalProblem(
            cause="timeout",
            found="helm uninstall did not end within its timeout",
            expected=f"helm uninstall ends within {failure.timeout:g} s",
        )
    if failure.missing:
        yield RemovalProblem(
            cause="deleted objects",
            found=f"the failed uninstall deleted {', '.join(failure.missing)}",
            expected="a failed uninstall deletes nothing, so the service keeps running",
            fix="do everything that can fail in pre-delete hooks: Helm deletes nothing until they have succeeded",
        )
    yield from problems_of_server(lifetime, removal, observation.lifetimes[0].before)
    if _before_uninstall(observation, removal):
        yield from _locked_accounts(lifetime, removal)
    yield from _later(lifetime, removal, failure)
    yield from _unreported(lifetime, removal, failure)


def _locked_accounts(lifetime: ReleaseLifetime, removal: Removal) -> Iterator[RemovalProblem]:
    """Yield the accounts that the drop left locked, although it reached the server to its end and dropped nothing."""
    complete = all(name in removal.after.databases and _is_complete(removal, name) for name in lifetime.databases)
    if not (complete and removal.reachable):
        return
    for account in lifetime.accounts:
        if account in removal.after.locked and account not in removal.populated.locked:
            yield RemovalProblem(
                cause=f"locked account {account}",
                found=f"the failed uninstall left account {account} locked",
                expected="the service can log in while all its databases are still there",
                fix="unlock the accounts that the drop locked before the script exits with an error",
            )


def _later(lifetime: ReleaseLifetime, removal: Removal, failure: FailedUninstall) -> Iterator[RemovalProblem]:
    """Yield what still ran, or was dropped, after helm had failed."""
    if failure.unfinished:
        bound = "it has no activeDeadlineSeconds"
        if failure.deadline is not None:
            bound = f"its activeDeadlineSeconds is {failure.deadline:g}"
        yield RemovalProblem(
            cause="unfinished Job",
            found=f"{', '.join(failure.unfinished)} keeps running after helm uninstall failed; {bound}",
            expected="no Job of the release can act after helm has ended and the Job's own deadline has passed",
        )
    dropped = [name for name in lifetime.databases if _was_dropped(failure.before_repair, removal.after, name)]
    if dropped and not failure.unfinished:
        yield RemovalProblem(
            cause="dropped before the repair",
            found=f"database {', '.join(dropped)} was dropped after helm uninstall failed",
            expected="nothing is dropped after helm has ended and the Job's own deadline has passed",
        )
    losses = list(_losses(lifetime, failure.watch_began, failure.watch_ended))
    if losses:
        when = f"within {failure.watched:g} s after the failed uninstall and the repair"
        yield RemovalProblem(
            cause="dropped after the repair",
            found=f"{when}, while another client used the databases: {'; '.join(losses)}",
            expected="the failed uninstall drops nothing after the repair",
        )
    elif failure.acted and not failure.unfinished:
        yield RemovalProblem(
            cause="running container",
            found=f"{', '.join(failure.acted)} still ran after helm failed and the Job's deadline passed",
            expected="no container of a drop Job runs any more",
        )


def _was_dropped(before: DatabaseState | None, after: DatabaseState, name: str) -> bool:
    return before is not None and name in before.databases and name not in after.databases


def _losses(lifetime: ReleaseLifetime, began: DatabaseState, ended: DatabaseState) -> Iterator[str]:
    """Yield what disappeared between two states. Rows do not count, because the running service may change them."""
    for name, tables in began.databases.items():
        if name not in ended.databases:
            yield f"database {name} was dropped"
        elif dropped := sorted(set(tables) - set(ended.databases[name])):
            yield f"tables of {name} were dropped: {', '.join(dropped)}"
    yield from (f"account {account} was dropped" for account in began.accounts if account not in ended.accounts)
    if ended.waiting and lifetime.databases:
        yield f"statements still waiting on the server: {', '.join(ended.waiting)}"


def _unreported(lifetime: ReleaseLifetime, removal: Removal, failure: FailedUninstall) -> Iterator[RemovalProblem]:
    """Warn if the drop failed midway, and its log does not name the remaining databases.

    A drop that was cut off from the server, or printed nothing because it was killed, cannot name them.
    """
    if not removal.reachable:
        return
    left = [name for name in lifetime.databases if name in removal.after.databases]
    touched = any(name not in left or not _is_complete(removal, name) for name in lifetime.databases)
    log = "\n".join(failure.logs.values())
    unnamed = [name for name in left if name not in log]
    if touched and unnamed and log:
        yield RemovalProblem(
            cause="incomplete log",
            found=f"the drop failed midway, and its log does not name the remaining {', '.join(unnamed)}",
            expected="the log of a failed drop names what is gone and what is left",
            fix="print what the server still has before the script exits with an error",
            warning=True,
        )


def _is_complete(removal: Removal, name: str) -> bool:
    """Whether a database that is still there has all the tables that it had before the uninstall."""
    return set(removal.populated.databases.get(name, ())) <= set(removal.after.databases[name])
