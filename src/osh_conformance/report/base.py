"""Reporters: each listens to the events of a run and is offered under an option of its own.

A new output is one module in this folder, and its test. The module defines a `FileReporter` with an option, a help text
and the text of its file, and puts `@register` above it; `check`, `live` and pytest then offer it. A package of its own
names its class in the entry-point group `osh_conformance.reporters`.
"""

from __future__ import annotations

import abc
import functools
import importlib
import importlib.metadata
import pkgutil
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from osh_conformance import report as package
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.files import STANDARD_OUTPUT
from osh_conformance.model.event import ErrorFound, RunFinished, RunStarted
from osh_conformance.model.result import error_finding
from osh_conformance.report.destination import Destination
from osh_conformance.report.result import RunReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from osh_conformance.model.event import Event
    from osh_conformance.model.finding import Finding

_GROUP = "osh_conformance.reporters"


class Reporter(Protocol):
    """Listens to the events of a run, in their order; see `model/event.py`."""

    def handle(self, event: Event) -> None:
        """Take in one event. `RunFinished` is the last."""


def line_of(finding: Finding) -> tuple[int, str]:
    """Return a line for an output that demands one, and a remark for its message: "" if the line is certain.

    Without a certain line it is the first one of the file, and the remark says that the line is not known.
    """
    if finding.line is not None:
        return finding.line, ""
    return 1, "the line is not known" if finding.path else ""


class FileReporter(abc.ABC):
    """Writes one file, or standard output for `-`, at the end of the run; also where the run broke or was interrupted.

    A subclass sets `option` (without dashes) and `help`, and returns the text of the file in `text`. Its option's name
    is the name of its format in `--output-format` too.
    """

    option: ClassVar[str]
    help: ClassVar[str]
    metavar: ClassVar[str] = "FILE"
    #: Whether pytest offers the option too, as `--conformance-<option>`.
    in_pytest: ClassVar[bool] = True

    def __init__(self, file: Path) -> None:
        self.destination = Destination(file)
        #: What asks for this output, for messages.
        self.named_by = f"--{self.option} {file}"
        #: Whether there is nothing more to write: the file is written, or cannot be.
        self.done = False
        self._report = RunReport()

    @abc.abstractmethod
    def text(self, report: RunReport) -> str:
        """Return the content of the file for a finished run."""

    def pytest_arguments(self) -> tuple[str, ...]:
        """Return arguments with which pytest writes the file itself, none if it does not."""
        return ()

    def handle(self, event: Event) -> None:
        """Collect the event; write the file after the last one. Raises `SuiteError` where it cannot be written."""
        self._report.handle(event)
        if isinstance(event, RunFinished):
            self.write(self.text(self._report))

    def check_writable(self) -> None:
        """Raise `UsageError` where the file cannot be written."""
        try:
            self.destination.check()
        except SuiteError:
            self.done = True
            raise

    def write(self, text: str) -> None:
        """Write the file; raises `SuiteError`."""
        self.done = True
        self.destination.write(text)


def check_outputs(reporters: Sequence[FileReporter]) -> None:
    """Raise `UsageError` where two outputs go to one place, or an output cannot be written."""
    places: dict[object, FileReporter] = {}
    for reporter in reporters:
        place = reporter.destination.identity
        if place == STANDARD_OUTPUT and not reporter.destination.is_standard_output:
            reporter.done = True
            raise UsageError(f"{reporter.named_by} is standard output", fix=f"--{reporter.option} -")
        if place is not None and (first := places.setdefault(place, reporter)) is not reporter:
            raise _collision(first, reporter)
    for reporter in reporters:
        reporter.check_writable()


def _collision(first: FileReporter, second: FileReporter) -> UsageError:
    for reporter in (first, second):
        reporter.done = True
    both = f"{first.named_by} and {second.named_by}"
    if first.destination.is_standard_output:
        return UsageError(f"two outputs on standard output: {both}", fix="name a file for one of them")
    return UsageError(f"two outputs in one file: {both}", fix="name a file for each of them")


def write_error(reporters: Iterable[FileReporter], verb: str, error: SuiteError) -> None:
    """Write the files that are not written yet, for a run that ended with `error`. Raises the first `SuiteError`."""
    report = RunReport()
    for event in (RunStarted(target={"verb": verb}), ErrorFound(error=error_finding(error)), RunFinished(seconds=0.0)):
        report.handle(event)
    _each(lambda reporter: reporter.write(reporter.text(report)), [each for each in reporters if not each.done])


class Listeners:
    """Passes each event on: first to `report`, the run's own record, then to each reporter."""

    def __init__(self, reporters: Sequence[Reporter] = ()) -> None:
        self.report = RunReport()
        self._reporters = tuple(reporters)

    def handle(self, event: Event) -> None:
        """Pass one event on, to each reporter also where another one could not write. Raises the first `SuiteError`."""
        self.report.handle(event)
        _each(lambda reporter: reporter.handle(event), self._reporters)


_Item = TypeVar("_Item")


def _each(act: Callable[[_Item], None], items: Iterable[_Item]) -> None:
    """Act on each item, and raise the first `SuiteError` afterwards."""
    first: SuiteError | None = None
    for item in items:
        try:
            act(item)
        except SuiteError as error:
            first = first or error
    if first:
        raise first


_Class = TypeVar("_Class", bound=type[FileReporter])
_registered: dict[str, type[FileReporter]] = {}


def for_standard_output(name: str, named_by: str) -> FileReporter:
    """Return the registered reporter of this name, which writes to standard output."""
    reporter = registered()[name](STANDARD_OUTPUT)
    reporter.named_by = named_by
    return reporter


def register(reporter: _Class) -> _Class:
    """Offer a reporter under its option; raises `ValueError` where two reporters have the same one."""
    if _registered.setdefault(reporter.option, reporter) is not reporter:
        raise ValueError(f"two reporters have the option --{reporter.option}")
    return reporter


def registered() -> Mapping[str, type[FileReporter]]:
    """Return every reporter by its option, sorted: those of this folder, and those of other packages."""
    _load()
    return dict(sorted(_registered.items()))


@functools.cache
def _load() -> None:
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg:  # report/pages writes docs
            importlib.import_module(f"{package.__name__}.{module.name}")
    for entry in importlib.metadata.entry_points(group=_GROUP):
        register(entry.load())
