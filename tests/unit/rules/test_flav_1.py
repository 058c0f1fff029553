"""FLAV-1: a release does the same in every cell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.model.finding import Status, Verdict
from osh_conformance.model.observation import DatabaseState, Moment, Observation, TableState
from osh_conformance.rules import registry
from osh_conformance.rules.flav_1 import fingerprint
from tests.unit.mutations import after, changed, exits, helm_test, identity, installed, of, own_tests
from tests.unit.observations import KEYS, OWN, OWN_ACCOUNTS, observation, state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.unit.mutations import Mutation

RULES = registry.matrix_rules()
EMPTY, FULL = state(own=False), state(own=True)
TABLE = TableState(rows=1, checksum=1)


def in_cell(flavor: str, mutate: Mutation = lambda seen: seen, **changes: Any) -> Observation:
    seen = mutate(observation())
    return changed(seen, cell=replace(seen.cell, flavor=flavor), **changes)


def verdicts(*seen: Observation) -> Mapping[str, Verdict]:
    """By flavor, the verdict on each observation beside the others."""
    return {one.cell.flavor: RULES["FLAV-1"](one, [o for o in seen if o is not one]) for one in seen}


def failed(*seen: Observation) -> list[str]:
    """The flavors that fail."""
    return [flavor for flavor, verdict in verdicts(*seen).items() if verdict.status is Status.FAIL]


def found_in_first(*seen: Observation) -> str:
    """The texts of the findings about the first observation."""
    return "\n".join(finding.found for finding in verdicts(*seen)[seen[0].cell.flavor].findings)


def with_tables(**tables: TableState) -> Mutation:
    return installed(replace(FULL, databases={**EMPTY.databases, "keystone": tables}))


#: By part of the fingerprint: a release in which it differs, and the text of the finding.
MUTANTS: dict[str, tuple[Mutation, str]] = {
    **{
        f"exit of {key} keystone-{key.replace('_', '-')}": (of(key, exit_code=3), f"{key.replace('_', '-')}: 3, with")
        for key in KEYS
        if key != "dep_check"
    },
    "state of the release": (lambda seen: changed(seen, unsettled="pod api: crash"), "did not come up"),
    "databases": (
        installed(replace(FULL, databases={**FULL.databases, "cell0": {"x": TABLE}})),
        "databases: cell0, keystone",
    ),
    "accounts": (
        installed(replace(FULL, accounts={**FULL.accounts, "keystone@localhost": ()})),
        "accounts: keystone@%, keystone@localhost",
    ),
    "grants of keystone@%": (
        installed(replace(FULL, accounts={**EMPTY.accounts, "keystone@%": ("ALL ON *.*",)})),
        "grants of keystone@%: ALL ON *.*",
    ),
    "tables of keystone": (with_tables(user=TABLE, project=TABLE), "tables of keystone: project, user"),
    "databases after uninstall": (
        after(databases={**EMPTY.databases, **OWN}),
        "databases after uninstall: keystone",
    ),
    "accounts after uninstall": (
        after(accounts={**EMPTY.accounts, **OWN_ACCOUNTS}),
        "accounts after uninstall: keystone@%",
    ),
    "answer to a token request": (identity(token_status=401), "answer to a token request: 401"),
    "Keystone's users": (identity(users=("admin",)), "Keystone's users: admin, with"),
    "Keystone's services": (identity(services=()), "Keystone's services: none"),
    "Keystone's endpoints": (identity(endpoints=("identity admin http://other/",)), "http://other/"),
    "exit of helm uninstall": (exits(1), "exit of helm uninstall: 1"),
    "left after uninstall": (lambda seen: changed(seen, leftovers=("Job/keystone-db-drop",)), "uninstall: Job, with"),
    "exit of the chart tests": (own_tests(code=1), "exit of the chart tests: 1"),
    "exit of helm test": (helm_test(code=1), "exit of helm test: 1"),
}


def test_flav_1_has_a_mutant_for_every_part_of_the_fingerprint() -> None:
    assert set(MUTANTS) == set(fingerprint(observation()))


def test_flav_1_is_the_only_matrix_rule() -> None:
    assert set(RULES) == {"FLAV-1"}


@pytest.mark.parametrize("part", MUTANTS)
def test_flav_1_fails_only_the_cell_that_differs_in_one_part(part: str) -> None:
    mutate, text = MUTANTS[part]
    seen = in_cell("odd", mutate), in_cell("a"), in_cell("b")
    assert failed(*seen) == ["odd"]
    assert text in found_in_first(*seen)


def test_flav_1_accepts_equal_cells() -> None:
    assert {verdict.status for verdict in verdicts(in_cell("a"), in_cell("b"), in_cell("c")).values()} == {Status.PASS}


def test_flav_1_does_not_apply_to_a_single_cell() -> None:
    assert RULES["FLAV-1"](in_cell("a"), []).status is Status.NOT_APPLICABLE


def test_flav_1_compares_with_the_most_frequent_fingerprint() -> None:
    without = identity(services=())
    assert failed(in_cell("a"), in_cell("b", without), in_cell("c", without)) == ["a"]


def test_flav_1_compares_two_cells_with_the_same_one_in_any_order() -> None:
    seen = in_cell("a"), in_cell("b", identity(services=()))
    assert failed(*seen) == failed(*reversed(seen)) == ["b"]


def test_flav_1_compares_with_cells_that_came_up_even_if_they_are_fewer() -> None:
    def down(seen: Observation) -> Observation:
        return changed(seen, unsettled="crash", identity=None, database={Moment.BEFORE: EMPTY})

    assert failed(in_cell("a", down), in_cell("b", down), in_cell("c")) == ["a", "b"]


def test_flav_1_reports_only_state_and_exits_of_a_release_that_did_not_come_up() -> None:
    broken = in_cell("bare", of("db_init", exit_code=127), unsettled="Job db-init failed", identity=None)
    assert [finding.found.partition(",")[0] for finding in verdicts(broken, in_cell("whole"))["bare"].findings] == [
        "exit of db_init keystone-db-init: 127",
        "state of the release: did not come up",
    ]


def test_flav_1_compares_cells_with_each_other_if_none_came_up() -> None:
    assert failed(in_cell("a", unsettled="crash"), in_cell("b", unsettled="crash")) == []


OTHER_TABLES = with_tables(user=TABLE, project=TABLE)


def test_flav_1_accepts_other_tables_of_another_service_release() -> None:
    newer = in_cell("newer", OTHER_TABLES, release_of_service="2026.2")
    assert failed(in_cell("a"), in_cell("b"), newer) == []


def test_flav_1_accepts_any_tables_of_an_unknown_service_release() -> None:
    unknown = [in_cell(name, release_of_service="") for name in ("a", "b")]
    assert failed(*unknown, in_cell("mine", OTHER_TABLES, release_of_service="")) == []


def test_flav_1_compares_tables_with_the_most_frequent_ones_of_the_same_release() -> None:
    assert failed(in_cell("a", OTHER_TABLES), in_cell("b"), in_cell("c")) == ["a"]
    others = [in_cell(name, release_of_service="2026.2") for name in ("d", "e", "f")]
    assert failed(in_cell("a", OTHER_TABLES), in_cell("b"), in_cell("c"), *others) == ["a"]


def test_flav_1_names_a_cell_of_the_same_release_for_other_tables() -> None:
    others = [in_cell(name, release_of_service="2026.2") for name in ("a", "b")]
    odd = in_cell("odd", OTHER_TABLES)
    (finding,) = verdicts(odd, *others, in_cell("same"), in_cell("too"))["odd"].findings
    assert "as with flavor same, " in finding.expected


def test_flav_1_accepts_other_rows() -> None:
    assert failed(in_cell("a"), in_cell("b", with_tables(user=TABLE))) == []


def test_flav_1_ignores_the_namespace_in_an_endpoint() -> None:
    def reached(namespace: str) -> Observation:
        url = f"identity public http://keystone-api.{namespace}.svc:5000/v3"
        return in_cell(namespace, identity(endpoints=(url,)), namespace=namespace)

    assert failed(reached("cell-a1"), reached("cell-b2")) == []


def test_flav_1_ignores_the_hash_in_the_name_of_a_job() -> None:
    def hashed(suffix: str) -> Mutation:
        def rename(seen: Observation) -> Observation:
            declared = tuple(replace(c, workload_name=f"{c.workload_name}-{suffix}") for c in seen.declared.containers)
            containers = tuple(replace(c, workload=f"{c.workload}-{suffix}") for c in seen.containers)
            left = (f"Job/keystone-db-sync-{suffix}",)
            return changed(
                seen, declared=replace(seen.declared, containers=declared), containers=containers, leftovers=left
            )

        return rename

    assert failed(in_cell("a", hashed("1a2b")), in_cell("b", hashed("3c4d"))) == []


def test_flav_1_compares_the_last_exit_of_a_job_that_was_retried() -> None:
    def retried(seen: Observation) -> Observation:
        first = tuple(
            replace(c, pod=f"{c.pod}-0", exit_code=1, started_at="2025-12-31T23:59:00Z")
            for c in seen.containers
            if c.name == "keystone-db-sync"
        )
        return replace(seen, containers=(*seen.containers, *first))

    assert failed(in_cell("a", retried), in_cell("b"), in_cell("c")) == []


def test_flav_1_ignores_databases_older_than_the_release() -> None:
    def beside_another(seen: Observation) -> Observation:
        def more(then: DatabaseState) -> DatabaseState:
            return replace(then, databases={**then.databases, "another": {"x": TABLE}})

        return changed(seen, database={step: more(then) for step, then in seen.database.items()})

    assert failed(in_cell("a"), in_cell("b", beside_another)) == []


def test_flav_1_names_the_key_and_both_cells() -> None:
    (finding,) = verdicts(in_cell("odd", of("db_init", exit_code=3)), in_cell("a"), in_cell("b"))["odd"].findings
    assert finding.key == "db_init"
    assert "with flavor odd, format docker, runtime default, Helm 4" in finding.found
    assert finding.expected == "0, as with flavor a, format docker, runtime default, Helm 4"


def test_flav_1_gives_no_key_to_a_finding_without_a_job() -> None:
    (finding,) = verdicts(in_cell("odd", exits(1)), in_cell("a"), in_cell("b"))["odd"].findings
    assert not finding.key
