"""Scenarios: each file can run, and a file with a mistake gets one error with file, line and field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts import conventions
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading import records
from osh_conformance.model.field_values import RULES
from osh_conformance.model.scenario import (
    FAULTS,
    ExpectedData,
    InstallStep,
    RecoverStep,
    Scenario,
    ScenarioGroup,
    SqlStep,
    SqlTarget,
    UninstallStep,
)
from osh_conformance.plan import cell_values, scenarios
from osh_conformance.rules import registry
from osh_conformance.scenario import faults
from osh_conformance.scenario.faults import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.model.convention import Convention

SCENARIOS = scenarios.known()
WITH_FAULT = [
    name for name, scenario in SCENARIOS.items() if scenario.group in (ScenarioGroup.FAULTS, ScenarioGroup.ENVIRONMENT)
]
#: The placeholders of SQL, by the objects for which it runs.
_PLACEHOLDERS = {None: set(), SqlTarget.DATABASE: {"database", "name"}, SqlTarget.ACCOUNT: {"account", "user"}}


def test_every_fault_of_the_table_has_a_class_and_every_class_is_in_the_table() -> None:
    assert set(faults.known()) == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_a_repair_exactly_if_it_lasts(fault: str) -> None:
    assert (faults.known()[fault].repair is not Fault.repair) == FAULTS[fault].lasting


def test_every_fault_belongs_to_a_scenario() -> None:
    assert {fault for scenario in SCENARIOS.values() for fault in scenario.faults} == set(FAULTS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_rule_of_a_scenario_exists(name: str) -> None:
    rules = set(SCENARIOS[name].rules)
    assert rules
    assert rules <= {*registry.live_rules(), *registry.matrix_rules()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_rule_of_a_repeated_scenario_exists(name: str) -> None:
    assert set(SCENARIOS[name].times(2).rules) <= set(registry.live_rules()) | set(registry.matrix_rules())


@pytest.mark.parametrize("name", WITH_FAULT)
def test_a_scenario_with_a_fault_ends_with_an_uninstall_and_a_recovery(name: str) -> None:
    steps = SCENARIOS[name].steps
    assert isinstance(steps[-1], RecoverStep)
    # It recovers from the uninstall just before it.
    assert isinstance(steps[-2], UninstallStep)
    assert sum(isinstance(step, RecoverStep) for step in steps) == 1


@pytest.mark.parametrize("name", WITH_FAULT)
def test_a_scenario_with_a_fault_has_only_one_and_a_fast_drop(name: str) -> None:
    assert len(SCENARIOS[name].faults) == 1
    assert SCENARIOS[name].fast_drop
    assert SCENARIOS[name].rules == ("DROP-6",)


_LIVE = [each for each in conventions.shipped().values() if each.db_drop]


@pytest.mark.parametrize("convention", _LIVE, ids=lambda each: each.name)
def test_all_groups_but_main_use_the_minimal_values_unless_every_pod_must_pull(convention: Convention) -> None:
    for scenario in SCENARIOS.values():
        switched = cell_values.scenario_values(convention, "keystone", scenario, "").get("manifests", {})
        whole = scenario.group is ScenarioGroup.MAIN or scenario.pull_secret
        if scenario.probes:
            # They install no chart.
            continue
        assert switched == ({} if whole else convention.minimal_values["manifests"])
    # An uninstall needs these.
    assert not any(switch.startswith("job_db_") for switch in convention.minimal_values["manifests"])


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_installs_first_and_uninstalls_last(name: str) -> None:
    # Statements for the server itself may come before.
    steps = [step for step in SCENARIOS[name].steps if not isinstance(step, SqlStep) or step.each]
    if SCENARIOS[name].probes:
        assert steps == []
        return
    assert isinstance(steps[0], InstallStep)
    assert isinstance([step for step in steps if not isinstance(step, RecoverStep)][-1], UninstallStep)
    # Each lifetime of a release ends before the next begins.
    for second in (False, True):
        ends = [s for s in steps if isinstance(s, InstallStep | UninstallStep) and s.second is second]
        own = [s for s in ends if not (isinstance(s, UninstallStep) and s.expected_data is ExpectedData.ALREADY_GONE)]
        assert [type(s) for s in own] == [InstallStep, UninstallStep] * (len(own) // 2)


@pytest.mark.parametrize("name", SCENARIOS)
def test_sql_has_only_placeholders_that_are_filled(name: str) -> None:
    for step in SCENARIOS[name].steps:
        if isinstance(step, SqlStep):
            words = set(re.findall(r"\{(\w+)\}", step.sql))
            assert words <= _PLACEHOLDERS[step.each]
            assert words or not step.each


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_states_the_answer_of_the_registry_exactly_if_its_fault_needs_one(name: str) -> None:
    assert bool(SCENARIOS[name].drop_image) == ("image-unavailable" in SCENARIOS[name].faults)


def test_only_the_first_round_of_a_repeated_scenario_withholds_the_service() -> None:
    repeated = SCENARIOS["drop-enabled"].times(2)
    installs = [step for step in repeated.steps if isinstance(step, InstallStep)]
    assert [bool(step.withhold_seconds) for step in installs] == [True, False]
    assert repeated.repeated


def _load(folder: Path, text: str) -> Scenario:
    file = folder / "mine.yaml"
    file.write_text(f"name: mine\nsummary: my own\nrules: [DROP-4]\n{text}\n")
    return records.load(Scenario, file, {RULES: registry.live_rules()})


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            "steps: [{do: uninstall, injct: pod-killed}]",
            4,
            "steps[0]: `uninstall` has no field `injct`: did you mean `inject`",
        ),
        (
            "steps:\n- {do: install}\n- do: install\n  drops: true",
            7,
            "steps[1]: `install` has no field `drops`: did you mean `drop`",
        ),
        ("steps: [{do: install, inject: pod-killed}]", 4, "steps[0]: `install` has no field `inject`"),
        ("steps:\n- do: uninstal", 5, "`steps[0].do`: no value `uninstal`: did you mean `uninstall`"),
        ("steps:\n- do: strike", 5, "`steps[0].do`: no value `strike`"),
        ("steps: [{do: install, until: redy}]", 4, "`steps[0].until`: no value `redy`: did you mean `ready`"),
        ("steps: [{do: inject, inject: pod-kiled}]", 4, "no value `pod-kiled`: did you mean `pod-killed`"),
        ("steps: [{do: uninstall, expected_data: gone}]", 4, "`steps[0].expected_data`: no value `gone`"),
        ("steps:\n- drop: true", 5, "steps[0]: the field `do` is missing"),
        ("steps: [{do: sql, each: account}]", 4, "steps[0]: the field `sql` is missing"),
        ("steps: [{do: install, withhold_seconds: soon}]", 4, "withhold_seconds`: expected `float`, got `str`"),
        ("group: fauls", 4, "`group`: no value `fauls`: did you mean `faults`"),
        ("drop_image: '403'", 4, "`drop_image`: no value `403`: did you mean `404`"),
        ("drop_image: 404", 4, "`drop_image`: "),
        ("names: {databse: x}", 4, "`names.databse`: no value `databse`: did you mean `database`"),
        ("names:\n  database: 3", 5, "`names.database`: expected `str`, got `int`"),
        ("names:\n  3: x", 5, "`names.3`: no value `3`"),
        ("steps: [{do: 3}]", 4, "`steps[0].do`: expected `str`, got `int`"),
        ("steps: [{do: [install]}]", 4, "`steps[0].do`: expected `str`, got `array`"),
        ("stps: []", 4, "no field `stps`: did you mean `steps`"),
        ("steps: install", 4, "`steps`: expected `array`, got `str`"),
        ("steps: 3", 4, "`steps`: expected `array`, got `int`"),
        ("steps: [install]", 4, "`steps[0]`: expected `object`, got `str`"),
        ("steps: [[install]]", 4, "`steps[0]`: expected `object`, got `array`"),
        ("probes: [{policy: Nevr, present: true, starts: true, asks: true}]", 4, "did you mean `Never`"),
        ("probes: [{policy: Never, present: true, starts: true}]", 4, "probes[0]: the field `asks` is missing"),
    ],
)
def test_a_scenario_with_a_mistake_gets_one_error_with_file_line_and_field(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        _load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'mine.yaml'}:{line}: ")
    assert message in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_scenario_with_an_unknown_rule_gets_an_error(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nsummary: my own\nrules:\n- DROP-4\n- DORP-5\n")
    with pytest.raises(UsageError, match=r"mine\.yaml:5: `rules\[1\]`: no rule `DORP-5`: did you mean `DROP-5`"):
        records.load(Scenario, file, {RULES: registry.live_rules()})


def test_a_scenario_without_a_required_field_gets_an_error(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nrules: [DROP-4]\n")
    with pytest.raises(UsageError, match="the field `summary` is missing"):
        records.load(Scenario, file)


def test_a_key_that_stands_twice_in_a_step_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"the key steps\[0\]\.drop is there twice"):
        _load(tmp_path, "steps: [{do: install, drop: true, drop: false}]")
