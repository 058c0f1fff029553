"""The static rules are tested with charts that are broken on purpose, and with charts that are not.

A case is a chart in `cases/<rule>/<case>`; clean charts lie in `cases/clean/<name>`. `expect.yaml` beside a chart names
the rules that fail (`rules`), that are undecided (`undecided`) and that warn (`warnings`; no other rule may warn), and
the past defects of real charts that it repeats (`defects`).
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from osh_conformance.check.engine import StaticEngine
from osh_conformance.config.engine_options import CheckOptions
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.rules import registry
from tests.paths import CASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from osh_conformance.charts.target import ChartTarget

    Verdicts = Mapping[str, Mapping[str, Verdict]]

_EXPECTED: Mapping[str, Mapping[str, Any]] = {
    str(path.parent.relative_to(CASES)): yaml.safe_load(path.read_text())
    for path in sorted(CASES.glob("*/*/expect.yaml"))
}
_CLEAN = [name for name in _EXPECTED if name.startswith("clean/")]
_RULES = tuple(registry.static_rules())
#: The defects of real charts, from their history, that a render can show and a rule covers.
_DEFECTS = {
    *("M1", "M2", "M3", "M11", "M14", "M15", "M16", "M19", "M20", "M21", "M22", "M23", "M24", "M25", "M27", "M28"),
    *("M29", "M30", "M31", "M32", "M34", "M35", "M36", "M40", "M41", "M43"),
}


def _checked(names: Iterable[str], root: Path = CASES) -> Verdicts:
    engine = StaticEngine(CheckOptions(paths=tuple(root / name for name in names)))
    engine.expect(engine.targets)
    return {
        str(target.path.relative_to(root)): {rule: _verdict(engine, target, rule) for rule in engine.rules}
        for target in engine.targets
    }


def _verdict(engine: StaticEngine, target: ChartTarget, rule: str) -> Verdict:
    result = engine.result(target, rule)
    assert result.verdict, result.failure
    return result.verdict


@pytest.fixture(scope="module")
def verdicts() -> Verdicts:
    """Return the verdict of every rule on every case."""
    return _checked(_EXPECTED)


#: A line of values.yaml with a number in the tag of a reference: the text before the last number, the number, the rest.
_TAGGED = re.compile(
    r"""^(?P<before>[^#\n]*/[\w.-]+:[^\s"'@]*?)(?P<number>[0-9]+)(?P<after>[^0-9\s"'@]*["']?)$""", re.MULTILINE
)


def _bumped(values: str) -> str:
    """Return values.yaml with the last number of each tag one higher."""
    return _TAGGED.sub(lambda found: f"{found['before']}{int(found['number']) + 1}{found['after']}", values)


def _ids(verdicts: Mapping[str, Verdict]) -> set[tuple[str, str]]:
    return {(finding.rule, finding.id) for verdict in verdicts.values() for finding in verdict.findings}


def _with(verdicts: Mapping[str, Verdict], status: Status) -> set[str]:
    return {rule for rule, verdict in verdicts.items() if verdict.status is status}


@pytest.mark.parametrize("name", _EXPECTED)
def test_a_case_fails_exactly_the_rules_that_it_states(verdicts: Verdicts, name: str) -> None:
    expected = _EXPECTED[name]
    assert _with(verdicts[name], Status.FAIL) == set(expected["rules"])
    assert _with(verdicts[name], Status.UNDECIDED) == set(expected.get("undecided", ()))
    warned = {finding.rule for verdict in verdicts[name].values() for finding in verdict.findings}
    assert warned - set(expected["rules"]) == set(expected.get("warnings", ()))


@pytest.mark.parametrize("name", _EXPECTED)
def test_a_case_lies_in_the_folder_of_a_rule_that_it_states(name: str) -> None:
    expected = _EXPECTED[name]
    stated = {rule.lower() for rule in (*expected["rules"], *expected.get("undecided", ()))}
    warned = {rule.lower() for rule in expected.get("warnings", ())}
    assert name.partition("/")[0] in (stated or warned or {"clean"})


@pytest.mark.parametrize("rule", _RULES)
def test_every_rule_has_a_case_of_its_own(rule: str) -> None:
    """VAL-1 may have cases that only warn."""
    assert any({*expected["rules"], *expected.get("warnings", ())} == {rule} for expected in _EXPECTED.values())


@pytest.mark.parametrize("rule", _RULES)
def test_every_rule_passes_a_clean_chart_of_both_layouts(verdicts: Verdicts, rule: str) -> None:
    assert {verdicts[name][rule].status for name in ("clean/flat", "clean/tags")} == {Status.PASS}


@pytest.mark.parametrize("name", _CLEAN)
def test_no_rule_reports_a_clean_chart(verdicts: Verdicts, name: str) -> None:
    assert not [finding for verdict in verdicts[name].values() for finding in verdict.findings]


def test_every_past_defect_that_a_rule_covers_has_a_case() -> None:
    assert {defect for expected in _EXPECTED.values() for defect in expected.get("defects", ())} == _DEFECTS


@pytest.mark.parametrize("rule", _RULES)
def test_a_rule_that_is_switched_off_lets_its_cases_pass(verdicts: Verdicts, rule: str) -> None:
    def never(_chart: object) -> Verdict:
        return Verdict.of(rule, ())

    cases = [name for name, expected in _EXPECTED.items() if rule in expected["rules"]]
    with registry.replaced(rule, never):
        without = _checked(cases) if cases else {}
    for name, found in without.items():
        assert _with(verdicts[name], Status.FAIL) - _with(found, Status.FAIL) == {rule}


@pytest.mark.parametrize("name", _EXPECTED)
def test_each_finding_has_a_different_id_without_a_line_number(verdicts: Verdicts, name: str) -> None:
    findings = [finding for verdict in verdicts[name].values() for finding in verdict.findings]
    assert len({finding.id for finding in findings}) == len(findings)
    assert not [finding.cause for finding in findings if re.search(r"\bline\b", finding.cause)]


def test_the_findings_of_every_case_keep_their_ids_when_the_tags_in_values_are_bumped(
    verdicts: Verdicts, tmp_path: Path
) -> None:
    """One run for all cases: their charts lie beside one another, as in `cases`."""
    bumped = []
    for name in _EXPECTED:
        chart = shutil.copytree(CASES / name, tmp_path / name)
        values = chart / "values.yaml"
        text = values.read_text() if values.exists() else ""
        if (new := _bumped(text)) != text:
            values.write_text(new)
            bumped.append(name)
    found = _checked(bumped, tmp_path)
    assert {name: _ids(found[name]) for name in bumped} == {name: _ids(verdicts[name]) for name in bumped}
    texts = {name: {f.found for v in found[name].values() for f in v.findings} for name in bumped}
    before = {name: {f.found for v in verdicts[name].values() for f in v.findings} for name in bumped}
    rules = {rule for name in bumped if texts[name] != before[name] for rule in _EXPECTED[name]["rules"]}
    assert rules >= {"REF-1", "REF-3", "KEY-3"}, "these findings have a tag in their text"
