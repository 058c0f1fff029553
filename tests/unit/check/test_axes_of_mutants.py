"""The check of mutants that hold with some values of an axis only: it fails for each cell that is not as expected."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.live.axes import FLAVORS, RUNTIMES

_MUTANT = "needs-kolla-venv"
_FLAVORS = ("distribution", "kolla")


def _result(**statuses: str) -> Any:
    cells = [
        {"id": f"{_MUTANT}-{flavor}-docker-default-helm4", "chart": _MUTANT, "status": status}
        for flavor, status in statuses.items()
    ]
    script = {
        "rule": "SCRIPT-1",
        "found": "in flavor distribution: it cannot be started (/var/lib/kolla/venv/bin/python3)",
    }
    fingerprint = {
        "rule": "FLAV-1",
        "found": "exit of db_init db-init: 127, with flavor distribution, runtime runc",
        "expected": "0, as with flavor kolla, runtime runc",
    }
    found = [{"status": "fail", "key": "db_init", **each} for each in (script, fingerprint)]
    return SimpleNamespace(document={"cells": cells}, findings=lambda _: found)


def test_a_chart_that_is_named_as_a_value_of_the_axis_has_the_value_of_its_cell() -> None:
    FLAVORS.check(_result(distribution="fail", kolla="pass"), _MUTANT, _FLAVORS)


@pytest.mark.parametrize("statuses", [{"distribution": "pass", "kolla": "pass"}, {"distribution": "fail"}])
def test_a_cell_that_passes_in_place_of_failing_or_is_not_there_is_noticed(statuses: dict[str, str]) -> None:
    with pytest.raises(AssertionError):
        FLAVORS.check(_result(**statuses), _MUTANT, _FLAVORS)


def test_a_finding_of_another_cell_is_noticed() -> None:
    result = _result(distribution="fail", kolla="pass")
    result.findings(_MUTANT)[0]["found"] = "in flavor kolla: it cannot be started"
    with pytest.raises(AssertionError, match="none fits"):
        FLAVORS.check(result, _MUTANT, _FLAVORS)


def test_a_benign_twin_is_no_mutant_and_must_pass_everywhere() -> None:
    twin, runtimes = "needs-no-home", ("runc", "gvisor")
    assert twin in RUNTIMES.twins()
    assert not {*RUNTIMES.twins()} & {*RUNTIMES.mutants(("runc", "crun", "youki", "gvisor"))}
    cells = [{"id": f"{twin}-shipped-docker-{each}-helm4", "chart": twin, "status": "pass"} for each in runtimes]
    result: Any = SimpleNamespace(document={"cells": cells}, findings=lambda _: [])
    RUNTIMES.check(result, twin, runtimes)
    result.findings = lambda _: [{"status": "fail"}]
    with pytest.raises(AssertionError):
        RUNTIMES.check(result, twin, runtimes)
    cells[0]["status"] = "fail"
    result.findings = lambda _: []
    with pytest.raises(AssertionError):
        RUNTIMES.check(result, twin, runtimes)


def test_the_mutants_of_runtimes_are_those_that_tell_them_apart() -> None:
    assert set(RUNTIMES.mutants(("runc", "gvisor"))) == {"asks-for-its-time-slice", "reads-host-file"}
