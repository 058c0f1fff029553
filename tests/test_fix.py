"""What `check --fix` promises, held over every chart that the tests have.

A fix removes its findings, adds none, changes no other byte, and a second run changes nothing. The charts are those of
`tests/cases` and `tests/field`, the mutants of live runs, and the charts under test. One test tries one kind of charts
and holds all promises, so that each chart is rendered once, whichever process runs the test.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from osh_conformance.check.engine import StaticEngine
from osh_conformance.config.engine_options import CheckOptions
from osh_conformance.fix.run import planned, written
from osh_conformance.repairs.registry import repairs
from tests.controls import mutants
from tests.live.driving import chart as mutant_chart
from tests.paths import CASES, CHARTS, FIELD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from osh_conformance.fix.run import Outcome
    from osh_conformance.model.finding import Finding

    Contents = Mapping[Path, bytes]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One run of `--fix` on one or several charts: the findings and the files around it, and a second plan."""

    before: tuple[Finding, ...]
    outcome: Outcome
    after: tuple[Finding, ...]
    again: Outcome
    old: Contents
    new: Contents

    @property
    def fixed(self) -> list[Finding]:
        return [finding for each in self.outcome.repairs for finding in each.repair.findings]


def _findings(engine: StaticEngine) -> tuple[Finding, ...]:
    verdicts = [engine.unmarked(target, rule) for target in engine.targets if not target.error for rule in engine.rules]
    return tuple(finding for verdict in verdicts for finding in verdict.findings)


def _contents(folders: tuple[Path, ...]) -> Contents:
    files = (file for folder in folders for file in sorted(folder.rglob("*")))
    return {file: file.read_bytes() for file in files if file.is_file() and not file.is_symlink()}


def _tried(*charts: Path) -> Tried:
    old = _contents(charts)
    options = CheckOptions(paths=charts)
    before = _findings(StaticEngine(options))
    outcome = written(planned(StaticEngine(options)))
    new = _contents(charts)
    return Tried(
        before=before,
        outcome=outcome,
        after=_findings(StaticEngine(options)) if outcome.changes else before,
        again=planned(StaticEngine(options)) if outcome.changes else outcome,
        old=old,
        new=new,
    )


def _cases(place: Path) -> Iterator[Tried]:
    shutil.copytree(CASES, place / CASES.name)
    yield _tried(*(place / CASES.name / case.relative_to(CASES) for case in _every_case()))


def _field(place: Path) -> Iterator[Tried]:
    """Each of these charts is a PATH of its own: others beside it would be its dependencies."""
    shutil.copytree(FIELD, place / FIELD.name)
    for kind in ("chart", "fixed"):
        for folder in sorted((place / FIELD.name).glob(f"*/{kind}")):
            yield _tried(folder)


def _charts_under_test(place: Path) -> Iterator[Tried]:
    yield _tried(shutil.copytree(CHARTS, place / CHARTS.name, symlinks=True))


def _mutants(place: Path) -> Iterator[Tried]:
    yield _tried(*(mutant_chart(place, name) for name in mutants()))


def _every_case() -> list[Path]:
    return sorted(file.parent for file in CASES.glob("*/*/expect.yaml"))


@pytest.mark.parametrize("charts", [_cases, _field, _charts_under_test, _mutants])
def test_a_fix_keeps_its_promises(tmp_path: Path, charts: Callable[[Path], Iterator[Tried]]) -> None:
    for run in charts(tmp_path):
        _check_findings(run)
        _check_files(run)
        _check_second_run(run)


@pytest.fixture(scope="module")
def plan_of_cases() -> Outcome:
    """What would be fixed in the cases; nothing is written."""
    return planned(StaticEngine(CheckOptions(paths=tuple(_every_case()))))


def test_every_repair_has_a_case(plan_of_cases: Outcome) -> None:
    assert {each.repair.rule for each in plan_of_cases.repairs} == set(repairs())


def _in_layout(data: bytes, layout: str, name: str) -> bytes:
    """Return a file of a chart in another layout that says the same."""
    if layout == "windows":
        return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if layout == "no newline":
        return data.rstrip(b"\r\n")
    if layout == "mark":
        return b"\xef\xbb\xbf" + data
    # Scripts in templates have lines that a comment would change.
    return re.sub(rb"(?m)(?<=\w)$", b"   # \xc3\xbc", data) if name.endswith("values.yaml") else data


@pytest.mark.parametrize("layout", ["windows", "no newline", "mark", "comments"])
def test_the_same_is_fixed_in_another_layout(tmp_path: Path, plan_of_cases: Outcome, layout: str) -> None:
    cases = {CASES.joinpath(*change.file.relative_to(CASES).parts[:2]) for change in plan_of_cases.changes}
    charts = [shutil.copytree(case, tmp_path / case.relative_to(CASES)) for case in sorted(cases)]
    for file in (file for chart in charts for file in chart.rglob("*.yaml") if file.name != "expect.yaml"):
        file.write_bytes(_in_layout(file.read_bytes(), layout, file.name))
    run = _tried(*charts)
    assert _places(run.outcome) == _places(plan_of_cases)
    assert len(charts) >= 20
    _check_findings(run)
    _check_files(run)
    _check_second_run(run)


def _places(outcome: Outcome) -> set[tuple[str, ...]]:
    findings = [finding for each in outcome.repairs for finding in each.repair.findings]
    return {(each.chart, each.rule, each.key, each.workload, each.container) for each in findings}


def _check_findings(run: Tried) -> None:
    """A fix removes its findings, and adds none."""
    expected = Counter((finding.rule, finding.id) for finding in run.before)
    expected.subtract((finding.rule, finding.id) for finding in run.fixed)
    assert Counter((finding.rule, finding.id) for finding in run.after) == +expected


def _check_files(run: Tried) -> None:
    """Only files with edits change, and of these only the lines of the edits."""
    changed = {file for file in {*run.old, *run.new} if run.old.get(file) != run.new.get(file)}
    assert changed == {change.file for change in run.outcome.changes}
    assert bool(changed) == bool(run.fixed)
    for change in run.outcome.changes:
        repairs_of = {each.repair.edits for each in run.outcome.repairs if change in each.files}
        edits = [edit for each in repairs_of for edit in each if edit.path == change.path]
        before, after = (Counter(side[change.file].split(b"\n")) for side in (run.old, run.new))
        assert (before - after).total() <= (after - before).total() <= len(edits)


def _check_second_run(run: Tried) -> None:
    """A second run changes nothing, and gives a reason for each finding that a repair exists for."""
    assert not run.again.changes
    assert {refusal.finding.id for refusal in run.again.refusals} == {
        finding.id for finding in run.after if finding.rule in repairs()
    }
    assert all(refusal.reason for refusal in run.again.refusals)
