"""What `check --fix` promises, held over every chart that the tests have.

A fix removes its findings, adds none, changes no other byte, and a second run changes nothing. The charts are those of
`tests/cases` and `tests/field`, the mutants of live runs, and the charts under test.
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
    from collections.abc import Iterator, Mapping
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


def _runs(place: Path) -> Iterator[Tried]:
    """Copy every chart below `place`, and try it: cases in one run, others each as a PATH of its own."""
    for source in (CASES, FIELD, CHARTS):
        shutil.copytree(source, place / source.name, symlinks=True)
    cases = sorted(file.parent for file in (place / CASES.name).glob("*/*/expect.yaml"))
    yield _tried(*cases)
    for kind in ("chart", "fixed"):
        for folder in sorted((place / FIELD.name).glob(f"*/{kind}")):
            yield _tried(folder)
    yield _tried(place / CHARTS.name)
    yield _tried(*(mutant_chart(place / "mutants", name) for name in mutants()))


def _fixed_cases(runs: tuple[Tried, ...]) -> list[Path]:
    """Return the cases that the first run has repaired, as they are in the checkout."""
    files = [change.file.parts for change in runs[0].outcome.changes]
    return sorted({CASES.joinpath(*parts[parts.index(CASES.name) + 1 :][:2]) for parts in files})


@pytest.fixture(scope="module", params=["windows", "no newline", "mark", "comments"])
def in_another_layout(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, runs: tuple[Tried, ...]
) -> Tried:
    place = tmp_path_factory.mktemp("layout")
    charts = [shutil.copytree(case, place / case.parent.name / case.name) for case in _fixed_cases(runs)]
    for file in (file for chart in charts for file in chart.rglob("*.yaml") if file.name != "expect.yaml"):
        file.write_bytes(_in_layout(file.read_bytes(), request.param, file.name))
    return _tried(*charts)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tried, ...]:
    return tuple(_runs(tmp_path_factory.mktemp("charts")))


def test_every_repair_is_tried(runs: tuple[Tried, ...]) -> None:
    fixed = Counter(finding.rule for run in runs for finding in run.fixed)
    assert set(fixed) == set(repairs())
    assert fixed.total() >= 25


def test_a_fix_removes_its_findings_and_adds_none(runs: tuple[Tried, ...]) -> None:
    for run in runs:
        expected = Counter((finding.rule, finding.id) for finding in run.before)
        expected.subtract((finding.rule, finding.id) for finding in run.fixed)
        assert Counter((finding.rule, finding.id) for finding in run.after) == +expected


def test_a_second_run_changes_nothing(runs: tuple[Tried, ...]) -> None:
    assert not [change.file for run in runs for change in run.again.changes]


def test_only_the_lines_of_the_edits_change(runs: tuple[Tried, ...]) -> None:
    for run in runs:
        changed = {file for file in {*run.old, *run.new} if run.old.get(file) != run.new.get(file)}
        assert changed == {change.file for change in run.outcome.changes}
        for change in run.outcome.changes:
            repairs_of = {each.repair.edits for each in run.outcome.repairs if change in each.files}
            edits = [edit for each in repairs_of for edit in each if edit.path == change.path]
            assert len(_different_lines(run.old[change.file], run.new[change.file])) <= len(edits)


def _different_lines(old: bytes, new: bytes) -> list[bytes]:
    """Return the lines of the new content that the old one lacks; none of the old may be missing for another reason."""
    before, after = Counter(old.split(b"\n")), Counter(new.split(b"\n"))
    added = list((after - before).elements())
    assert len(list((before - after).elements())) <= len(added)
    return added


def test_a_chart_without_a_certain_repair_keeps_every_byte(runs: tuple[Tried, ...]) -> None:
    untouched = [run for run in runs if not run.fixed]
    assert len(untouched) > 50
    assert all(run.old == run.new and not run.outcome.changes for run in untouched)


def test_the_same_is_fixed_in_another_layout(runs: tuple[Tried, ...], in_another_layout: Tried) -> None:
    plain = {(finding.chart, finding.rule, finding.key, finding.container) for finding in runs[0].fixed}
    assert plain == {(each.chart, each.rule, each.key, each.container) for each in in_another_layout.fixed}
    assert len(plain) >= 20


def test_another_layout_is_kept(in_another_layout: Tried) -> None:
    test_a_fix_removes_its_findings_and_adds_none((in_another_layout,))
    test_a_second_run_changes_nothing((in_another_layout,))
    test_only_the_lines_of_the_edits_change((in_another_layout,))


def test_what_is_not_fixed_has_a_reason(runs: tuple[Tried, ...]) -> None:
    for run in runs:
        open_findings = {finding.id for finding in run.after if finding.rule in repairs()}
        refused = {refusal.finding.id for refusal in run.again.refusals}
        assert refused == open_findings
        assert all(refusal.reason for refusal in run.again.refusals)
