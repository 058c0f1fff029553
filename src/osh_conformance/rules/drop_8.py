"""DROP-8: the uninstall also removes what the release created outside the database server, or the chart says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.chart import KEEPS, MESSAGE_QUEUE
from osh_conformance.model.finding import Severity, Verdict
from osh_conformance.model.observation import Moment
from osh_conformance.model.rule import Rule
from osh_conformance.model.scenario import ExpectedData
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.live import not_up, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import IdentityState, Observation, QueueState

RULE = Rule(
    id="DROP-8",
    title="with the switch on, helm uninstall also removes the message queue's user and vhost, or the chart keeps them",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="a user that stays can still log in; the next release of the name gets its old messages",
    fix="remove them in the drop Job, by a container on the image of db_drop, or name them as kept in Chart.yaml",
    blind=(
        "what else a release leaves outside of Kubernetes: volumes, buckets, DNS entries; queues and "
        "exchanges inside of a vhost that stays"
    ),
    before="""\
# the drop Job
containers:
  - name: db-drop  # the user and the vhost that rabbit-init made stay
    image: "{{ .Values.images.db_drop }}"
""",
    after="""\
# the drop Job
containers:
  - name: db-drop
    image: "{{ .Values.images.db_drop }}"
  - name: rabbit-drop
    image: "{{ .Values.images.db_drop }}"
""",
)


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Compare the message queue and Keystone's entries before the install, after it, and after the last uninstall.

    With the switch on, each user, vhost and permission of the message queue that the install added must be gone. If the
    chart keeps them on purpose (`annotations: {osh-conformance/keeps: message-queue}` in Chart.yaml), or if Keystone's
    entries stay, a warning says so. With the switch off, all of it must be there. Users and vhosts of others must be
    unchanged. The rule is not applicable if the cell has neither a message queue nor a Keystone that other cells use.
    """
    outside = observation.outside
    if not outside:
        return Verdict.not_applicable(
            RULE.id, "the cell has no message queue, and no Keystone but one that the chart itself may be"
        )
    if reason := _undecided(observation):
        return Verdict.undecided(RULE.id, reason)
    findings = [*_of_queue(observation), *_of_keystone(observation)]
    unread = "; ".join(dict.fromkeys(state.unread for state in outside.values() if state.unread))
    if unread and all(finding.severity is Severity.WARNING for finding in findings):
        return Verdict.undecided(RULE.id, f"not all of it could be read: {unread}")
    if not findings and not _added_anything(observation):
        return Verdict.not_applicable(RULE.id, "the install added nothing to the message queue or to Keystone")
    return Verdict.of(RULE.id, findings)


def _undecided(observation: Observation) -> str:
    """Return why the observation allows no verdict, "" if it does."""
    if observation.unsettled:
        return not_up(observation)
    if not observation.removals or not set(Moment) <= set(observation.outside):
        return "the release was not uninstalled"
    code = observation.removals[-1].call.code
    return f"helm uninstall ended with exit code {code} (see DROP-4)" if code else ""


def _added_anything(observation: Observation) -> bool:
    before, installed = (observation.outside[moment] for moment in (Moment.BEFORE, Moment.INSTALLED))
    entries = _entries(installed.identity) if installed.identity else {}
    queue = _added(before.queue, installed.queue) if before.queue and installed.queue else {}
    return bool(entries or queue)


# -- the message queue -----------------------------------------------------------------------------------------------


def _of_queue(observation: Observation) -> Iterator[Finding]:
    before, installed, after = (observation.outside[moment].queue for moment in Moment)
    if before is None or installed is None or after is None:
        return
    added, now = _added(before, installed), _things(after)
    yield from _of_others(observation, _things(before), now)
    if observation.removals[-1].expected_data is ExpectedData.DROPPED:
        left = sorted(set(now) - set(_things(before)))
        if left:
            yield _left(observation, left)
    else:
        for thing in sorted(added):
            if now.get(thing) != added[thing]:
                yield RULE.finding(
                    place(observation, key="db_drop"),
                    found=f"{thing} {'is gone' if thing not in now else 'is another one'}",
                    expected="with the switch off, the message queue keeps what the release made there",
                    fix="remove it in the drop Job only",
                    cause=f"lost {thing}",
                )


def _left(observation: Observation, left: list[str]) -> Finding:
    kept = MESSAGE_QUEUE in observation.declared.keeps
    return RULE.finding(
        place(observation, key="db_drop"),
        found=f"{'kept' if kept else 'still there'} on the message queue after helm uninstall: {', '.join(left)}",
        expected="gone, as the database is",
        why=f"the chart says that it keeps it ({KEEPS}): an operator has to remove it" if kept else "",
        cause="queue kept" if kept else "queue",
        warning=kept,
    )


def _of_others(observation: Observation, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Finding]:
    for thing, value in sorted(before.items()):
        if now.get(thing) != value:
            yield RULE.finding(
                place(observation, key="db_drop"),
                found=f"{thing} of another service {'is gone' if thing not in now else 'has changed'}",
                expected="everything else on the message queue is unchanged",
                fix="remove only this service's own user and vhost, by their full names",
                cause=f"other {thing}",
            )


def _things(state: QueueState) -> dict[str, str]:
    """Return everything on the message queue by its name, with what must stay the same of it."""
    users = {f"user {name}": login for name, login in state.users.items()}
    vhosts = {f"vhost {name}": "" for name in state.vhosts}
    return {**users, **vhosts, **{f"permission of {name}": what for name, what in state.permissions.items()}}


def _added(before: QueueState, installed: QueueState) -> dict[str, str]:
    old = _things(before)
    return {name: value for name, value in _things(installed).items() if name not in old}


# -- Keystone --------------------------------------------------------------------------------------------------------


def _of_keystone(observation: Observation) -> Iterator[Finding]:
    installed, after = (observation.outside[moment].identity for moment in (Moment.INSTALLED, Moment.AFTER))
    if installed is None or after is None:
        return
    entries, now = _entries(installed), _entries(after)
    if observation.removals[-1].expected_data is ExpectedData.DROPPED:
        if now:
            yield RULE.finding(
                place(observation, key="db_drop"),
                found=f"kept in Keystone after helm uninstall: {_counted(after)}",
                expected="gone with the service, or removed by an operator",
                why="clients still find endpoints behind which there is no service",
                fix="remove them if the service does not return: openstack endpoint, service and user delete",
                cause="keystone kept",
                warning=True,
            )
        return
    for entry in entries:
        if entry not in now:
            yield RULE.finding(
                place(observation, key="db_drop"),
                found=f"{entry} is gone from Keystone",
                expected="with the switch off, Keystone keeps what the release registered",
                fix="remove it in the drop Job only",
                cause=f"lost {entry}",
            )


def _counted(state: IdentityState) -> str:
    # Without URLs: they hold the namespace, which changes from run to run.
    names = [entry for entry in _entries(state) if not entry.startswith("endpoint ")]
    return ", ".join([*names, f"{len(state.endpoints)} endpoints"])


def _entries(state: IdentityState) -> dict[str, None]:
    users = (f"user {name}" for name in state.users)
    services = (f"service {name}" for name in state.services)
    return dict.fromkeys((*users, *services, *(f"endpoint {name}" for name in state.endpoints)))
