"""`--select` and `--ignore`: which rules a run checks."""

from __future__ import annotations

import re

import pytest

from osh_conformance.cli import main
from osh_conformance.config.selection import selected_rules
from osh_conformance.errors import UsageError
from tests.case_charts import case

_CLEAN = str(case("clean-flat"))
_OFFERED = ("KEY-1", "PP-1", "PP-2", "REF-1", "REF-2")


@pytest.mark.parametrize(
    ("select", "ignore", "rules"),
    [
        ((), (), _OFFERED),
        (("REF",), (), ("REF-1", "REF-2")),
        (("pp-1,REF",), (), ("PP-1", "REF-1", "REF-2")),
        (("KEY", "PP-2"), (), ("KEY-1", "PP-2")),
        ((), ("PP,KEY-1",), ("REF-1", "REF-2")),
        (("REF",), ("REF-2",), ("REF-1",)),
        (("DROP",), (), ()),
    ],
)
def test_select_and_ignore_take_ids_and_families(
    select: tuple[str, ...], ignore: tuple[str, ...], rules: tuple[str, ...]
) -> None:
    assert selected_rules(select, ignore, _OFFERED) == rules


@pytest.mark.parametrize(
    ("name", "suggestion"), [("RFE-1", "REF-1"), ("REFS", "REF"), ("SCIRPT", "SCRIPT"), ("REF-99", "REF-")]
)
def test_an_unknown_name_is_a_usage_error_with_a_suggestion(name: str, suggestion: str) -> None:
    for select, ignore in (([name], []), ([], [name])):
        with pytest.raises(UsageError, match=re.escape(f"no rule `{name}`: did you mean `{suggestion}")):
            selected_rules(select, ignore, _OFFERED)


def test_check_takes_families_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--select", "--rule"):
        assert main(["check", _CLEAN, option, "PP,REF", "--ignore", "REF-3,REF-4"]) == 0
        assert capsys.readouterr().out.startswith("1 chart, 4 checks: 4 passed")


def test_check_refuses_a_rule_that_needs_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", _CLEAN, "--select", "DROP-6"]) == 4
    assert "--select DROP-6: only `osh-conformance live` checks it" in capsys.readouterr().err
