"""The folder in which pytest writes JUnit XML is gone after a run, however the run ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.model.event import RunFinished
from osh_conformance.report.base import write_error
from osh_conformance.report.junit import JunitReporter


def started(file: Path) -> tuple[JunitReporter, Path]:
    """Return a reporter whose run has begun, and its folder with what pytest wrote."""
    reporter = JunitReporter(file)
    written = Path(reporter.pytest_arguments()[1])
    written.write_text("<testsuites/>")
    return reporter, written.parent


def test_a_finished_run_leaves_the_file_alone(tmp_path: Path) -> None:
    reporter, folder = started(tmp_path / "r.xml")
    reporter.handle(RunFinished(seconds=1.0))
    assert (tmp_path / "r.xml").read_text() == "<testsuites/>"
    assert not folder.exists()


def test_a_run_that_ended_with_an_error_leaves_no_folder(tmp_path: Path) -> None:
    reporter, folder = started(tmp_path / "r.xml")
    write_error([reporter], "check", SuiteError("the run broke"))
    assert "the run broke" in (tmp_path / "r.xml").read_text()
    assert not folder.exists()


def test_a_file_that_cannot_be_written_leaves_no_folder(tmp_path: Path) -> None:
    reporter, folder = started(tmp_path / "r.xml")
    (tmp_path / "r.xml").mkdir()
    with pytest.raises(SuiteError):
        reporter.handle(RunFinished(seconds=1.0))
    assert not folder.exists()
