"""PP-3: the nodes follow the pull policy."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.mutations import pull
from tests.unit.observations import observation
from tests.unit.rules.verdicts import assert_fails, assert_not_applicable


def test_pp_3_does_not_apply_without_a_registry_of_the_suite() -> None:
    assert_not_applicable("PP-3", replace(observation(), pulls=()), "no registry of the suite")


def test_pp_3_reports_start_and_request_separately() -> None:
    seen = pull("never-absent", started=True, reason="", requests=("GET a 200",))(observation())
    assert_fails("PP-3", seen, "the container started", "the registry received GET a 200", key="")
