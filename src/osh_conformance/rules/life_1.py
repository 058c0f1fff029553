"""LIFE-1: a later install or upgrade starts as the first install did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.chart import Role
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.live import containers_of, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import Observation, ObservedContainer, ReleaseLifetime

RULE = Rule(
    id="LIFE-1",
    title="a release that is installed again runs its migrations again, and its service waits for them",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="Jobs left by an earlier release pass for the new release's own: its service starts before its database exists",
    fix="make Jobs ordinary objects of the release, or give their hooks the delete policy "
    "before-hook-creation,hook-succeeded",
    blind=(
        "upgrades from versions that the catalog does not name as `previous`; rollbacks; changes of values "
        "between installs"
    ),
    before="""\
kind: Job
metadata:
  name: keystone-db-sync
  annotations:
    helm.sh/hook: post-install
""",
    after="""\
kind: Job
metadata:
  name: keystone-db-sync
  annotations:
    helm.sh/hook: post-install
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
""",
)
#: The number of missing tables that a finding names.
_NAMED = 3


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Check that each later install or upgrade comes up, migrates a new database, and starts the service after that.

    It is undecided if the scenario has no second install and no upgrade.
    """
    lifetimes = observation.lifetimes
    upgrade = observation.helm_call("upgrade")
    if not lifetimes:
        return Verdict.not_applicable(RULE.id, "nothing was installed")
    if upgrade is None and (len(lifetimes) == 1 or lifetimes[0].unsettled):
        reason = lifetimes[0].unsettled or "the scenario has none"
        return Verdict.undecided(RULE.id, f"there was no second install: {reason}")
    findings = []
    if upgrade and lifetimes[0].unsettled:
        found = f"the upgrade fails: {lifetimes[0].unsettled}"
        findings.append(_finding(observation, "upgrade", found, "the release comes up"))
    for lifetime in lifetimes[1:]:
        findings += _findings_again(observation, lifetimes[0], lifetime)
    return Verdict.of(RULE.id, findings)


def _findings_again(observation: Observation, first: ReleaseLifetime, lifetime: ReleaseLifetime) -> Iterator[Finding]:
    """Yield where a later install of the release differs from the first."""
    if lifetime.unsettled:
        found = f"installed again, the release does not come up: {lifetime.unsettled}"
        yield _finding(observation, "not up", found, "the release comes up as it did at first")
        return
    for name in first.databases:
        if name in lifetime.before.databases:
            continue  # it was not dropped: the DROP rules report that
        missing = sorted(set(first.installed.databases[name]) - set(lifetime.installed.databases.get(name, ())))
        if missing:
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            found = f"installed again, database {name} lacks these tables: {', '.join(missing[:_NAMED])}{more}"
            yield _finding(observation, f"tables of {name}", found, "the same tables as at first: migrations run again")
    yield from _started_early(observation, first, lifetime)


def _started_early(observation: Observation, first: ReleaseLifetime, lifetime: ReleaseLifetime) -> Iterator[Finding]:
    """Yield the containers that started after the migration at first, and start before it now."""
    with_dep_check = {(c.pod, c.workload) for c in containers_of(observation, "dep_check")}
    waiting = {
        c.label
        for c in _service_containers(observation, first)
        # Without dep_check the order may be chance. Times are whole seconds.
        if (c.pod, c.workload) in with_dep_check and c.started_at > _migrated_at(observation, first)
    }
    migrated_at = _migrated_at(observation, lifetime)
    for container in _service_containers(observation, lifetime):
        if container.label in waiting and container.started_at < migrated_at:
            yield _finding(
                observation,
                f"early {container.label}",
                f"installed again, {container.label} started before db_sync had ended",
                "it starts after the migration, as at first",
            )


def _service_containers(observation: Observation, lifetime: ReleaseLifetime) -> list[ObservedContainer]:
    """Return the main containers that ran in a lifetime of the release, without those of Jobs."""
    return [
        c
        for c in observation.containers
        if c.pod in lifetime.pods and c.role is Role.MAIN and c.ran and not c.workload.startswith("Job/")
    ]


def _migrated_at(observation: Observation, lifetime: ReleaseLifetime) -> str:
    """Return when the last db_sync container of a lifetime ended, in RFC 3339, or "" if none did."""
    return max((c.finished_at for c in containers_of(observation, "db_sync") if c.pod in lifetime.pods), default="")


def _finding(observation: Observation, cause: str, found: str, expected: str) -> Finding:
    return RULE.finding(place(observation, key="db_sync"), found=found, expected=expected, cause=cause)
