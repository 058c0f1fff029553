"""The tables of lifecycle and faults: each row fails the charts that break in it, and passes the one that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.model.scenario import ScenarioGroup
from osh_conformance.plan import scenarios
from tests.controls import Row, expected, mutants
from tests.live.conftest import MAIN
from tests.live.driving import BASE, Program, Result, chart, check_findings

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
_ROWS = [
    *(Row(scenario=name) for name in _SCENARIOS),
    *sorted({row for name in mutants() for row in expected(name) if row.times > 1}, key=str),
]
#: These take half a minute each; the others wait for deadlines, and a night's run has them.
_QUICK = {
    *("database-gone", "names-quotes", "names-reserved", "neighbours", "password", "previous-version", "reinstall"),
    *("tls", "wrong-password"),
}
#: Rows in which no chart of ours breaks but the one that does nothing: one run has all of them.
_REST = tuple(row for row in _ROWS if not mutants(row))


def _marked(rows: Iterable[Row]) -> list[Any]:
    marks = {True: (), False: (pytest.mark.nightly,)}
    return [pytest.param(row, id=str(row), marks=marks[str(row) in _QUICK]) for row in rows]


@pytest.fixture(scope="module")
def run_of(kept: Kept, program: Program) -> Callable[[Row], Result]:
    """The run of a scenario on its mutants, the base chart and the chart that drops nothing; each runs once."""
    assert kept
    results: dict[tuple[Row, ...], Result] = {}

    def run(row: Row) -> Result:
        rows = _REST if row in _REST else (row,)
        if rows not in results:
            tree = program.home / f"table-{len(results)}"
            tree.mkdir()
            for name in (*mutants(row), _NOTHING):
                chart(tree, name)
            chart(tree)
            words = (word for each in rows for word in each.words)
            results[rows] = program.run("live", tree, *words, "--keep", "--parallel", "4", seconds=600 * len(rows))
        return results[rows]

    return run


def _statuses(result: Result, name: str, row: Row) -> set[str]:
    return {status for _, scenario, status in result.checks(name) if scenario == row.scenario}


@pytest.mark.parametrize("row", _marked(_ROWS))
def test_a_scenario_passes_the_base_chart(row: Row, run_of: Callable[[Row], Result]) -> None:
    result = run_of(row)
    assert result.findings(BASE) == [], result.printed
    statuses = _statuses(result, BASE, row)
    assert "pass" in statuses, result.printed
    # Alone it has no other cell to be compared with, and no tests of its own.
    assert statuses <= ({"pass", "not-applicable"} if row.scenario in MAIN else {"pass"})


@pytest.mark.parametrize("row", _marked(_ROWS))
def test_no_scenario_passes_a_drop_that_does_nothing(row: Row, run_of: Callable[[Row], Result]) -> None:
    result = run_of(row)
    assert "fail" in _statuses(result, _NOTHING, row), result.printed
    assert "error" not in _statuses(result, _NOTHING, row), result.printed


@pytest.mark.parametrize(
    ("row", "name"),
    [
        pytest.param(*parameter.values, name, id=f"{parameter.id}-{name}", marks=parameter.marks)
        for parameter in _marked(_ROWS)
        for name in mutants(parameter.values[0])
    ],
)
def test_a_scenario_fails_its_mutants_with_the_expected_findings(
    row: Row, name: str, run_of: Callable[[Row], Result], keep: Callable[[Result, str, Row], None]
) -> None:
    check_findings(run_of(row), name, expected(name)[row])
    keep(run_of(row), name, row)


def test_every_mutant_is_run_by_a_test() -> None:
    rows = {*_ROWS, *(Row(scenario=scenario) for scenario in MAIN)}
    assert {name for name in mutants() if set(expected(name)) <= rows} == set(mutants())
    assert {str(row) for row in _ROWS} >= _QUICK
