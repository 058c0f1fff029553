"""FLAV-1: a release does the same in every cell."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from osh_conformance.model.chart import Role
from osh_conformance.model.finding import Verdict
from osh_conformance.model.observation import Moment
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import matrix_rule
from osh_conformance.rules.shared.live import image_key, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from osh_conformance.model.finding import Finding
    from osh_conformance.model.matrix import Cell
    from osh_conformance.model.observation import DatabaseState, Observation

    #: By name of the part: its value as a text.
    Fingerprint = Mapping[str, str]

RULE = Rule(
    id="FLAV-1",
    title="every image flavor, packaging format, container runtime and Helm major gives the same fingerprint",
    source="they will all function the same",
    why="operators who choose other images or another runtime must get the same service",
    fix="use in scripts only what every image has: /bin/sh, python3, and the service's own programs",
    blind=(
        "the speed, logs and load of a service; the rows in its tables; flavors, formats and runtimes that "
        "the run did not take"
    ),
    before="""\
kind: ConfigMap
data:
  db-init.py: |
    #!/usr/bin/env python
    import sqlalchemy
""",
    after="""\
kind: ConfigMap
data:
  db-init.py: |
    #!/usr/bin/env python3
    import sqlalchemy
""",
)
_STATE = "state of the release"
_EXIT = "exit of "
#: Compared only between cells with the same release of the service.
_SCHEMA = "tables of "


@matrix_rule(RULE)
def compare(observation: Observation, others: Sequence[Observation]) -> Verdict:
    """Compare Job exits, databases, accounts, grants, service catalog, token, chart tests and uninstall between cells.

    The standard is the most frequent fingerprint among the cells in which the release came up. Tables are compared only
    between flavors with the same release of the service. If a release did not come up, only that and the exits of its
    Jobs are reported.
    """
    if not others:
        return Verdict.not_applicable(RULE.id, "there is no other cell of this chart to compare with")
    mine = fingerprint(observation)
    standard = _standard([observation, *others])
    differences = list(_differences(mine, fingerprint(standard)))
    if observation.unsettled and not standard.unsettled:
        # All other differences have the same cause: the release did not get that far.
        differences = [
            difference
            for difference in differences
            if difference[0] == _STATE or (difference[0].startswith(_EXIT) and difference[0] in mine)
        ]
    findings = [_finding(observation, standard, *difference) for difference in differences]
    same_release = [
        o for o in others if o.release_of_service and o.release_of_service == observation.release_of_service
    ]
    if same_release:
        model = _standard([observation, *same_release], of_schema=True)
        differences = list(_differences(mine, fingerprint(model), of_schema=True))
        findings += [_finding(observation, model, *difference) for difference in differences]
    return Verdict.of(RULE.id, findings)


def fingerprint(observation: Observation) -> Fingerprint:
    """Return everything that the release did, without names that change from run to run."""
    parts = {f"{_EXIT}{name}": code for name, code in _exits(observation).items()}
    parts[_STATE] = "did not come up" if observation.unsettled else "came up"
    parts |= dict(_on_the_server(observation))
    identity = observation.identity
    if identity:
        parts["answer to a token request"] = str(identity.token_status)
        for kind in ("users", "services", "endpoints"):
            parts[f"Keystone's {kind}"] = _listed(getattr(identity, kind)).replace(observation.namespace, "NAMESPACE")
    uninstall = observation.helm_call("uninstall")
    parts["exit of helm uninstall"] = str(uninstall.code) if uninstall else "not run"
    parts["left after uninstall"] = _listed({name.partition("/")[0] for name in observation.leftovers})
    if observation.helm_test:
        parts["exit of helm test"] = str(observation.helm_test.code)
    if observation.chart_tests:
        parts["exit of the chart tests"] = str(observation.chart_tests.code)
    return parts


def _exits(observation: Observation) -> dict[str, str]:
    """Return the exit code of each Job's last container, by image key and container: Job names may hold a hash."""
    last: dict[str, tuple[str, str]] = {}
    for container in observation.containers:
        if not container.workload.startswith("Job/") or container.role is Role.INIT or not container.ran:
            continue
        name = f"{image_key(observation, container) or 'no key'} {container.name}"
        code = "none" if container.exit_code is None else str(container.exit_code)
        last[name] = max(last.get(name, ("", "")), (container.started_at, code))
    return {name: code for name, (_, code) in last.items()}


def _on_the_server(observation: Observation) -> Iterator[tuple[str, str]]:
    """Yield what the release added to the database server, and what its uninstall left there."""
    states = [observation.database.get(moment) for moment in (Moment.BEFORE, Moment.INSTALLED, Moment.AFTER)]
    before, installed, after = states
    if before is None or installed is None or after is None:
        return
    databases, accounts = _added(before, installed)
    yield "databases", _listed(databases)
    yield "accounts", _listed(accounts)
    for account in accounts:
        yield f"grants of {account}", _listed(installed.accounts[account])
    for database in databases:
        yield f"{_SCHEMA}{database}", _listed(installed.databases[database])
    left_databases, left_accounts = _added(before, after)
    yield "databases after uninstall", _listed(left_databases)
    yield "accounts after uninstall", _listed(left_accounts)


def _added(before: DatabaseState, then: DatabaseState) -> tuple[list[str], list[str]]:
    """Return the databases and accounts of `then` that `before` has not, sorted."""
    databases = sorted(set(then.databases) - set(before.databases))
    return databases, sorted(set(then.accounts) - set(before.accounts))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _standard(observations: Sequence[Observation], *, of_schema: bool = False) -> Observation:
    """Return an observation with the most frequent fingerprint, among those that came up if any did.

    With `of_schema` only tables count, otherwise everything but tables.
    """
    candidates = [o for o in observations if not o.unsettled] or list(observations)
    prints = [frozenset(_part(fingerprint(o), of_schema=of_schema).items()) for o in candidates]
    counts = Counter(prints)
    highest = max(counts.values())
    most_frequent = [o for o, print_ in zip(candidates, prints, strict=True) if counts[print_] == highest]
    # By the cell's id, not in the order of this list: every cell must be compared with the same one.
    return min(most_frequent, key=lambda o: o.cell.id)


def _part(whole: Fingerprint, *, of_schema: bool) -> Fingerprint:
    return {name: value for name, value in whole.items() if name.startswith(_SCHEMA) is of_schema}


def _differences(mine: Fingerprint, theirs: Fingerprint, *, of_schema: bool = False) -> Iterator[tuple[str, str, str]]:
    """Yield the name and both values of each part that differs."""
    mine, theirs = _part(mine, of_schema=of_schema), _part(theirs, of_schema=of_schema)
    for name in sorted(set(mine) | set(theirs)):
        if mine.get(name) != theirs.get(name):
            yield name, mine.get(name, "not there"), theirs.get(name, "not there")


def _finding(observation: Observation, standard: Observation, name: str, found: str, expected: str) -> Finding:
    key = name.removeprefix(_EXIT).partition(" ")[0] if name.startswith(_EXIT) else ""
    return RULE.finding(
        place(observation, key=key if key in observation.declared.images else ""),
        found=f"{name}: {found}, with {_cell(observation.cell)}",
        expected=f"{expected}, as with {_cell(standard.cell)}",
        cause=f"{name}, with {_cell(observation.cell)}",
    )


def _cell(cell: Cell) -> str:
    return f"flavor {cell.flavor}, format {cell.packaging_format}, runtime {cell.runtime}, Helm {cell.helm_major}"
