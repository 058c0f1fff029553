"""The pytest plugin, as a chart author uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.rules import catalogue

if TYPE_CHECKING:
    import pytest

_MUTANTS = Path(__file__).parents[1] / "mutants" / "static"


def test_charts_become_items_with_readable_ids(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--charts", str(_MUTANTS / "ref-2-latest"), "-v")
    result.stdout.fnmatch_lines(
        [
            "*::test_image_references?ref-2-latest-REF-1? PASSED*",
            "*::test_image_references?ref-2-latest-REF-2? FAILED*",
            "*FAIL REF-2  ref-2-latest  values.yaml:3  images.api*",
        ]
    )
    result.assert_outcomes(passed=5, failed=1)


def test_several_charts_and_a_selection(pytester: pytest.Pytester) -> None:
    charts = [f"--charts={_MUTANTS / name}" for name in ("clean-flat", "clean-tags")]
    pytester.runpytest_subprocess(*charts, "-k", "clean-tags and PP").assert_outcomes(passed=2, deselected=10)


def test_a_relative_path_is_relative_to_where_pytest_is_called(pytester: pytest.Pytester) -> None:
    (pytester.path / "mine").symlink_to(_MUTANTS / "clean-flat")
    pytester.runpytest_subprocess("--charts", "mine").assert_outcomes(passed=6)


def test_own_tests_run_beside_it_when_they_are_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own="def test_own(): pass")
    charts = f"--charts={_MUTANTS / 'clean-flat'}"
    pytester.runpytest_subprocess(charts).assert_outcomes(passed=6)
    pytester.runpytest_subprocess("test_own.py", charts).assert_outcomes(passed=7)


def test_workers_share_the_items(pytester: pytest.Pytester) -> None:
    pytester.runpytest_subprocess("--charts", str(_MUTANTS / "clean-flat"), "-n", "2").assert_outcomes(passed=6)


def test_what_is_no_chart_is_an_error_and_no_failure(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--charts", "nowhere", "--junitxml=r.xml")
    result.assert_outcomes(errors=6)
    result.stdout.fnmatch_lines(["*ERROR nowhere: *nowhere does not exist"])
    assert '<error message="failed on setup' in (pytester.path / "r.xml").read_text()


def test_a_run_that_asks_for_nothing_imports_nothing() -> None:
    program = (
        "import sys, pytest; before = set(sys.modules); import osh_conformance.plugin; "
        "new = {name for name in set(sys.modules) - before if not name.startswith('osh_conformance')}; "
        "ours = {name for name in sys.modules if name.startswith('osh_conformance')}; "
        "assert not new - set(sys.stdlib_module_names), new; "
        "assert ours == {'osh_conformance', 'osh_conformance.plugin'}, ours"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_static_rule_has_its_place_in_the_suite(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--charts", str(_MUTANTS / "clean-flat"), "--collect-only", "-q")
    items = [line for line in result.outlines if "::" in line]
    assert sorted(item.split("[clean-flat-")[1].rstrip("]") for item in items) == sorted(catalogue.static_rules())
