"""Verdicts on small charts that show one kind of defect each, or one thing that must not be accused.

The kinds come from public bug reports and foreign charts. A folder of `tests/field` holds `chart/`, sometimes `fixed/`
(the same chart without the defect), and `expect.yaml`:

- `summary`: one sentence.
- `chart`: the findings that must be there, by `rule` and `status` (`fail` or `warning`), and where given `at` (the
  file), `not_at` (a file that they must not point to), `key`, and `says` (a part of found, expected or fix, in any
  case). No other rule may fail, and there is no error. Further warnings may be there.
- `also`: further rules that fail on `chart`.
- `fixed`: as `chart`, for `fixed/`.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from osh_conformance.check.engine import StaticEngine
from osh_conformance.config.engine_options import CheckOptions
from osh_conformance.model.finding import Status
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.finding import Finding

_FIELD = ROOT / "tests" / "field"
_EXPECTED: Mapping[str, Mapping[str, Any]] = {
    path.parent.name: yaml.safe_load(path.read_text()) for path in sorted(_FIELD.glob("*/expect.yaml"))
}
#: Cases that do not hold yet.
_PENDING: frozenset[str] = frozenset()


def _charts() -> Iterator[tuple[str, str]]:
    for name in _EXPECTED:
        for variant in ("chart", "fixed"):
            if (_FIELD / name / variant).is_dir():
                yield name, variant


_CHARTS = list(_charts())


@pytest.fixture(scope="module")
def findings() -> Mapping[tuple[str, str], tuple[Finding, ...]]:
    """Return the findings on each chart, each checked as a PATH of its own. An error fails the test of its chart."""
    found: dict[tuple[str, str], tuple[Finding, ...]] = {}
    for name, variant in _CHARTS:
        engine = StaticEngine(CheckOptions(paths=(_FIELD / name / variant,)))
        engine.expect(engine.targets)
        results = [engine.result(target, rule) for target in engine.targets for rule in engine.rules]
        errors = tuple(each.event.error for each in results if each.event.error)
        found[name, variant] = (*errors, *(f for each in results if each.verdict for f in each.verdict.findings))
    return found


@pytest.mark.parametrize(("name", "variant"), _CHARTS, ids=lambda value: value)
def test_a_chart_of_the_field_gets_its_verdict(
    findings: Mapping[tuple[str, str], tuple[Finding, ...]], name: str, variant: str
) -> None:
    if name in _PENDING:
        pytest.xfail("not built yet")
    found = findings[name, variant]
    assert not [finding for finding in found if finding.status is Status.ERROR]
    wanted = _EXPECTED[name].get(variant, [])
    for entry in wanted:
        assert any(_fits(finding, entry) for finding in found), f"missing: {entry}"
        assert not any(_misplaced(finding, entry) for finding in found), f"misplaced: {entry}"
    failing = {finding.rule for finding in found if finding.status is Status.FAIL}
    also = set(_EXPECTED[name].get("also", ())) if variant == "chart" else set()
    assert failing == {entry["rule"] for entry in wanted if entry["status"] == "fail"} | also


def _fits(finding: Finding, entry: Mapping[str, Any]) -> bool:
    said = f"{finding.found}\n{finding.expected}\n{finding.fix}".lower()
    return (
        finding.rule == entry["rule"]
        and finding.status.value == entry["status"]
        and _path(finding) == entry.get("at", _path(finding))
        and finding.key == entry.get("key", finding.key)
        and str(entry.get("says", "")).lower() in said
    )


def _misplaced(finding: Finding, entry: Mapping[str, Any]) -> bool:
    return finding.rule == entry["rule"] and "not_at" in entry and _path(finding) == entry["not_at"]


def _path(finding: Finding) -> str:
    """Return the file of a finding, relative to its chart."""
    return posixpath.relpath(finding.path, finding.folder) if finding.path else ""
