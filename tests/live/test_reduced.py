"""Reduced runs: of a chart only the Jobs that create and drop its database, on images that are not its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.live.driving import tree
from tests.paths import ROOT

if TYPE_CHECKING:
    from tests.live.conftest import Kept
    from tests.live.driving import Program

_WORDS = ("--scenario", "drop-enabled", "--reduced", "--keep")


def test_a_reduced_run_needs_no_image_of_the_service(kept: Kept, program: Program) -> None:
    """Heat's whole chart has an API, an engine, a message queue and Keystone: nothing of that is installed."""
    assert kept
    result = program.run("live", ROOT / "charts-under-test" / "heat", *_WORDS)
    assert result.code == 0, result.printed
    (cell,) = result.document["cells"]
    assert "not the chart's own" in cell["reduced"]
    assert {reference.partition(":")[0] for reference in cell["images"]} <= {
        "osh-conformance.invalid/client",
        "quay.io/airshipit/kubernetes-entrypoint",
    }
    (removed,) = cell["removed"]
    assert removed["databases"]["dropped"] == ["heat"]
    assert removed["accounts"]["dropped"] == ["heat@%"]
    assert {(rule, status) for rule, _, status in result.checks("heat") if rule in {"DROP-4", "KEY-1"}} == {
        ("DROP-4", "pass"),
        ("KEY-1", "not-applicable"),
    }


def test_a_reduced_run_fails_a_drop_that_does_nothing(kept: Kept, program: Program) -> None:
    assert kept
    result = program.run("live", tree(program.home / "reduced", ["does-nothing"]), *_WORDS)
    assert result.code == 1, result.printed
    (removed,) = result.document["cells"][0]["removed"]
    assert removed["databases"]["left"] == ["does-nothing"]
    assert {finding["rule"] for finding in result.findings("does-nothing") if finding["status"] == "fail"} >= {"DROP-4"}
