"""JUnit XML for a run that ended before pytest could write any."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from osh_conformance.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def write_error(file: Path, verb: str, text: str) -> None:
    """Write one test case that is an error; raises `UsageError` where `file` cannot be written."""
    suites = ET.Element("testsuites")
    suite = ET.SubElement(
        suites, "testsuite", name="osh-conformance", tests="1", errors="1", failures="0", skipped="0", time="0"
    )
    case = ET.SubElement(suite, "testcase", classname="osh-conformance", name=verb, time="0")
    ET.SubElement(case, "error", message=text.splitlines()[0]).text = text
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        ET.ElementTree(suites).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
