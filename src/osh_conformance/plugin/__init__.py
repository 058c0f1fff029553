"""The pytest plugin. A run without `--charts` and `--live` pays for this file and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `--charts`, `--deviations`, `--live` and `--allow-privileged`."""
    group = parser.getgroup("osh-conformance", "conformance of Helm charts")
    group.addoption(
        "--charts",
        action="append",
        metavar="PATH",
        default=[],
        help="judge the chart, .tgz or tree of charts at PATH; may be repeated",
    )
    group.addoption(
        "--deviations",
        action="append",
        metavar="FILE",
        default=[],
        help="findings that are expected; may be repeated",
    )
    group.addoption(
        "--live",
        action="store_true",
        default=False,
        help="run the live suite on a kind cluster, on the charts of --charts",
    )
    group.addoption(
        "--allow-privileged",
        action="store_true",
        default=False,
        help="with --live: install charts that ask for privileged pods or for objects of the whole cluster",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Bring in the half that was asked for."""
    if config.getoption("charts"):
        from osh_conformance.plugin import static  # noqa: PLC0415  (a run that asks for nothing imports nothing)

        static.register(config)
    if config.getoption("live"):
        from osh_conformance.plugin import live  # noqa: PLC0415

        live.register(config)


def collect_suite(config: pytest.Config, suite: Path) -> None:
    """Let pytest collect `suite`: instead of its default places, or beside what was named already."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args.clear()
        config.args_source = pytest.Config.ArgsSource.ARGS
    if str(suite) not in config.args:
        # File by file: a folder would be searched by the patterns of the user's own configuration.
        config.args += [file for file in sorted(map(str, suite.glob("test_*.py"))) if file not in config.args]
