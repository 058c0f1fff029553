"""The pytest plugin, as a chart author uses it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from osh_conformance.config.options import CHECK, options_of
from osh_conformance.rules import registry
from tests.case_charts import case
from tests.unit.hostile_texts import hostile_tree, problems
from tests.unit.loading.toys import write_all, write_painter

if TYPE_CHECKING:
    from pathlib import Path

#: Rules that the clean charts pass, so that these tests do not know every rule.
_OF_OUR_REPORT = ("output-format", "quiet", "statistics")
_SIX = ("REF-1", "REF-2", "REF-4", "KEY-1", "PP-1", "PP-2")


def _tree(pytester: pytest.Pytester, *names: str, settings: str = "", deviations: object = ()) -> None:
    """Make the repository of a chart author: charts, a configuration, expected findings."""
    for name in names:
        shutil.copytree(case(name), pytester.path / "charts" / name)
    rules = settings if "select =" in settings else f"select = {list(_SIX)}\n{settings}"
    (pytester.path / "osh-conformance.toml").write_text(rules)
    content = {"osh_conformance_deviations": 1, "deviations": deviations}
    (pytester.path / "d.yaml").write_text(json.dumps(content))


def test_charts_become_items_with_readable_ids(pytester: pytest.Pytester) -> None:
    _tree(pytester, "ref-2-latest")
    result = pytester.runpytest_subprocess("--charts", "charts", "-v")
    result.stdout.fnmatch_lines(
        [
            "*::test_image_references?ref-2-latest-REF-1? PASSED*",
            "*::test_image_references?ref-2-latest-REF-2? FAILED*",
            "*FAIL REF-2  ref-2-latest  charts/ref-2-latest/values.yaml:3  images.api*",
        ]
    )
    result.assert_outcomes(passed=5, failed=1)


def test_several_charts_can_be_selected_from(pytester: pytest.Pytester) -> None:
    _tree(pytester, "clean-flat", "clean-tags")
    charts = ("--charts=charts/clean-flat", "--charts=charts/clean-tags")
    pytester.runpytest_subprocess(*charts, "-k", "clean-tags and PP").assert_outcomes(passed=2, deselected=10)


def test_tests_of_the_user_run_when_they_are_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own="def test_own(): pass")
    _tree(pytester, "clean-flat")
    pytester.runpytest_subprocess("--charts=charts").assert_outcomes(passed=6)
    pytester.runpytest_subprocess("test_own.py", "--charts=charts").assert_outcomes(passed=7)


def test_a_path_without_a_chart_is_an_error_and_no_failure(pytester: pytest.Pytester) -> None:
    _tree(pytester)
    pytester.mkdir("empty")
    result = pytester.runpytest_subprocess("--charts", "empty", "--junitxml=r.xml")
    result.assert_outcomes(errors=6)
    result.stdout.fnmatch_lines(["*ERROR empty: *"])
    assert '<error message="failed on setup' in (pytester.path / "r.xml").read_text()


def test_a_path_that_does_not_exist_is_a_usage_error(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--charts", "nowhere")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *nowhere*"])


def test_pytest_without_charts_imports_nothing_of_the_suite() -> None:
    program = (
        "import sys, pytest; before = set(sys.modules); import osh_conformance.plugin; "
        "new = {name for name in set(sys.modules) - before if not name.startswith('osh_conformance')}; "
        "ours = {name for name in sys.modules if name.startswith('osh_conformance')}; "
        "assert not new - set(sys.stdlib_module_names), new; "
        "assert ours == {'osh_conformance', 'osh_conformance.plugin'}, ours"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_run_without_options_of_ours_imports_the_table_of_options_only(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        import sys

        def test_imports():
            rooms = {name.split(".")[1] for name in sys.modules if name.startswith("osh_conformance.")}
            assert rooms <= {"config", "plugin"}
            assert not {"msgspec", "yaml", "kubernetes"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "osh_conformance.plugin").assert_outcomes(passed=1)


def test_every_static_rule_has_a_test_in_the_suite(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--charts", str(case("clean-flat")), "--collect-only", "-q")
    items = [line for line in result.outlines if "::" in line]
    assert sorted(item.split("[clean-flat-")[1].rstrip("]") for item in items) == sorted(registry.static_rules())


def test_workers_get_whole_charts_and_their_verdicts_reach_the_controller(pytester: pytest.Pytester) -> None:
    entry = {"rule": "REF-2", "chart": "ref-2-latest", "reason": "known"}
    stale = {"rule": "REF-1", "chart": "clean-flat", "reason": "long gone"}
    _tree(pytester, "clean-flat", "clean-tags", "ref-2-latest", "ref-1-no-host", deviations=[entry, stale])
    result = pytester.runpytest_subprocess(
        *("--charts", "charts", "--deviations", "d.yaml", "-n", "2", "-v", "-k", "image_references", "--junitxml=r.xml")
    )
    assert result.parseoutcomes()["xfailed"] == 1
    result.stdout.fnmatch_lines(
        [
            "WARN REF-1  clean-flat  d.yaml:1",
            "*long gone*",
            "XFAIL REF-2  ref-2-latest  charts/ref-2-latest/values.yaml:3  images.api: known (d.yaml)",
            "*findings: 1 fail, 1 warn, 1 expected",
            "4 charts, 12 checks: *1 failed, 1 expected*",
        ]
    )
    workers: dict[str, set[str]] = {}
    for line in result.outlines:
        if match := re.match(r"\[(gw\d)\].*\[(.+)-REF-\d\]", line):
            workers.setdefault(match[2], set()).add(match[1])
    assert len(workers) == 4
    assert all(len(of_chart) == 1 for of_chart in workers.values()), "each chart is in one worker"
    (skipped,) = [case for case in _cases(pytester.path / "r.xml") if case.find("skipped") is not None]
    assert skipped.find("skipped").attrib == {"type": "pytest.xfail", "message": "known (d.yaml)"}  # type: ignore[union-attr]


def _cases(junit: Path) -> list[ET.Element]:
    return list(ET.parse(junit).iter("testcase"))  # noqa: S314  (we wrote it)


def test_last_failed_runs_only_what_failed_last(pytester: pytest.Pytester) -> None:
    _tree(pytester, "clean-flat", "ref-1-no-host")
    pytester.runpytest_subprocess("--charts", "charts", "-k", "REF")
    result = pytester.runpytest_subprocess("--charts", "charts", "--lf", "-v")
    result.stdout.fnmatch_lines(["*test_images.py::test_image_references?ref-1-no-host-REF-1? FAILED*"])
    assert result.parseoutcomes()["failed"] == 1


def test_python_files_patterns_of_the_user_do_not_hide_the_suite(pytester: pytest.Pytester) -> None:
    _tree(pytester, "clean-flat")
    pytester.makeini(
        """
        [pytest]
        python_files = check_*.py
        python_functions = check_*
        addopts = --strict-markers --strict-config
        filterwarnings =
            error
            ignore:cannot discover fixture:pytest.PytestWarning
        """
    )
    result = pytester.runpytest_subprocess("--charts", "charts", "--junitxml=r.xml")
    result.assert_outcomes(passed=6)
    assert {case.attrib["classname"].split(".")[0] for case in _cases(pytester.path / "r.xml")} == {"osh_conformance"}


def test_pytest_has_the_options_of_check(pytester: pytest.Pytester) -> None:
    _tree(pytester, "ref-2-latest", "clean-flat", settings='[severity]\nREF-2 = "off"\n[outputs]\njson = "r.json"\n')
    (pytester.path / "own.yaml").write_text("name: own\nsummary: s\nimages:\n  api: docker.io/example/api:latest\n")
    options = ("--conformance-extend-select=REF-2", "--conformance-exclude=charts/clean-flat", "--conformance-no-cache")
    result = pytester.runpytest_subprocess("--charts=charts", *options, "--conformance-flavor-file=own.yaml")
    result.assert_outcomes(passed=5, failed=1)
    found = json.loads((pytester.path / "r.json").read_text())["findings"]
    assert [finding["chart"] for finding in found] == ["ref-2-latest"]


def test_pytest_offers_every_option_of_check() -> None:
    # `--write-baseline` writes a file of the run itself, whatever pytest deselects. Tests repair nothing. The rest is
    # about our own report.
    missing = {option.name for option in options_of(CHECK) if not option.pytest}
    assert missing == {"write-baseline", "fix", "diff", *_OF_OUR_REPORT}


def test_the_configuration_may_be_in_pyproject(pytester: pytest.Pytester) -> None:
    entry = {"rule": "REF-2", "chart": "ref-*", "reason": "known", "expires": "2999-01-01"}
    _tree(pytester, "ref-2-latest", deviations=[entry])
    (pytester.path / "osh-conformance.toml").unlink()
    pytester.makepyprojecttoml('[tool.osh-conformance]\nselect = ["REF-2", "REF-1"]\ndeviations = ["d.yaml"]\n')
    pytester.runpytest_subprocess("--charts", "charts").assert_outcomes(passed=1, xfailed=1)


def test_a_stale_expectation_fails_a_strict_run(pytester: pytest.Pytester) -> None:
    entry = {"rule": "REF-1", "chart": "clean-flat", "reason": "gone"}
    _tree(pytester, "clean-flat", settings='strict = true\ndeviations = ["d.yaml"]', deviations=[entry])
    result = pytester.runpytest_subprocess("--charts", "charts")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAIL REF-1  clean-flat  d.yaml:1"])


def test_a_wrong_configuration_is_a_usage_error(pytester: pytest.Pytester) -> None:
    _tree(pytester, "clean-flat", settings="strikt = true")
    result = pytester.runpytest_subprocess("--charts", "charts")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*`strikt`*`strict`*"])


def test_pytest_reads_data_files_of_the_user(pytester: pytest.Pytester) -> None:
    write_painter(pytester.path / "charts" / "painter")
    write_all(pytester.path / "mine")
    arguments = ("--charts", "charts", "--conformance-select", "KEY-1,REF-2", "--conformance-data", "mine", "-n", "2")
    result = pytester.runpytest_subprocess(*arguments)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*FAIL REF-2  painter  charts/painter/values.yaml:1  pictures.api*"])


def test_an_error_is_an_error_in_junit_from_a_worker_too(pytester: pytest.Pytester) -> None:
    _tree(pytester, "clean-flat", "clean-tags")
    (pytester.path / "charts" / "clean-tags" / "values.yaml").write_text("images: [\n")
    result = pytester.runpytest_subprocess("--charts", "charts", "-n", "2", "-k", "REF-1", "--junitxml=r.xml")
    result.assert_outcomes(passed=1, errors=1)
    (broken,) = [case for case in _cases(pytester.path / "r.xml") if case.find("error") is not None]
    assert broken.attrib["name"] == "test_image_references[clean-tags-REF-1]"


def test_nothing_that_a_chart_says_is_obeyed_where_pytest_prints_it(pytester: pytest.Pytester) -> None:
    hostile_tree(pytester.path / "charts")
    result = pytester.runpytest_subprocess("--charts", "charts", "-rA", "-k", "REF or PP", "--junitxml=r.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert problems("\n".join(result.outlines)) == []
    assert "\x1b" not in (pytester.path / "r.xml").read_text()


_ID = "osh_conformance/static/test_images.py::test_image_references[ref-2-latest-REF-2]"


def _failed(result: pytest.RunResult) -> str:
    """Return the node id of the only failure, as pytest prints it."""
    (line,) = [line for line in result.outlines if line.startswith("FAILED ")]
    return line.removeprefix("FAILED ").partition(" - ")[0]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_printed_node_id_can_be_pasted_back(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    _tree(pytester, "ref-2-latest", "clean-flat")
    printed = _failed(pytester.runpytest_subprocess("--charts", "charts"))
    assert printed == _ID
    result = pytester.runpytest_subprocess("--charts", "charts", printed, *workers)
    result.assert_outcomes(failed=1)
    other = printed.replace("REF-2", "REF-1")
    pytester.runpytest_subprocess("--charts", "charts", printed, other).assert_outcomes(failed=1, passed=1)


def test_a_node_id_printed_below_the_root_can_be_pasted_back(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    _tree(pytester, "ref-2-latest")
    pytester.makeini("[pytest]\n")
    monkeypatch.chdir(pytester.path / "charts")
    printed = _failed(pytester.runpytest_subprocess("--charts", "."))
    assert printed == f"../{_ID}"
    pytester.runpytest_subprocess("--charts", ".", printed).assert_outcomes(failed=1)


def test_a_node_id_of_no_test_is_an_error_of_pytest(pytester: pytest.Pytester) -> None:
    _tree(pytester, "ref-2-latest")
    for wrong in (_ID.replace("REF-2", "REF-77"), _ID.replace("test_images", "test_nothing")):
        result = pytester.runpytest_subprocess("--charts", "charts", wrong)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "not found: " in result.stderr.str() + result.stdout.str()


def test_node_ids_of_other_tests_run_beside_the_suite(pytester: pytest.Pytester) -> None:
    _tree(pytester, "clean-flat")
    pytester.makepyfile(test_own="def test_own(): pass")
    result = pytester.runpytest_subprocess("--charts", "charts", "test_own.py")
    result.assert_outcomes(passed=len(_SIX) + 1)


def test_one_line_forms_name_the_place_and_the_reason(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    _tree(pytester, "ref-2-latest")
    said = "charts/ref-2-latest/values.yaml:3: REF-2 error images.api: docker.io/example/api:latest"
    monkeypatch.setenv("COLUMNS", "250")
    result = pytester.runpytest_subprocess("--charts", "charts", "--junitxml=r.xml")
    assert any(line.startswith(f"FAILED {_ID} - {said}") for line in result.outlines)
    (case,) = [case for case in _cases(pytester.path / "r.xml") if case.find("failure") is not None]
    assert case.find("failure").attrib["message"].startswith(said)  # type: ignore[union-attr]
    result = pytester.runpytest_subprocess("--charts", "charts", "--tb=line")
    assert any(line.startswith("charts/ref-2-latest/values.yaml:3: ") for line in result.outlines)


def test_the_reason_is_above_a_summary_that_has_no_room_for_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("BUILD_NUMBER", raising=False)
    _tree(pytester, "ref-2-latest")
    monkeypatch.setenv("COLUMNS", "80")
    result = pytester.runpytest_subprocess("--charts", "charts", "--tb=no")
    result.stdout.fnmatch_lines(
        [
            "FAIL REF-2  ref-2-latest  charts/ref-2-latest/values.yaml:3  images.api: docker.io/example/api:latest*",
            "*short test summary info*",
        ]
    )


def test_a_skip_names_the_test(pytester: pytest.Pytester) -> None:
    _tree(pytester, "ref-2-latest", settings='select = ["HOOK-1"]')
    result = pytester.runpytest_subprocess("--charts", "charts", "-rs")
    assert any(re.match(r"SKIPPED \[1\] osh_conformance/static/test_\w+\.py:\d+: not-appl", x) for x in result.outlines)
