"""The static half of a live run checks what its scenarios are about, unless the user selects rules."""

from __future__ import annotations

from typing import Any

import pytest

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.config.resolve import static_half
from osh_conformance.config.selection import selected_rules
from osh_conformance.rules import registry
from tests.paths import KEYSTONE


def checked(**options: Any) -> set[str]:
    given = {"paths": [KEYSTONE], "catalog": None}
    half = static_half(LiveOptions(paths=(KEYSTONE,), **options), given)
    return set(selected_rules(half.select, half.ignore, registry.static_ids()))


REMOVALS = {rule for rule in registry.static_ids() if rule.partition("-")[0] in ("DROP", "HOOK")}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scenarios": ("main",)},
        {"scenarios": ("all",)},
        {"scenarios": ("names-hyphen", "lifecycle")},
        {"scenarios": ("names-hyphen",), "faults": True},
    ],
)
def test_a_run_of_whole_groups_checks_all_static_rules(options: dict[str, Any]) -> None:
    assert checked(**options) == set(registry.static_ids())


def test_a_scenario_by_its_name_keeps_to_removals_and_to_the_rules_that_it_names() -> None:
    assert checked(scenarios=("names-hyphen",)) == REMOVALS
    assert checked(scenarios=("drop-enabled",)) == REMOVALS | {"KEY-1", "PP-1", "SCRIPT-1"}


def test_a_scenario_without_an_uninstall_keeps_to_the_rules_that_it_names() -> None:
    assert checked(scenarios=("pull-policy",)) == set()


@pytest.mark.parametrize("options", [{}, {"scenarios": ("drop-enabled",)}, {"faults": True}])
def test_a_reduced_run_keeps_to_removals(options: dict[str, Any]) -> None:
    assert checked(reduced=True, **options) == REMOVALS


def test_the_users_selection_goes_first() -> None:
    assert checked(reduced=True, select=("REF-2",)) == {"REF-2"}
    assert checked(scenarios=("drop-enabled",), ignore=("HOOK", "KEY")) == {
        rule for rule in REMOVALS if rule.startswith("DROP")
    } | {"PP-1", "SCRIPT-1"}
