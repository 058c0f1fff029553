"""Reporters: a new output is one module, and works for `check` and pytest alike."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from osh_conformance.model.finding import Finding
from osh_conformance.report import base
from tests.case_charts import case

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from osh_conformance.report.result import RunReport

_CHART = str(case("ref-2-latest"))
_TOY = '''
"""A reporter that writes one line for each finding."""

from osh_conformance.report.base import FileReporter, register


@register
class ToyReporter(FileReporter):
    """Writes one line for each finding."""

    option = "toy"
    help = "write one line for each finding"

    def text(self, report):
        """Return the lines."""
        return "".join(f"{finding.rule} {finding.chart} {finding.found}\\n" for finding in report.findings)
'''


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Path]:
    """A module with a reporter, imported as those of the package are."""
    file = tmp_path / "toy_reporter.py"
    file.write_text(_TOY)
    base.registered()
    spec = importlib.util.spec_from_file_location("toy_reporter", file)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    yield file
    del base._registered["toy"]
    sys.modules.pop("toy_reporter", None)


@pytest.mark.parametrize(
    ("path", "line", "expected"),
    [
        ("templates/a.yaml", 7, (7, "")),
        ("templates/a.yaml", None, (1, "the line is not known")),
        ("", None, (1, "")),
    ],
)
def test_an_output_that_demands_a_line_says_that_it_is_not_known(
    path: str, line: int | None, expected: tuple[int, str]
) -> None:
    finding = Finding(rule="HOOK-1", chart="shop", path=path, line=line, found="", expected="", why="", fix="")
    assert base.line_of(finding) == expected


@pytest.mark.usefixtures("toy")
def test_check_offers_a_registered_reporter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "deep" / "toy.txt"
    assert main(["check", _CHART, "--select", "REF", "--toy", str(file)]) == 1
    (line,) = file.read_text().splitlines()
    assert line.startswith("REF-2 ref-2-latest docker.io/example/api:latest "), "it listens to every event of the run"
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    assert "--toy FILE" in capsys.readouterr().out


@pytest.mark.usefixtures("toy")
def test_a_reporter_writes_its_file_also_where_the_run_did_not_begin(tmp_path: Path) -> None:
    file = tmp_path / "toy.txt"
    assert main(["check", _CHART, "--select", "NO-1", "--toy", str(file)]) == 4
    assert "no rule `NO-1`" in file.read_text()


@pytest.mark.usefixtures("toy")
def test_a_file_that_cannot_be_written_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", _CHART, "--toy", "/proc/no/such.txt"]) == 4
    assert capsys.readouterr().err.count("cannot write /proc/no/such.txt") == 1


@pytest.mark.usefixtures("toy")
def test_two_reporters_with_one_option_are_refused() -> None:
    class Other(base.FileReporter):
        option = "toy"
        help = ""

        def text(self, report: RunReport) -> str:
            return str(report.charts)

    with pytest.raises(ValueError, match="two reporters have the option --toy"):
        base.register(Other)


def test_another_package_brings_a_reporter_by_its_entry_point(tmp_path: Path) -> None:
    (tmp_path / "toy_reporter.py").write_text(_TOY)
    metadata = tmp_path / "toy_reporter-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-reporter\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[osh_conformance.reporters]\ntoy = toy_reporter:ToyReporter\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    for argv in (
        [sys.executable, "-m", "osh_conformance", "live", "--help"],
        [sys.executable, "-m", "pytest", "--help"],
    ):
        done = subprocess.run(argv, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True)
        assert re.search("toy[ =]FILE", done.stdout)


def test_pytest_offers_a_registered_reporter(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(toy_reporter=_TOY)
    arguments = (
        "-p",
        "toy_reporter",
        "--charts",
        _CHART,
        "--conformance-select",
        "REF",
        "--conformance-toy",
        "toy.txt",
    )
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=3, failed=1)
    assert (pytester.path / "toy.txt").read_text().startswith("REF-2 ref-2-latest ")


def test_pytest_writes_the_json_document_from_its_workers(pytester: pytest.Pytester) -> None:
    arguments = ("--charts", _CHART, "-n", "2", "--conformance-ignore", "DROP,HOOK", "--conformance-json", "r.json")
    assert pytester.runpytest_subprocess(*arguments).parseoutcomes()["failed"] == 1
    assert '"verb": "pytest"' in (pytester.path / "r.json").read_text()
