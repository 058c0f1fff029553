"""The pytest plugin. A pytest run without an option of ours pays for the table of options and the fixtures only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

#: In front of the options of reporters: other plugins may have an option `--json`.
PREFIX = "--conformance-"
_GROUP = ("osh-conformance", "conformance of Helm charts")
#: The beginnings of the arguments with which a run needs the options of reporters.
_OURS = ("--charts", "--live", PREFIX, "--help", "-h")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the options that `config/options.py` gives a name in pytest, and `--live`."""
    from osh_conformance.config.options import OPTIONS, Kind  # noqa: PLC0415  (importing the plugin imports nothing)

    group = parser.getgroup(*_GROUP)
    for option in (option for option in OPTIONS if option.pytest):
        form: dict[str, Any] = {"metavar": option.placeholder or "NAME", "default": None}
        if option.kind in (Kind.NAMES, Kind.FILES, Kind.PATTERNS):
            form |= {"action": "append", "default": []}
        if option.kind in (Kind.FLAG, Kind.SWITCH):
            form = {"action": "store_true", "default": None}
        group.addoption(option.pytest, dest=destination(option.pytest), help=option.help, **form)
    group.addoption(
        "--live",
        action="store_true",
        default=False,
        help="install the charts of --charts on a kind cluster, and check what happens",
    )


def pytest_load_initial_conftests(parser: pytest.Parser, args: list[str]) -> None:
    """Offer an option for each reporter, where an option of this plugin or `--help` is given.

    Importing the reporters takes about 20 ms, which a run without charts need not pay.
    """
    if not any(argument.startswith(_OURS) for argument in args):
        return
    from osh_conformance.report.base import registered  # noqa: PLC0415

    group = parser.getgroup(*_GROUP)
    for name, reporter in registered().items():
        if reporter.in_pytest:
            option = PREFIX + name
            group.addoption(option, dest=destination(option), metavar=reporter.metavar, help=reporter.help)


def pytest_configure(config: pytest.Config) -> None:
    """Add the fixtures for chart authors, the static half for `--charts`, and the live half for `--live`."""
    from osh_conformance.plugin import fixtures  # noqa: PLC0415  (importing the plugin imports nothing)

    config.pluginmanager.register(fixtures, "osh-conformance-fixtures")
    if config.getoption("--live") or config.getoption("--charts"):
        from osh_conformance.plugin import user_run  # noqa: PLC0415  (a run without charts imports no engine)

        user_run.register(config)


def destination(option: str) -> str:
    """Return the attribute in which pytest keeps the value of an option `--x-y`."""
    return option.removeprefix("--").replace("-", "_")
