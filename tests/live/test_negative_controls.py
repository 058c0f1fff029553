"""Negative controls on a real cluster: charts that are broken on purpose fail, each at the place that is broken."""

from __future__ import annotations

import base64
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from tests.controls import RepeatedScenario, expected, is_nightly, mutants, twins
from tests.live.conftest import MAIN
from tests.live.driving import BASE, Program, check_findings, check_passed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.live.conftest import Kept, Mutants
    from tests.live.driving import Result

#: The random end of a password: it stays what it is, however the rest is quoted.
_RANDOM = 16
#: Their drop Jobs get no pod.
_NEVER_RUN = ("account-as-hook", "post-delete")


def _marked(scenario: str, charts: Callable[[RepeatedScenario], Sequence[str]]) -> Iterator[Any]:
    marks = {True: (pytest.mark.nightly,), False: ()}
    for name in charts(RepeatedScenario(name=scenario)):
        yield pytest.param(scenario, name, id=f"{scenario}-{name}", marks=marks[is_nightly(name)])


def test_the_base_chart_passes_every_rule_with_both_helm_majors(kept: Kept) -> None:
    assert kept.first.document["findings"] == []
    statuses = kept.first.checks(BASE)
    # It has no tests of its own, no message queue and no Keystone.
    assert {status for rule, _, status in statuses if rule not in {"TEST-1", "DROP-8"}} == {"pass"}
    assert {rule for rule, _, _ in statuses} == {
        *("DEP-1", "DROP-4", "DROP-8", "FLAV-1", "JOB-1", "KEY-1", "PIN-1", "PP-1", "PP-3", "SCRIPT-1", "TEST-1")
    }
    assert {cell["helm"] for cell in kept.first.document["cells"]} == {"3", "4"}


def test_a_pass_says_what_was_dropped_and_keeps_the_observation_and_the_log_of_the_drop_job(kept: Kept) -> None:
    result = kept.first
    for cell in result.document["cells"]:
        (dropped,) = [each for each in cell["removed"] if each["scenario"] == "drop-enabled"]
        assert dropped["databases"]["dropped"]
        assert dropped["accounts"]["dropped"]
        assert not dropped["databases"]["left"] + dropped["accounts"]["left"]
        assert f"dropped: database {dropped['databases']['dropped'][0]}; account " in result.printed
        folder = result.artifacts / f"{cell['id']}-drop-enabled"
        assert (folder / "observation.json").stat().st_size
        assert [*(folder / "drop-job").glob("*.log")], "the hook's log"
        assert not (folder / "end").exists()


@pytest.mark.parametrize(("scenario", "name"), [each for scenario in MAIN for each in _marked(scenario, mutants)])
def test_a_mutant_fails_exactly_the_rules_that_it_breaks(
    scenario: str, name: str, judged: Mapping[str, Mutants], keep: Callable[[Result, str, RepeatedScenario], None]
) -> None:
    result, once = judged[scenario].result, RepeatedScenario(name=scenario)
    check_findings(result, name, expected(name)[once])
    keep(result, name, once)
    for finding in result.findings(name):
        assert f"FAIL {finding['rule']}  " in result.printed
        assert finding["found"].splitlines()[0] in result.printed


@pytest.mark.parametrize(("scenario", "name"), [each for scenario in MAIN for each in _marked(scenario, twins)])
def test_a_benign_twin_passes(
    scenario: str, name: str, judged: Mapping[str, Mutants], keep: Callable[[Result, str, RepeatedScenario], None]
) -> None:
    check_passed(judged[scenario].result, name, scenario)
    keep(judged[scenario].result, name, RepeatedScenario(name=scenario))


@pytest.mark.parametrize("scenario", MAIN)
def test_a_failed_run_says_so_in_every_report(scenario: str, judged: Mapping[str, Mutants]) -> None:
    mutated = judged[scenario]
    assert mutated.result.code == 1, mutated.result.printed
    ended = {cell["chart"]: cell["status"] for cell in mutated.result.document["cells"]}
    assert ended == {**dict.fromkeys(mutated.names, "fail"), **dict.fromkeys(mutated.benign, "pass")}
    assert mutated.result.junit.count("<failure") >= len(mutated.names)
    if scenario == "drop-enabled":
        assert mutated.result.junit.count('<property name="removed" value=') >= len(mutated.names)
    assert "<error" not in mutated.result.junit


def test_the_reproduce_command_shows_the_same_finding(judged: Mapping[str, Mutants], program: Program) -> None:
    finding = judged["drop-enabled"].result.findings("drop-nothing")[0]
    words = shlex.split(finding["reproduce"])
    assert words[:2] == ["osh-conformance", "live"]
    again = program.run("live", *words[2:])
    assert again.code == 1, again.printed
    assert finding["id"] in {each["id"] for each in again.findings("drop-nothing")}
    assert again.printed.count(finding["reproduce"]) == len(again.findings("drop-nothing"))


def test_every_finding_has_its_artifacts(judged: Mapping[str, Mutants]) -> None:
    result = judged["drop-enabled"].result
    folders = {cell["chart"]: cell["artifacts"] for cell in result.document["cells"]}
    for name in judged["drop-enabled"].names:
        assert folders[name], f"{name}: no artifacts"
        (folder,) = result.artifacts.glob(f"{name}-*")
        assert (folder / "observation.json").stat().st_size
        assert (folder / "end" / "events.txt").read_text()
        if name not in _NEVER_RUN:
            assert list((folder / "end" / "logs").glob(f"{name}-db-drop-*.db-drop.*")), "the hook's log"


def test_no_report_or_artifact_contains_a_password(judged: Mapping[str, Mutants]) -> None:
    result, passwords = judged["drop-enabled"].result, judged["drop-enabled"].passwords
    assert len(passwords) >= len(judged["drop-enabled"].names)
    written = list(result.written())
    leaks = [
        where
        for where, text in written
        for password in passwords
        if password[-_RANDOM:] in text or base64.b64encode(password.encode()).decode() in text
    ]
    assert leaks == []
    logs = [text for where, text in written if "drop-fails" in where and "db-drop." in where]
    assert any("the server refused ***" in text for text in logs)
