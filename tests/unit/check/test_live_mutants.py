"""What the static rules find in the charts that a live rule must fail: the findings that are meant, and no others.

A run on a cluster checks the static rules too, and its test counts the findings of both halves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from osh_conformance.check.engine import StaticEngine
from osh_conformance.config.engine_options import CheckOptions
from osh_conformance.rules import registry
from tests.controls import check_each, expected, fits, mutants
from tests.live.driving import chart
from tests.paths import LIVE_MUTANTS, LIVE_TWINS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Mutants that fail no rule: a live run ends with an error.
_HARMLESS = sorted({path.name for path in LIVE_MUTANTS.iterdir() if path.is_dir()} - {"base", *mutants()})
_TWINS = sorted(path.name for path in LIVE_TWINS.iterdir() if path.is_dir())


def _findings(folder: Path) -> Sequence[dict[str, Any]]:
    engine = StaticEngine(CheckOptions(paths=(folder,), cache=False))
    (target,) = engine.targets
    verdicts = [engine.result(target, rule).verdict for rule in registry.static_rules()]
    assert None not in verdicts
    return [msgspec.to_builtins(finding) for verdict in verdicts if verdict for finding in verdict.findings]


@pytest.mark.parametrize("name", mutants())
def test_static_findings_of_a_mutant_are_expected(name: str, tmp_path: Path) -> None:
    found = _findings(chart(tmp_path, name))
    for patterns in expected(name).values():
        # A live rule may have a static check too, which need not see the fault in the templates.
        check_each(found, [pattern for pattern in patterns if pattern["rule"] not in registry.live_rules()])
        for finding in found:
            assert any(fits(finding, {"status": "fail", **pattern}) for pattern in patterns), finding


@pytest.mark.parametrize("name", [None, *_HARMLESS, *_TWINS])
def test_a_chart_that_breaks_no_rule_has_no_static_finding(name: str | None, tmp_path: Path) -> None:
    assert _findings(chart(tmp_path, name)) == []
