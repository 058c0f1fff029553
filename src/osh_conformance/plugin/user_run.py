"""A pytest run that a user starts with `--charts` or `--live`: engines from pytest's options, reports at its end."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.check.engine import StaticEngine
from osh_conformance.config import resolve
from osh_conformance.config.options import OPTIONS, Kind
from osh_conformance.errors import SuiteError, UsageError, install_extra
from osh_conformance.loading.files import STANDARD_OUTPUT
from osh_conformance.loading.search import suite_folder
from osh_conformance.model.event import RunFinished, RunStarted
from osh_conformance.model.finding import Status
from osh_conformance.plain import plain, plain_lines
from osh_conformance.plugin import PREFIX, destination
from osh_conformance.plugin.static import StaticPlugin
from osh_conformance.report.base import FileReporter, Listeners, check_outputs, registered
from osh_conformance.report.causes import causes
from osh_conformance.report.messages import message, short
from osh_conformance.report.summary import summary
from osh_conformance.report.terminal import expected_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


#: With this verbosity, and in CI, pytest prints the whole lines of its short summary.
_WHOLE_LINES = 2
#: The file in a node id of the suite, with what leads to the folder in which pytest's `rootdir` is not.
_NODE_ID = re.compile(r"(?:\.\./)*osh_conformance/(?P<suite>\w+)/(?P<file>test_\w+\.py)(?=::|$)")


def register(config: pytest.Config) -> None:
    """Add the suites that the user asked for; raises `pytest.UsageError` for a wrong option or configuration."""
    if not config.getoption("--charts"):
        raise pytest.UsageError("--live needs charts: --charts PATH")
    is_worker = hasattr(config, "workerinput")
    try:
        given = given_options(config)
        reporters = [] if is_worker else given_reporters(config, given)
        check_outputs(reporters)
        is_live = config.getoption("--live")
        static = resolve.static_half(resolve.live_options(given), given) if is_live else resolve.check_options(given)
        engine = StaticEngine(static)
        listeners = Listeners(reporters)
        if is_live:
            _add_live_half(config, given, listeners, engine)
    except SuiteError as error:
        raise pytest.UsageError(plain_lines(str(error))) from error
    suites = [suite_folder(name) for name in (("static", "live") if is_live else ("static",))]
    if not _named_items(config, suites):
        for suite in suites:
            collect_suite(config, suite)
    config.pluginmanager.register(StaticPlugin(engine, listeners), "osh-conformance-static")
    config.pluginmanager.register(UserRun(engine, listeners), "osh-conformance-run")


def _add_live_half(config: pytest.Config, given: Mapping[str, Any], listeners: Listeners, engine: StaticEngine) -> None:
    # Only a live run needs the extra `live`.
    try:
        from osh_conformance.plugin import live  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise pytest.UsageError(
            f"--live needs the extra `live`: the module `{error.name}` is not installed\n"
            f"  fix        {install_extra('live')}"
        ) from error
    live.register(config, given, listeners, engine)


def given_options(config: pytest.Config) -> dict[str, Any]:
    """Return the values of the options by `Option.dest`; files are relative to the folder in which pytest started."""
    # Paths stay as the user wrote them where that is enough: messages repeat them.
    folder = config.invocation_params.dir
    folder = Path() if folder == Path.cwd() else folder
    given = {}
    for option in (option for option in OPTIONS if option.pytest):
        value = config.getoption(destination(option.pytest))
        if value and option.kind is Kind.FILES:
            value = tuple(folder / text for text in value)
        elif value and option.kind is Kind.FILE:
            value = folder / value
        given[option.dest] = value
    return given


def given_reporters(config: pytest.Config, given: Mapping[str, Any]) -> list[FileReporter]:
    """Return a reporter for each output of pytest's options and of the configuration file.

    Raises `UsageError` for standard output, which has the report of pytest.
    """
    configured = {name: (output.file, output.place) for name, output in resolve.outputs(given).items()}
    reporters = []
    for name, reporter in registered().items():
        if not reporter.in_pytest:
            continue
        file, named_by = configured.get(name, (None, ""))
        if option := config.getoption(destination(PREFIX + name)):
            file, named_by = Path(option), f"{PREFIX}{name}"
        if file == STANDARD_OUTPUT:
            raise UsageError(f"{named_by} -: standard output has the report of pytest", expected="a file")
        if file:
            reporters.append(reporter(config.invocation_params.dir / file))
    return reporters


def _named_items(config: pytest.Config, suites: Iterable[Path]) -> bool:
    """Turn node ids as pytest prints them into paths; return whether the user named any.

    pytest prints them below `osh_conformance/`, wherever the suite is installed, so that reports can be compared.
    """
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return False
    folders = {suite.name: suite for suite in suites}
    found = False
    for index, argument in enumerate(config.args):
        match = _NODE_ID.match(argument)
        if match and (file := folders.get(match["suite"], Path()) / match["file"]).is_file():
            config.args[index] = f"{file}{argument[match.end() :]}"
            found = True
    return found


def collect_suite(config: pytest.Config, suite: Path) -> None:
    """Let pytest collect `suite`: instead of its default places, or beside what the user named."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args.clear()
        config.args_source = pytest.Config.ArgsSource.ARGS
    if str(suite) not in config.args:
        # File by file: pytest would search a folder by the patterns of the user's own configuration.
        config.args += [file for file in sorted(map(str, suite.glob("test_*.py"))) if file not in config.args]


class UserRun:
    """Tells the listeners when the run starts and ends, and adds to pytest's output."""

    def __init__(self, engine: StaticEngine, listeners: Listeners) -> None:
        self._engine = engine
        self._listeners = listeners
        self._started = time.monotonic()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Give all items of a chart to one worker of pytest-xdist, so that it is rendered once."""
        if config.getoption("dist") != "load":
            return None
        from osh_conformance.plugin.workers import ChartScheduling  # noqa: PLC0415  (only with pytest-xdist)

        return ChartScheduling(config, log, self._engine.rules)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Tell the listeners what the run checks."""
        started = self._engine.started()
        target = {**started.target, "verb": "pytest"}
        self._listeners.handle(RunStarted(target=target, charts=started.charts))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Tell the listeners that the run is over. A report that cannot be written ends pytest with 4."""
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        try:
            self._listeners.handle(RunFinished(seconds=time.monotonic() - self._started, interrupted=interrupted))
        except SuiteError as error:
            pytest.exit(plain_lines(str(error)), returncode=int(pytest.ExitCode.USAGE_ERROR))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print warnings, expected findings, and expectations without a finding: pytest's own lines omit them."""
        report = self._listeners.report
        if not report.checks:
            return
        warnings = [finding for finding in report.findings if finding.status is Status.WARNING]
        shown = [*warnings, *(note for note in report.notes if note not in warnings)]
        lines = [*map(message, shown), *map(plain, expected_lines(report))]
        if terminalreporter.config.option.verbose < _WHOLE_LINES and not {"CI", "BUILD_NUMBER"} & set(os.environ):
            # pytest cuts its short summary to the width of the terminal: often before the reason.
            lines += map(short, causes(finding for finding in report.findings if finding.status is Status.FAIL))
        if lines:
            _print_section(terminalreporter, (*lines, summary(report)))


def _print_section(terminalreporter: pytest.TerminalReporter, lines: Iterable[str]) -> None:
    terminalreporter.section("osh-conformance")
    for line in lines:
        terminalreporter.write_line(line)
