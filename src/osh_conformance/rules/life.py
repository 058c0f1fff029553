"""A release that is installed again, or upgraded: it starts as the first one did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.chart import Role
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules._live import finding, performed
from osh_conformance.rules.registry import live_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import Observation, ObservedContainer, ReleaseLifetime

LIFE_1 = Rule(
    id="LIFE-1",
    title="a release that is installed again migrates again, and nothing of an earlier one lets it start early",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="Jobs that outlive the release are taken for those of the next one: its service starts before its database",
    example="a db_sync Job as a post-install hook without hook-succeeded: dep_check finds it done after a reinstall",
    fix="let Jobs be ordinary objects of the release, or give their hooks before-hook-creation,hook-succeeded",
)


LIFE_2 = Rule(
    id="LIFE-2",
    title="a release that comes and goes leaves no more each time",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="what every uninstall leaves adds up, until the namespace or the server is full of it",
    example="a hook Job with a random name and without a delete policy",
    fix="let every object belong to the release, or give hooks fixed names and a delete policy",
)


@live_rule(LIFE_2)
def growth(observation: Observation) -> Verdict:
    """Judge LIFE-2: after the last uninstall namespace and server hold no more than after the first."""
    gauges = observation.gauges
    if len(gauges) < 2:  # noqa: PLR2004
        return Verdict.not_applicable(LIFE_2.id, "the release was not installed again and again: --repeat N does it")
    first, last = gauges[0].own, gauges[-1].own
    findings = [
        finding(
            observation,
            LIFE_2.id,
            found=f"{kind}: {first.get(kind, 0)} after the first uninstall, {number} after {len(gauges)}",
            expected="no more than after the first",
            why=LIFE_2.why,
            fix=LIFE_2.fix,
        )
        for kind, number in sorted(last.items())
        if number > first.get(kind, 0)
    ]
    return Verdict.of(LIFE_2.id, findings)


@live_rule(LIFE_1)
def next_life(observation: Observation) -> Verdict:
    """Judge LIFE-1: each later install or upgrade comes up, migrates a new database, and starts after that."""
    lives = observation.lives
    upgrade = observation.helm_call("upgrade")
    if not lives:
        return Verdict.not_applicable(LIFE_1.id, "nothing was installed")
    if upgrade is None and (len(lives) == 1 or lives[0].unsettled):
        return Verdict.undecided(LIFE_1.id, f"there was no second install: {lives[0].unsettled or 'none is asked for'}")
    findings = []
    if upgrade and lives[0].unsettled:
        findings.append(_told(observation, f"the upgrade fails: {lives[0].unsettled}", "it comes up"))
    for life in lives[1:]:
        findings += _again(observation, lives[0], life)
    return Verdict.of(LIFE_1.id, findings)


def _again(observation: Observation, first: ReleaseLifetime, life: ReleaseLifetime) -> Iterator[Finding]:
    if life.unsettled:
        yield _told(observation, f"installed again, it does not come up: {life.unsettled}", "it comes up as at first")
        return
    for name in first.databases:
        if name in life.before.databases:
            continue  # it was not dropped: another rule's business
        missing = sorted(set(first.installed.databases[name]) - set(life.installed.databases.get(name, ())))
        if missing:
            found = f"installed again, database {name} has no {', '.join(missing[:3])}"
            more = f" and {len(missing) - 3} tables more" if len(missing) > 3 else ""  # noqa: PLR2004
            yield _told(observation, found + more, "the same tables as at first: migrations run again")
    yield from _early(observation, first, life)


def _early(observation: Observation, first: ReleaseLifetime, life: ReleaseLifetime) -> Iterator[Finding]:
    """What started after the migration at first, and before it now."""
    needy = {(c.pod, c.workload) for c in performed(observation, "dep_check")}
    waits = {
        c.label
        for c in _main(observation, first)
        # Without dep_check it may be chance; times are whole seconds.
        if (c.pod, c.workload) in needy and c.started_at > _migrated(observation, first)
    }
    migrated = _migrated(observation, life)
    for container in _main(observation, life):
        if container.label in waits and container.started_at < migrated:
            yield _told(
                observation,
                f"installed again, {container.label} started before db_sync had ended",
                "it starts after the migration, as at first",
            )


def _main(observation: Observation, life: ReleaseLifetime) -> list[ObservedContainer]:
    return [
        c
        for c in observation.containers
        if c.pod in life.pods and c.role is Role.MAIN and c.ran and not c.workload.startswith("Job/")
    ]


def _migrated(observation: Observation, life: ReleaseLifetime) -> str:
    """When the last db_sync of a life ended, RFC 3339; "" where none did."""
    return max((c.finished_at for c in performed(observation, "db_sync") if c.pod in life.pods), default="")


def _told(observation: Observation, found: str, expected: str) -> Finding:
    return finding(
        observation, LIFE_1.id, key="db_sync", found=found, expected=expected, why=LIFE_1.why, fix=LIFE_1.fix
    )
