"""What a run writes, and where: a reporter for each file, and one for standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from osh_conformance.cli.arguments import given, reporters_of
from osh_conformance.config import resolve
from osh_conformance.errors import UsageError
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.report.base import check_outputs, for_standard_output, registered
from osh_conformance.report.destination import Destination
from osh_conformance.report.terminal import TerminalReporter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from pathlib import Path

    from osh_conformance.report.base import FileReporter, Reporter

#: The formats for people; each other format is a registered reporter.
_FOR_PEOPLE = ("full", "concise")
_FIX = "name a file for one of them"


def outputs_of(args: argparse.Namespace) -> tuple[list[FileReporter], list[Reporter]]:
    """Return the reporters of files and documents, and all reporters of the run: one of them has standard output.

    Raises `UsageError` for an unknown format, for two outputs in one place, and where an output cannot be written.
    """
    files = reporters_of(args)
    name, named_by = args.output_format, f"--output-format {args.output_format}"
    if name is not None:
        _add_document(files, name, named_by)
    if name in _FOR_PEOPLE and (other := next(filter(_is_standard_output, files), None)):
        raise UsageError(f"two outputs on standard output: {other.named_by} and {named_by}", fix=_FIX)
    check_outputs(files)
    if added := _configured(args):
        files += added
        check_outputs(files)
    if name is None and not any(map(_is_standard_output, files)):
        name, named_by = resolve.configured_output_format(given(args))
        if name is not None:
            _add_document(files, name, named_by)
    if any(map(_is_standard_output, files)):
        return files, [*files]
    form = {each: name == each for each in _FOR_PEOPLE}
    return files, [*files, TerminalReporter(sys.stdout, **form, statistics=args.statistics, quiet=args.quiet)]


def check_baseline(file: Path, documents: Iterable[FileReporter]) -> None:
    """Raise `SuiteError` where no baseline can be written, or where another output goes; create a missing folder."""
    place = Destination(file)
    if place.is_standard_output or (file.exists() and not file.is_file()):
        raise UsageError(f"cannot write {file}: a baseline needs a file, which later runs read")
    if any(place.identity == document.destination.identity for document in documents):
        raise UsageError(f"two outputs in one file: --write-baseline {file}", fix=_FIX)
    place.check()


def _configured(args: argparse.Namespace) -> list[FileReporter]:
    """Return the outputs of the configuration file; the command line overrides each by its name."""
    reporters = []
    for name, output in resolve.outputs(given(args)).items():
        if name not in registered():
            problem = f"{output.place}: no such output{did_you_mean(name, registered())}"
            raise UsageError(problem, expected=", ".join(registered()))
        if getattr(args, name.replace("-", "_")) is None:
            reporter = registered()[name](output.file)
            reporter.named_by = output.place
            reporters.append(reporter)
    return reporters


def _is_standard_output(reporter: FileReporter) -> bool:
    return reporter.destination.is_standard_output


def _add_document(files: list[FileReporter], name: str, named_by: str) -> None:
    """Add the reporter that writes a format to standard output; there is none for a format for people."""
    known = (*_FOR_PEOPLE, *registered())
    if name not in known:
        raise UsageError(f"{named_by}: no output format `{name}`{did_you_mean(name, known)}", expected=", ".join(known))
    if name in registered():
        files.append(for_standard_output(name, named_by))
