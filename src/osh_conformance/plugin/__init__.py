"""The pytest plugin. Without `--charts` and `--live` a pytest run pays for this file and the table of options only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

#: In front of the options of reporters: other plugins may have an option `--json`.
PREFIX = "--conformance-"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the options that `config/options.py` gives a name in pytest, one for each reporter, and `--live`."""
    from osh_conformance.config.options import OPTIONS, Kind  # noqa: PLC0415  (importing the plugin imports nothing)
    from osh_conformance.report.base import registered  # noqa: PLC0415

    group = parser.getgroup("osh-conformance", "conformance of Helm charts")
    for option in (option for option in OPTIONS if option.pytest):
        form: dict[str, Any] = {"metavar": option.placeholder or "NAME", "default": None}
        if option.kind in (Kind.NAMES, Kind.FILES):
            form |= {"action": "append", "default": []}
        if option.kind in (Kind.FLAG, Kind.SWITCH):
            form = {"action": "store_true", "default": None}
        group.addoption(option.pytest, dest=destination(option.pytest), help=option.help, **form)
    for name, reporter in registered().items():
        if reporter.in_pytest:
            option_name = PREFIX + name
            group.addoption(option_name, dest=destination(option_name), metavar=reporter.metavar, help=reporter.help)
    group.addoption(
        "--live",
        action="store_true",
        default=False,
        help="install the charts of --charts on a kind cluster, and check what happens",
    )


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
