"""The scenario groups lifecycle and faults: each scenario fails its mutants, and passes the base chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.model.scenario import ScenarioGroup
from osh_conformance.plan import scenarios
from tests.controls import RepeatedScenario, expected, mutants, twins
from tests.live.conftest import MAIN
from tests.live.driving import BASE, Program, Result, check_findings, check_passed, statuses, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.live.conftest import Kept

#: A drop Job that ends with 0, whatever there is.
_NOTHING = "does-nothing"
_SCENARIOS = {
    name: scenario
    for name, scenario in scenarios.known().items()
    if scenario.group in (ScenarioGroup.LIFECYCLE, ScenarioGroup.FAULTS)
}
_ALL = [
    *(RepeatedScenario(name=name) for name in _SCENARIOS),
    *sorted({scenario for name in mutants() for scenario in expected(name) if scenario.times > 1}, key=str),
]
#: These take half a minute each; the others wait for deadlines, and a night's run has them.
_QUICK = {
    *("database-gone", "names-quotes", "names-reserved", "neighbours", "password", "previous-version", "reinstall"),
    *("tls", "wrong-password"),
}
#: Scenarios that no mutant fails except `does-nothing`, and that have no twin: one run has all of them.
_REST = tuple(scenario for scenario in _ALL if not mutants(scenario) and not twins(scenario))


def _marked(scenarios: Iterable[RepeatedScenario]) -> list[Any]:
    marks = {True: (), False: (pytest.mark.nightly,)}
    return [pytest.param(scenario, id=str(scenario), marks=marks[str(scenario) in _QUICK]) for scenario in scenarios]


@pytest.fixture(scope="module")
def run_of(kept: Kept, program: Program) -> Callable[[RepeatedScenario], Result]:
    """The run of a scenario on its mutants, the base chart and the chart that drops nothing; each runs once."""
    assert kept
    results: dict[tuple[RepeatedScenario, ...], Result] = {}

    def run(scenario: RepeatedScenario) -> Result:
        scenarios = _REST if scenario in _REST else (scenario,)
        if scenarios not in results:
            names = [*mutants(scenario), *twins(scenario), _NOTHING]
            charts = tree(program.home / f"removals-{len(results)}", names, base=True)
            words = (word for each in scenarios for word in each.words)
            results[scenarios] = program.run(
                "live", charts, *words, "--keep", "--parallel", "4", seconds=600 * len(scenarios)
            )
        return results[scenarios]

    return run


@pytest.mark.parametrize("scenario", _marked(_ALL))
def test_a_scenario_passes_the_base_chart(
    scenario: RepeatedScenario, run_of: Callable[[RepeatedScenario], Result]
) -> None:
    result = run_of(scenario)
    assert result.findings(BASE) == [], result.printed
    found = statuses(result, BASE, scenario.name)
    assert "pass" in found, result.printed
    # Alone it has no other cell to be compared with, and no tests of its own.
    assert found <= ({"pass", "not-applicable"} if scenario.name in MAIN else {"pass"})


@pytest.mark.parametrize("scenario", _marked(_ALL))
def test_no_scenario_passes_a_drop_that_does_nothing(
    scenario: RepeatedScenario, run_of: Callable[[RepeatedScenario], Result]
) -> None:
    result = run_of(scenario)
    assert "fail" in statuses(result, _NOTHING, scenario.name), result.printed
    assert "error" not in statuses(result, _NOTHING, scenario.name), result.printed


@pytest.mark.parametrize(
    ("scenario", "name"),
    [
        pytest.param(*parameter.values, name, id=f"{parameter.id}-{name}", marks=parameter.marks)
        for parameter in _marked(_ALL)
        for name in mutants(parameter.values[0])
    ],
)
def test_a_scenario_fails_its_mutants_with_the_expected_findings(
    scenario: RepeatedScenario,
    name: str,
    run_of: Callable[[RepeatedScenario], Result],
    keep: Callable[[Result, str, RepeatedScenario], None],
) -> None:
    check_findings(run_of(scenario), name, expected(name)[scenario])
    keep(run_of(scenario), name, scenario)


@pytest.mark.parametrize(
    ("scenario", "name"),
    [
        pytest.param(*parameter.values, name, id=f"{parameter.id}-{name}", marks=parameter.marks)
        for parameter in _marked(_ALL)
        for name in twins(parameter.values[0])
    ],
)
def test_a_scenario_passes_the_benign_twins_of_its_mutants(
    scenario: RepeatedScenario,
    name: str,
    run_of: Callable[[RepeatedScenario], Result],
    keep: Callable[[Result, str, RepeatedScenario], None],
) -> None:
    check_passed(run_of(scenario), name, scenario.name)
    keep(run_of(scenario), name, scenario)


def test_every_mutant_and_every_benign_twin_is_run_by_a_test() -> None:
    scenarios = {*_ALL, *(RepeatedScenario(name=name) for name in MAIN)}
    names = {*mutants(), *twins()}
    assert {name for name in names if set(expected(name)) <= scenarios} == names
    assert {str(scenario) for scenario in _ALL} >= _QUICK
