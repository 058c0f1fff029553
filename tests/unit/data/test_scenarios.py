"""The scenario files, and errors of files like them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts import conventions
from osh_conformance.errors import UsageError
from osh_conformance.loading import records
from osh_conformance.model.scenario import Do, ExpectedData, Scenario, ScenarioGroup, Until
from osh_conformance.plan import cell_values
from osh_conformance.rules import registry
from osh_conformance.scenario import faults
from tests.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.model.convention import Convention

SCENARIOS = records.scenarios()
STRUCK = [
    name for name, scenario in SCENARIOS.items() if scenario.table in (ScenarioGroup.FAULTS, ScenarioGroup.ENVIRONMENT)
]
_LIVE = ROOT / "suites" / "live"
_MARKER = re.compile(r"live_rules\(([^)]*)\)")
#: The words that a step puts into SQL, by what it is done for.
_WORDS = {"": set(), "database": {"database", "name"}, "account": {"account", "user"}}


def _tested() -> set[str]:
    """The rules that a test of the live suite stands for."""
    found = (marker for file in _LIVE.glob("test_*.py") for marker in _MARKER.findall(file.read_text()))
    return {rule.strip().strip('"') for rules in found for rule in rules.split(",") if rule.strip()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_fault_of_a_scenario_is_known(name: str) -> None:
    assert set(SCENARIOS[name].faults) <= set(faults.known())


def test_every_known_fault_is_injected_by_a_scenario() -> None:
    assert {fault for scenario in SCENARIOS.values() for fault in scenario.faults} == set(faults.known())


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_rule_of_a_scenario_exists_and_has_a_test(name: str) -> None:
    rules = set(SCENARIOS[name].rules)
    assert rules
    assert rules <= {*registry.live_rules(), *registry.matrix_rules()}
    assert rules <= _tested()


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_rule_of_a_repeated_scenario_has_a_test(name: str) -> None:
    assert set(SCENARIOS[name].times(2).rules) <= set(registry.live_rules()) | set(registry.matrix_rules())
    assert set(SCENARIOS[name].times(2).rules) <= _tested()


@pytest.mark.parametrize("name", STRUCK)
def test_a_scenario_with_a_fault_ends_with_a_recovery(name: str) -> None:
    steps = SCENARIOS[name].steps
    assert steps[-1].do is Do.RECOVER
    # It recovers from the uninstall just before it.
    assert steps[-2].do is Do.UNINSTALL
    assert [step.do for step in steps].count(Do.RECOVER) == 1


@pytest.mark.parametrize("name", STRUCK)
def test_a_scenario_with_a_fault_has_one_fault_and_a_fast_drop(name: str) -> None:
    assert len(SCENARIOS[name].faults) == 1
    assert SCENARIOS[name].quick
    assert SCENARIOS[name].rules == ("DROP-6",)


@pytest.mark.parametrize("convention", conventions.shipped().values(), ids=lambda each: each.name)
def test_scenario_groups_about_removals_have_no_other_components(convention: Convention) -> None:
    for scenario in SCENARIOS.values():
        switched = cell_values.scenario_values(convention, "keystone", scenario, "").get("manifests", {})
        assert switched == ({} if scenario.table is ScenarioGroup.MAIN else convention.lean["manifests"])
    # What has a part stays.
    assert not any(switch.startswith("job_db_") for switch in convention.lean["manifests"])


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_installs_first_and_uninstalls_last(name: str) -> None:
    # SQL may run before.
    steps = [step.do for step in SCENARIOS[name].steps if step.do is not Do.SQL or step.each]
    if SCENARIOS[name].probes:
        assert steps == []
        return
    assert steps[0] is Do.INSTALL
    assert [do for do in steps if do is not Do.RECOVER][-1] is Do.UNINSTALL
    # Each life of a release is ended before the next.
    for second in (False, True):
        lives = [s for s in SCENARIOS[name].steps if s.second is second and s.do in (Do.INSTALL, Do.UNINSTALL)]
        again = [s for s in lives if s.fate is not ExpectedData.GONE_ALREADY]
        assert [s.do for s in again] == [Do.INSTALL, Do.UNINSTALL] * (len(again) // 2)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_step_has_only_the_fields_of_its_verb(name: str) -> None:
    for step in SCENARIOS[name].steps:
        assert bool(step.sql) == (step.do is Do.SQL)
        assert step.each in _WORDS
        assert not step.each or step.do is Do.SQL
        assert bool(step.strike) or step.do is not Do.STRIKE
        assert not step.strike or step.do in (Do.STRIKE, Do.UNINSTALL)
        assert step.hooks or step.do is Do.UNINSTALL
        assert step.fate is None or step.do is Do.UNINSTALL
        assert not step.transaction or step.do is Do.SESSIONS
        assert step.until is Until.READY or step.do is Do.INSTALL
        assert not (step.hold or step.previous) or step.do is Do.INSTALL
        assert step.drop is None or step.do in (Do.INSTALL, Do.UPGRADE)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_placeholder_in_sql_has_a_value(name: str) -> None:
    for step in SCENARIOS[name].steps:
        words = set(re.findall(r"\{(\w+)\}", step.sql))
        assert words <= _WORDS[step.each]
        assert words or not step.each


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_with_a_pull_fault_names_its_answer(name: str) -> None:
    assert bool(SCENARIOS[name].drop_image) == ("image-unavailable" in SCENARIOS[name].faults)
    assert SCENARIOS[name].drop_image in {"", "404", "429", "500", "cut"}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_name_databases_and_accounts_of_the_service(name: str) -> None:
    assert set(SCENARIOS[name].names) <= {"database", "username", "password"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: [{do: uninstall, strik: way-cut}]", "`strik`.*`strike`"),
        ("steps: [{do: install}, {do: install, hold: 3, drops: true}]", "`drops`.*`drop`"),
        ("steps: [{do: instal}]", "'instal'"),
        ("steps: [{do: install, until: redy}]", "'redy'"),
        ("steps: [{drop: true}]", "`do`"),
        ("steps: [{do: install, hold: soon}]", r"`float`, .*`str` .*\$.steps\[0\].hold"),
        ("table: fauls", "'fauls'"),
        ("stps: []", "`stps`.*`steps`"),
    ],
)
def test_a_wrong_scenario_file_is_a_usage_error_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"name: mine\nsummary: my own\nrules: [DROP-4]\n{text}\n")
    with pytest.raises(UsageError, match=message) as caught:
        records.read(Scenario, file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("install", r"`array`, .*`str` .*\$.steps`"),
        ("3", r"`array`, .*`int` .*\$.steps`"),
        ("[install]", r"`object`, .*`str` .*\$.steps\[0\]`"),
        ("[[install]]", r"`object`, .*`array` .*\$.steps\[0\]`"),
    ],
)
def test_steps_of_a_wrong_type_are_a_usage_error_with_their_place(tmp_path: Path, steps: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"name: mine\nsummary: my own\nrules: [DROP-4]\nsteps: {steps}\n")
    with pytest.raises(UsageError, match=message):
        records.read(Scenario, file)
