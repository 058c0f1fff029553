"""JUnit XML. pytest writes it from its own reports; this module writes it for a run that ended before pytest ran."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from osh_conformance.model.event import RunFinished
from osh_conformance.plain import plain, plain_lines
from osh_conformance.report.base import FileReporter, register

if TYPE_CHECKING:
    from osh_conformance.model.event import Event
    from osh_conformance.report.result import RunReport


@register
class JunitReporter(FileReporter):
    """Has pytest write one test case for each chart or cell and rule."""

    option = "junit"
    help = "write JUnit XML, even if the run fails"
    in_pytest = False  # pytest has its own `--junitxml`

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def pytest_arguments(self) -> tuple[str, ...]:
        """Return the arguments with which pytest writes the text. It writes in place, so not to the file itself."""
        self._folder = tempfile.TemporaryDirectory(prefix="osh-conformance-junit-")
        return ("--junitxml", str(self._written), "-o", "junit_suite_name=osh-conformance")

    @property
    def _written(self) -> Path:
        """The file that pytest writes."""
        return Path(self._folder.name if self._folder else "", "junit.xml")

    def write(self, text: str) -> None:
        """Write the file, and remove the folder in which pytest writes; raises `SuiteError`."""
        with self._folder or contextlib.nullcontext():
            super().write(text)

    def handle(self, event: Event) -> None:
        """Take over, at the end of a run, what pytest has written."""
        if isinstance(event, RunFinished) and self._folder:
            self.write(self._written.read_text(encoding="utf-8"))
        else:
            super().handle(event)

    def text(self, report: RunReport) -> str:
        """Return one test case, with the errors of a run that did not begin."""
        verb = str(report.target.get("verb", ""))
        suites = ET.Element("testsuites")
        counts = {"tests": "1", "errors": "1", "failures": "0", "skipped": "0", "time": "0"}
        suite = ET.SubElement(suites, "testsuite", {"name": "osh-conformance", **counts})
        case = ET.SubElement(suite, "testcase", classname="osh-conformance", name=verb, time="0")
        for error in report.errors:
            parts = (error.found, error.expected and f"expected: {error.expected}", error.fix and f"fix: {error.fix}")
            details = "\n".join(part for part in (*parts, error.why) if part)
            ET.SubElement(case, "error", message=plain(error.found)).text = plain_lines(details)
        return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode")
