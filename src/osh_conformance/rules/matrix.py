"""What must not depend on the image, its packaging, the container runtime or Helm: everything that a release does."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from osh_conformance.model.chart import Role
from osh_conformance.model.finding import Verdict
from osh_conformance.model.observation import Step
from osh_conformance.model.rule import Rule
from osh_conformance.rules._live import finding, key_of
from osh_conformance.rules.registry import matrix_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from osh_conformance.model.finding import Finding
    from osh_conformance.model.matrix import Cell
    from osh_conformance.model.observation import DatabaseState, Observation

    #: What is compared, by what it is of.
    Fingerprint = Mapping[str, str]

FLAV_1 = Rule(
    id="FLAV-1",
    title="one fingerprint for every image flavor, packaging format, container runtime and Helm major",
    source="they will all function the same",
    why="an operator who chooses other images or another runtime must get the same service",
    example="a db_init script that starts with `#!/usr/bin/env python`: some images have only python3",
    fix="let scripts use what every image has: /bin/sh, python3, and the service's own programs",
)
_STATE = "state of the release"
_EXIT = "exit of "
#: Part of the fingerprint only among cells of one release of the service.
_SCHEMA = "tables of "


@matrix_rule(FLAV_1)
def same_fingerprint(observation: Observation, others: Sequence[Observation]) -> Verdict:
    """Judge FLAV-1: exits of Jobs, databases, accounts, grants, catalogue, token, own tests and removal are the same.

    Compared with the cells in which the release came up; among them with the fingerprint that most of them have.
    Tables are compared only between flavors of one release of the service. Of a release that did not come up, only that
    and the exits of its Jobs are told.
    """
    if not others:
        return Verdict.not_applicable(FLAV_1.id, "there is no other cell of this chart to compare with")
    mine = fingerprint(observation)
    standard = _standard([observation, *others])
    differences = list(_differences(mine, fingerprint(standard)))
    if observation.unsettled and not standard.unsettled:
        # One cause: what the release never got to do follows from it.
        differences = [
            each for each in differences if each[0] == _STATE or (each[0].startswith(_EXIT) and each[0] in mine)
        ]
    findings = [_difference(observation, standard, *each) for each in differences]
    alike = [o for o in others if o.release_of_service and o.release_of_service == observation.release_of_service]
    if alike:
        model = _standard([observation, *alike], of_schema=True)
        apart = _differences(mine, fingerprint(model), of_schema=True)
        findings += [_difference(observation, model, *each) for each in apart]
    return Verdict.of(FLAV_1.id, findings)


def fingerprint(observation: Observation) -> Fingerprint:
    """Everything that the release did, in words that hold no name which changes from run to run."""
    found = {f"{_EXIT}{name}": codes for name, codes in _exits(observation).items()}
    found[_STATE] = "did not come up" if observation.unsettled else "came up"
    before = observation.database.get(Step.BEFORE)
    installed, after = observation.database.get(Step.INSTALLED), observation.database.get(Step.AFTER)
    if before and installed and after:
        found |= dict(_on_the_server(before, installed))
        left_databases, left_accounts = _more(before, after)
        found["databases after uninstall"] = _listed(left_databases)
        found["accounts after uninstall"] = _listed(left_accounts)
    identity = observation.identity
    if identity:
        found["answer to a token request"] = str(identity.token_status)
        for what in ("users", "services", "endpoints"):
            found[f"Keystone's {what}"] = _listed(getattr(identity, what)).replace(observation.namespace, "NAMESPACE")
    uninstall = observation.helm_call("uninstall")
    found["exit of helm uninstall"] = str(uninstall.code) if uninstall else "not run"
    found["left after uninstall"] = _listed({name.partition("/")[0] for name in observation.leftovers})
    if observation.own_tests:
        found["exit of the chart's own tests"] = str(observation.own_tests.code)
    return found


def _exits(observation: Observation) -> dict[str, str]:
    """How the last container of each place in a Job ended; by image key, since a Job's name may hold a hash."""
    last: dict[str, tuple[str, str]] = {}
    for container in observation.containers:
        if not container.workload.startswith("Job/") or container.role is Role.INIT or not container.ran:
            continue
        name = f"{key_of(observation, container) or 'no key'} {container.name}"
        code = "none" if container.exit_code is None else str(container.exit_code)
        last[name] = max(last.get(name, ("", "")), (container.started_at, code))
    return {name: code for name, (_, code) in last.items()}


def _on_the_server(before: DatabaseState, installed: DatabaseState) -> Iterator[tuple[str, str]]:
    databases, accounts = _more(before, installed)
    yield "databases", _listed(databases)
    yield "accounts", _listed(accounts)
    for account in accounts:
        yield f"grants of {account}", _listed(installed.accounts[account])
    for database in databases:
        yield f"{_SCHEMA}{database}", _listed(installed.databases[database])


def _more(before: DatabaseState, then: DatabaseState) -> tuple[list[str], list[str]]:
    databases = sorted(set(then.databases) - set(before.databases))
    return databases, sorted(set(then.accounts) - set(before.accounts))


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "none"


def _standard(observations: Sequence[Observation], *, of_schema: bool = False) -> Observation:
    """The observation that the others are held to: of those that came up, one whose fingerprint most have.

    With `of_schema` only tables count, else all but them.
    """
    fitting = [o for o in observations if not o.unsettled] or list(observations)
    prints = [frozenset(_part(fingerprint(o), of_schema=of_schema).items()) for o in fitting]
    counted = Counter(prints)
    most = max(counted.values())
    # In the order of cells, not of this list: every cell must be held to the same one.
    candidates = [o for o, p in zip(fitting, prints, strict=True) if counted[p] == most]
    return min(candidates, key=lambda o: o.cell.id)


def _part(whole: Fingerprint, *, of_schema: bool) -> Fingerprint:
    return {name: value for name, value in whole.items() if name.startswith(_SCHEMA) is of_schema}


def _differences(mine: Fingerprint, theirs: Fingerprint, *, of_schema: bool = False) -> Iterator[tuple[str, str, str]]:
    mine, theirs = _part(mine, of_schema=of_schema), _part(theirs, of_schema=of_schema)
    for name in sorted(set(mine) | set(theirs)):
        if mine.get(name) != theirs.get(name):
            yield name, mine.get(name, "not there"), theirs.get(name, "not there")


def _difference(observation: Observation, standard: Observation, name: str, found: str, expected: str) -> Finding:
    key = name.removeprefix(_EXIT).partition(" ")[0] if name.startswith(_EXIT) else ""
    return finding(
        observation,
        FLAV_1.id,
        key=key if key in observation.declared.images else "",
        found=f"{name}: {found}, with {_place(observation.cell)}",
        expected=f"{expected}, as with {_place(standard.cell)}",
        why=FLAV_1.why,
        fix=FLAV_1.fix,
    )


def _place(cell: Cell) -> str:
    return f"flavor {cell.flavor}, format {cell.format}, runtime {cell.runtime}, Helm {cell.helm}"
