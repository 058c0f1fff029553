"""Reporters: each listens to the events of a run and is offered under an option of its own.

A new output is one module in this folder, and its test. The module defines a `FileReporter` with an option, a help text
and the text of its file, and puts `@register` above it; `check`, `live` and pytest then offer it. A package of its own
names its class in the entry-point group `osh_conformance.reporters`.
"""

from __future__ import annotations

import abc
import contextlib
import functools
import importlib
import importlib.metadata
import os
import pkgutil
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from osh_conformance import report as package
from osh_conformance.errors import UsageError, cannot_write
from osh_conformance.model.event import ErrorFound, RunFinished, RunStarted
from osh_conformance.model.result import error_finding
from osh_conformance.report.result import RunReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from osh_conformance.errors import SuiteError
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
    """Writes one file at the end of the run, whole or not at all; also where the run broke or was interrupted.

    A subclass sets `option` (without dashes) and `help`, and returns the text of the file in `text`.
    """

    option: ClassVar[str]
    help: ClassVar[str]
    metavar: ClassVar[str] = "FILE"
    #: Whether pytest offers the option too, as `--conformance-<option>`.
    in_pytest: ClassVar[bool] = True

    def __init__(self, file: Path) -> None:
        self.file = file
        self._report = RunReport()

    @abc.abstractmethod
    def text(self, report: RunReport) -> str:
        """Return the content of the file for a finished run."""

    def pytest_arguments(self) -> tuple[str, ...]:
        """Return arguments with which pytest writes the file itself, none if it does not."""
        return ()

    def handle(self, event: Event) -> None:
        """Collect the event; write the file after the last one. Raises `UsageError` where it cannot be written."""
        self._report.handle(event)
        if isinstance(event, RunFinished):
            self.write(self.text(self._report))

    def check_writable(self) -> None:
        """Create the file's folder, and the file; raises `UsageError` where the file cannot be written."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.open("ab").close()
        except OSError as error:
            raise UsageError(f"cannot write {self.file}: {error.strerror}") from error

    def write(self, text: str) -> None:
        """Write the file, whole or not at all; raises `UsageError`."""
        scratch = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            if self.file.is_symlink() or (self.file.exists() and not self.file.is_file()):
                self.file.write_text(text, encoding="utf-8")  # a device, a pipe or a link stays what it is
                return
            self.file.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(self.file)
        except OSError as error:
            with contextlib.suppress(OSError):
                scratch.unlink(missing_ok=True)
            raise cannot_write(self.file, error) from error


def write_error(reporters: Iterable[FileReporter], verb: str, error: SuiteError) -> None:
    """Write the file of each reporter for a run that ended with `error` before it began. Raises `UsageError`."""
    report = RunReport()
    for event in (RunStarted(target={"verb": verb}), ErrorFound(error=error_finding(error)), RunFinished(seconds=0.0)):
        report.handle(event)
    for reporter in reporters:
        reporter.write(reporter.text(report))


class Listeners:
    """Passes each event on: first to `report`, the run's own record, then to each reporter."""

    def __init__(self, reporters: Sequence[Reporter] = ()) -> None:
        self.report = RunReport()
        self._reporters = tuple(reporters)

    def handle(self, event: Event) -> None:
        """Pass one event on."""
        self.report.handle(event)
        for reporter in self._reporters:
            reporter.handle(event)


_Class = TypeVar("_Class", bound=type[FileReporter])
_registered: dict[str, type[FileReporter]] = {}


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
