"""The static rules are held by charts that are broken on purpose, and by charts that are not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from osh_conformance.model.finding import Status, Verdict
from osh_conformance.rules import catalogue
from osh_conformance.suite.static import StaticRequest, StaticSuite

_FOLDER = Path(__file__).parent / "mutants" / "static"
_CHARTS = sorted(path.parent for path in _FOLDER.glob("*/expect.yaml"))


def _expected(chart: Path) -> set[str]:
    return set(yaml.safe_load((chart / "expect.yaml").read_text())["rules"])


def _tripped(chart: Path) -> set[str]:
    suite = StaticSuite(StaticRequest(paths=(chart,)))
    (subject,) = suite.subjects
    return {rule for rule in suite.rules if suite.judge(subject, rule).status is Status.FAIL}


@pytest.mark.parametrize("chart", _CHARTS, ids=lambda chart: chart.name)
def test_a_mutant_trips_exactly_the_rules_it_states(chart: Path) -> None:
    assert _tripped(chart) == _expected(chart)


@pytest.mark.parametrize("rule", catalogue.static_rules())
def test_every_rule_has_a_mutant_of_its_own(rule: str) -> None:
    assert any(_expected(chart) == {rule} for chart in _CHARTS)


@pytest.mark.parametrize("chart", [chart for chart in _CHARTS if not _expected(chart)], ids=lambda chart: chart.name)
def test_clean_charts_are_judged_by_every_rule(chart: Path) -> None:
    suite = StaticSuite(StaticRequest(paths=(chart,)))
    (subject,) = suite.subjects
    assert {suite.judge(subject, rule).status for rule in suite.rules} == {Status.PASS}


@pytest.mark.parametrize("rule", catalogue.static_rules())
def test_switching_a_rule_off_lets_its_mutants_survive(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_chart: object) -> Verdict:
        return Verdict.of(rule, ())

    catalogue.static_rules()
    monkeypatch.setitem(catalogue._static, rule, never)
    for chart in _CHARTS:
        assert _tripped(chart) == _expected(chart) - {rule}
