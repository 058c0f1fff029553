"""Ways to break an observation, each in one place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from osh_conformance.model.observation import DatabaseState, Moment, Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from osh_conformance.model.observation import ObservedContainer, ResourceUsage

    Mutation = Callable[[Observation], Observation]


def with_containers(seen: Observation, change: Callable[[ObservedContainer], ObservedContainer]) -> Observation:
    return replace(seen, containers=tuple(change(c) for c in seen.containers))


def of(key: str, **changes: Any) -> Mutation:
    """Change the main container of a key."""

    def change(seen: Observation) -> Observation:
        name = f"keystone-{key.replace('_', '-')}"
        return with_containers(seen, lambda c: replace(c, **changes) if c.name == name else c)

    return change


def changed(seen: Observation, **fields: Any) -> Observation:
    """As `replace`, also for what an observation works out of its lives and removals."""
    database = fields.pop("database", None)
    if database is not None:
        before = database.get(Moment.BEFORE, seen.lifetimes[0].before)
        lives = (replace(seen.lifetimes[0], before=before, installed=database.get(Moment.INSTALLED, before)),)
        removals = seen.removals if Moment.AFTER in database else ()
        populated = lives[0].installed
        removals = tuple(replace(each, populated=populated, after=database[Moment.AFTER]) for each in removals)
        seen = replace(seen, lifetimes=lives, removals=removals)
    if "unsettled" in fields:
        seen = replace(seen, lifetimes=(replace(seen.lifetimes[0], unsettled=fields.pop("unsettled")),))
    if "leftovers" in fields:
        seen = replace(seen, removals=(replace(seen.removals[0], leftovers=fields.pop("leftovers")),))
    return replace(seen, **fields)


def after(databases: Any = None, accounts: Any = None) -> Mutation:
    """Let the server show other things at the end."""

    def change(seen: Observation) -> Observation:
        last = seen.database[Moment.AFTER]
        merged = DatabaseState(
            databases=last.databases if databases is None else databases,
            accounts=last.accounts if accounts is None else accounts,
        )
        return changed(seen, database={**seen.database, Moment.AFTER: merged})

    return change


def installed(database: DatabaseState) -> Mutation:
    return lambda seen: changed(seen, database={**seen.database, Moment.INSTALLED: database})


def exits(code: int) -> Mutation:
    def change(seen: Observation) -> Observation:
        call = replace(seen.helm[1], code=code)
        removals = tuple(replace(each, call=call) for each in seen.removals)
        return replace(seen, helm=(seen.helm[0], call), removals=removals)

    return change


def identity(**changes: Any) -> Mutation:
    def change(seen: Observation) -> Observation:
        assert seen.identity is not None
        return replace(seen, identity=replace(seen.identity, **changes))

    return change


def pull(name: str, **changes: Any) -> Mutation:
    """Let a probe show other things."""
    return lambda seen: replace(
        seen, pulls=tuple(replace(p, **changes) if p.probe.name == name else p for p in seen.pulls)
    )


def outside(**states: Any) -> Mutation:
    """Let what is outside be another one at a moment: `after=` and so on."""
    return lambda seen: replace(
        seen, outside={**seen.outside, **{Moment(moment): state for moment, state in states.items()}}
    )


def helm_test(**changes: Any) -> Mutation:
    """Let `helm test` end otherwise."""

    def change(seen: Observation) -> Observation:
        assert seen.helm_test is not None
        return replace(seen, helm_test=replace(seen.helm_test, **changes))

    return change


def own_tests(**changes: Any) -> Mutation:
    """Let the chart's own tests end otherwise."""

    def change(seen: Observation) -> Observation:
        assert seen.chart_tests is not None
        return replace(seen, chart_tests=replace(seen.chart_tests, **changes))

    return change


def removal(number: int = 0, **changes: Any) -> Mutation:
    """Change one uninstall, by default the first."""
    return lambda seen: replace(seen, removals=_changed_at(seen.removals, number, changes))


def uninstall(number: int = 0, **changes: Any) -> Mutation:
    """Let one call of `helm uninstall` end otherwise."""
    return lambda seen: removal(number, call=replace(seen.removals[number].call, **changes))(seen)


def aftermath(**changes: Any) -> Mutation:
    """Let other things follow the uninstall that failed."""

    def change(seen: Observation) -> Observation:
        followed = seen.removals[0].failure
        assert followed is not None
        return removal(failure=replace(followed, **changes))(seen)

    return change


def life(number: int = 0, **changes: Any) -> Mutation:
    """Change one life of the release, by default the first."""
    return lambda seen: replace(seen, lifetimes=_changed_at(seen.lifetimes, number, changes))


def _changed_at(entries: tuple[Any, ...], number: int, changes: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(replace(each, **changes) if index == number else each for index, each in enumerate(entries))


def both(*mutations: Mutation) -> Mutation:
    """One after the other."""

    def change(seen: Observation) -> Observation:
        for mutate in mutations:
            seen = mutate(seen)
        return seen

    return change


def grown(by: Mapping[str, int]) -> Mutation:
    """Let each uninstall leave more: by kind, how many are added from one uninstall to the next."""

    def gauge(number: int, of: ResourceUsage) -> ResourceUsage:
        objects, server = dict(of.objects), dict(of.server)
        for kind, added in by.items():
            counts = server if kind in server else objects
            counts[kind] = counts.get(kind, 0) + added * number
        return replace(of, objects=objects, server=server)

    return lambda seen: replace(seen, usage=tuple(gauge(number, each) for number, each in enumerate(seen.usage)))
