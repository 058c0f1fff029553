"""LIFE-2: repeated installs and uninstalls leave nothing more each time."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.mutations import grown
from tests.unit.observations import repeated
from tests.unit.rules.verdicts import assert_fails, assert_not_applicable, assert_passes


def test_life_2_accepts_the_same_leftovers_after_each_uninstall() -> None:
    assert_passes("LIFE-2", repeated())


def test_life_2_fails_a_job_that_each_uninstall_leaves() -> None:
    assert_fails("LIFE-2", grown({"Job": 1})(repeated()), "Job: 0 after the first uninstall, 2 after 3", key="")


def test_life_2_fails_objects_of_several_kinds_with_a_finding_each() -> None:
    assert_fails(
        "LIFE-2",
        grown({"Pod": 1, "ConfigMap": 3})(repeated()),
        "ConfigMap: 2 after the first uninstall, 8 after 3",
        "Pod: 1 after the first uninstall, 3 after 3",
        key="",
    )


def test_life_2_fails_an_account_that_each_uninstall_leaves() -> None:
    seen = grown({"accounts": 1})(repeated())
    assert_fails("LIFE-2", seen, "accounts: 2 after the first uninstall, 4 after 3", key="")


def test_life_2_does_not_count_what_could_not_be_read_after_the_first_uninstall() -> None:
    first, *others = repeated().usage
    later = [replace(each, server={**each.server, "vhosts of the queue": 3}) for each in others]
    assert_passes("LIFE-2", replace(repeated(), usage=(first, *later)))


def test_life_2_accepts_fewer_leftovers_each_time() -> None:
    assert_passes("LIFE-2", grown({"ConfigMap": -1})(repeated()))


def test_life_2_ignores_the_usage_of_nodes_and_of_the_suite() -> None:
    seen = repeated()
    last = replace(seen.usage[-1], nodes={"mounts": 90, "containers": 40}, suite_bytes=1 << 30)
    assert_passes("LIFE-2", replace(seen, usage=(*seen.usage[:-1], last)))


def test_life_2_does_not_apply_after_one_uninstall() -> None:
    assert_not_applicable("LIFE-2", repeated(1), "was not installed repeatedly: use --repeat N")
