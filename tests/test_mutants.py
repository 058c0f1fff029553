"""The static rules are held by charts that are broken on purpose, and by charts that are not.

`expect.yaml` beside a chart says which rules it trips (`rules`), which cannot decide (`undecided`) or warn (`warnings`:
where they are named, no other may), and which of the defects that real charts had it repeats (`defects`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from osh_conformance.check.engine import StaticEngine
from osh_conformance.config.options import CheckOptions
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.rules import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Verdicts = Mapping[str, Mapping[str, Verdict]]

_FOLDER = Path(__file__).parent / "mutants" / "static"
_EXPECTED: Mapping[str, Mapping[str, Any]] = {
    path.parent.name: yaml.safe_load(path.read_text()) for path in sorted(_FOLDER.glob("*/expect.yaml"))
}
_CLEAN = [name for name in _EXPECTED if name.startswith("clean-")]
_RULES = tuple(catalogue.static_rules())
#: The defects of real charts, from their history, that a render can show and a rule covers.
_DEFECTS = {
    *("M1", "M2", "M3", "M11", "M14", "M15", "M16", "M19", "M20", "M21", "M22", "M23", "M24", "M25", "M27", "M28"),
    *("M29", "M30", "M31", "M32", "M34", "M35", "M36", "M40", "M41", "M43"),
}


def _judged(names: Iterable[str]) -> Verdicts:
    engine = _engine(names)
    found: dict[str, dict[str, Verdict]] = {}
    for target in engine.targets:
        results = {rule: engine.result(target, rule).verdict for rule in engine.rules}
        found[target.path.name] = {rule: verdict for rule, verdict in results.items() if verdict}
    return found


def _judged_here(names: Iterable[str]) -> Verdicts:
    """Return the verdicts by the rules as they are registered now, in this process."""
    engine = _engine(names)
    charts = {target.path.name: engine.rendered(target) for target in engine.targets}
    rules = catalogue.static_rules()
    return {name: {rule: rules[rule](chart) for rule in rules} for name, chart in charts.items() if chart}


def _engine(names: Iterable[str]) -> StaticEngine:
    engine = StaticEngine(CheckOptions(paths=tuple(_FOLDER / name for name in names)))
    engine.expect(engine.targets)
    return engine


@pytest.fixture(scope="module")
def verdicts() -> Verdicts:
    """What every rule says of every chart."""
    return _judged(_EXPECTED)


def _with(verdicts: Mapping[str, Verdict], status: Status) -> set[str]:
    return {rule for rule, verdict in verdicts.items() if verdict.status is status}


@pytest.mark.parametrize("name", _EXPECTED)
def test_a_mutant_trips_exactly_the_rules_it_states(verdicts: Verdicts, name: str) -> None:
    expected = _EXPECTED[name]
    assert _with(verdicts[name], Status.FAIL) == set(expected["rules"])
    assert _with(verdicts[name], Status.UNDECIDED) == set(expected.get("undecided", ()))
    warned = {finding.rule for verdict in verdicts[name].values() for finding in verdict.findings}
    assert warned - set(expected["rules"]) == set(expected.get("warnings", ()))


@pytest.mark.parametrize("rule", _RULES)
def test_every_rule_has_a_mutant_of_its_own(rule: str) -> None:
    assert any(set(expected["rules"]) == {rule} for expected in _EXPECTED.values())


@pytest.mark.parametrize("rule", _RULES)
def test_every_rule_passes_a_clean_chart_of_both_layouts(verdicts: Verdicts, rule: str) -> None:
    assert {verdicts[name][rule].status for name in ("clean-flat", "clean-tags")} == {Status.PASS}


@pytest.mark.parametrize("name", _CLEAN)
def test_nobody_faults_a_clean_chart(verdicts: Verdicts, name: str) -> None:
    assert not [finding for verdict in verdicts[name].values() for finding in verdict.findings]


def test_every_past_defect_that_a_rule_covers_has_a_mutant() -> None:
    assert {defect for expected in _EXPECTED.values() for defect in expected.get("defects", ())} == _DEFECTS


@pytest.mark.parametrize("rule", _RULES)
def test_switching_a_rule_off_lets_its_mutants_survive(
    verdicts: Verdicts, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_chart: object) -> Verdict:
        return Verdict.of(rule, ())

    monkeypatch.setitem(catalogue._static, rule, never)
    mutants = [name for name, expected in _EXPECTED.items() if rule in expected["rules"]]
    for name, judged in _judged_here(mutants).items():
        assert _with(verdicts[name], Status.FAIL) - _with(judged, Status.FAIL) == {rule}
