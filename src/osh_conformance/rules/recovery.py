"""What a removal that goes wrong must be: honest, harmless, and done again without an operator's hands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Rule, Severity, Status, Verdict
from osh_conformance.model.scenario import ExpectedData, InjectStep
from osh_conformance.rules import _removals
from osh_conformance.rules._live import finding
from osh_conformance.rules.catalogue import observes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import DatabaseState, FailedUninstall, Observation, ReleaseLifetime, Removal

DROP_6 = Rule(
    id="DROP-6",
    title="a removal that fails says so in time, deletes nothing else, does not act later, and succeeds once repaired",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="a drop Job that outlives the uninstall drops the database later, perhaps under a new release",
    example="a drop Job with `backoffLimit: 1000` and no `activeDeadlineSeconds`",
    fix="set activeDeadlineSeconds below helm's timeout (300 s), bound every wait of the script, and give the hook the "
    "delete policy before-hook-creation,hook-succeeded",
)
_UNTRUSTED = "certificate-untrusted"
#: Seconds that helm takes beyond its timeout, to say so.
_TOLERANCE = 15.0


@observes(DROP_6)
def recovery(observation: Observation) -> Verdict:
    """Judge DROP-6 on an uninstall under a fault, what followed it, and the uninstall after the repair."""
    if observation.unsettled:
        return Verdict.undecided(DROP_6.id, f"the release did not come up: {observation.unsettled}")
    if not observation.removals or not observation.lives[0].databases:
        return Verdict.undecided(DROP_6.id, "the release made no database, so there was nothing to drop")
    first = observation.removals[0]
    findings = [*_first(observation, first)]
    for again in observation.removals[1:]:
        findings += _second(observation, again)
    if not findings and (reason := _undisturbed(observation, first)):
        return Verdict.undecided(DROP_6.id, reason)
    return Verdict.of(DROP_6.id, findings)


def _undisturbed(observation: Observation, removal: Removal) -> str:
    """Why a removal shows nothing of what it does under a fault; "" where it does."""
    if not removal.fault_applied and removal.call.code == 0:
        return f"the drop had ended before {_names(removal)} could strike"
    if not removal.fault_applied:
        return f"helm uninstall failed before the drop was under way, so {_names(removal)} did not strike"
    if _stands(observation, removal) and not removal.reachable and removal.call.code == 0:
        return f"{_names(removal)} did not keep the drop from the server"
    return ""


def _stands(observation: Observation, removal: Removal) -> bool:
    """Whether the fault was there before the uninstall began."""
    injected = {step.inject for step in observation.scenario.steps if isinstance(step, InjectStep)}
    return bool(removal.faults) and injected.issuperset(removal.faults)


def _names(removal: Removal) -> str:
    """The faults of a removal, as text."""
    return ", ".join(removal.faults)


def _first(observation: Observation, removal: Removal) -> Iterator[Finding]:
    if removal.fate is not ExpectedData.DROPPED:
        return
    life, aftermath = observation.lives[removal.life], removal.aftermath
    under = f"under {_names(removal)}"
    if removal.call.code == 0:
        left = list(_removals.of_removal(observation, removal, DROP_6))
        for each in left:
            yield _retold(observation, f"{under}: helm uninstall ended with exit code 0, and", each)
        if not left and _UNTRUSTED in removal.faults:
            yield _told(
                observation,
                f"{under}: the drop succeeded on a server whose certificate no authority of the release's has signed",
                "the drop ends with an error, before it has sent a password",
                "verify the server's certificate, and its host, with the authority that the release was told",
            )
        return
    if aftermath is None:
        return
    if not removal.call.killed and removal.call.seconds > aftermath.timeout + _TOLERANCE:
        yield _told(
            observation,
            f"{under}: helm uninstall did not end within its timeout",
            f"it ends within {aftermath.timeout:g} s",
        )
    if aftermath.missing:
        yield _told(
            observation,
            f"{under}: the uninstall failed, and {', '.join(aftermath.missing)} is gone",
            "an uninstall that fails has deleted nothing, so that the service goes on",
            "let pre-delete hooks do what can fail: Helm deletes nothing before they have succeeded",
        )
    yield from _locked_out(observation, removal, life)
    yield from _later(observation, removal, aftermath, life)
    yield from _report(observation, removal, aftermath, life)


def _locked_out(observation: Observation, removal: Removal, life: ReleaseLifetime) -> Iterator[Finding]:
    """Where a drop could reach the server to its end, and has dropped nothing, its service can log in again."""
    whole = all(name in removal.after.databases and _whole(removal, name) for name in life.databases)
    if not (whole and removal.reachable and _stands(observation, removal)):
        return
    for account in life.accounts:
        if account in removal.after.locked and account not in removal.populated.locked:
            yield _told(
                observation,
                f"under {_names(removal)}: the uninstall failed, and account {account} is locked",
                "where every database is still there, the service can go on",
                "unlock what the drop has locked before it ends with an error",
            )


def _later(
    observation: Observation, removal: Removal, aftermath: FailedUninstall, life: ReleaseLifetime
) -> Iterator[Finding]:
    under = f"under {_names(removal)}"
    if aftermath.unfinished:
        bound = "it has no activeDeadlineSeconds"
        if aftermath.deadline is not None:
            bound = f"its activeDeadlineSeconds are {aftermath.deadline:g}"
        yield _told(
            observation,
            f"{under}: {', '.join(aftermath.unfinished)} goes on after helm uninstall has failed; {bound}",
            "no Job of the release can act after helm has ended and the Job's own deadline is over",
        )
    gone = [name for name in life.databases if _went(aftermath.stood, removal.after, name)]
    if gone and not aftermath.unfinished:
        yield _told(
            observation,
            f"{under}: after helm uninstall had failed, database {', '.join(gone)} was dropped",
            "nothing acts on the server after helm has ended and the Job's own deadline is over",
        )
    done = list(_done(life, aftermath.watch_began, aftermath.watch_ended))
    if done:
        when = f"within {aftermath.watched:g} s after the failed uninstall and the repair"
        yield _told(
            observation,
            f"{under}: {when}, under somebody who uses the databases again: {'; '.join(done)}",
            "nothing acts on the server any more",
        )
    elif aftermath.acted and not aftermath.unfinished:
        yield _told(
            observation,
            f"{under}: {', '.join(aftermath.acted)} still ran after helm had failed and the deadline was over",
            "no container of a drop Job runs any more",
        )


def _went(stood: DatabaseState | None, after: DatabaseState, name: str) -> bool:
    return stood is not None and name in stood.databases and name not in after.databases


def _done(life: ReleaseLifetime, began: DatabaseState, ended: DatabaseState) -> Iterator[str]:
    """What disappeared. The service itself may have changed rows: it runs."""
    for name, tables in began.databases.items():
        if name not in ended.databases:
            yield f"database {name} was dropped"
        elif set(tables) - set(ended.databases[name]):
            yield f"tables of {name} were dropped: {', '.join(sorted(set(tables) - set(ended.databases[name])))}"
    yield from (f"account {account} was dropped" for account in began.accounts if account not in ended.accounts)
    if ended.waiting and life.databases:
        yield f"the server still has {', '.join(ended.waiting)}"


def _report(
    observation: Observation, removal: Removal, aftermath: FailedUninstall, life: ReleaseLifetime
) -> Iterator[Finding]:
    """Where part of the release's data is gone, somebody has to know what is left: a warning."""
    if not removal.reachable:
        return
    left = [name for name in life.databases if name in removal.after.databases]
    touched = [name for name in life.databases if name not in removal.after.databases or not _whole(removal, name)]
    said = "\n".join(aftermath.told.values())
    unsaid = [name for name in left if name not in said]
    if touched and unsaid and said:
        told = _told(
            observation,
            f"under {_names(removal)}: the drop failed midway, and its log does not name {', '.join(unsaid)}, "
            "which is left",
            "the log of a drop that failed says what is gone and what is left",
            "print what the server still has before the script ends with an error",
        )
        yield replace(told, severity=Severity.WARNING, status=Status.WARNING)


def _whole(removal: Removal, name: str) -> bool:
    return set(removal.populated.databases.get(name, ())) <= set(removal.after.databases[name])


def _second(observation: Observation, removal: Removal) -> Iterator[Finding]:
    """Once repaired, the uninstall succeeds; what it leaves is judged as any removal, under this rule's id."""
    for each in _removals.of_removal(observation, removal, DROP_6):
        yield _retold(observation, "uninstalled again, after the repair:", each)


def _retold(observation: Observation, when: str, each: Finding) -> Finding:
    told = _told(observation, f"{when} {each.found}", each.expected, each.fix)
    return replace(told, severity=each.severity, status=each.status)


def _told(observation: Observation, found: str, expected: str, fix: str = DROP_6.fix) -> Finding:
    return finding(
        observation,
        DROP_6.id,
        key="db_drop",
        found=found,
        expected=expected,
        why=DROP_6.why,
        fix=fix,
    )
