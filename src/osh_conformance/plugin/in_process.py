"""Running one of the suite's own pytest suites in this process, out of reach of a user's pytest configuration."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.loading.search import data_folder, suite_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_USERS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DEBUG")
_OWN = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
#: What has no say in these runs; two of them look through the whole memory for garbage.
_UNUSED = ("cacheprovider", "unraisableexception", "threadexception")
_UNDERSTOOD = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.INTERRUPTED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)


def run_suite(
    names: Sequence[str],
    options: Sequence[str],
    plugins: Sequence[object],
    *,
    junit: Path | None = None,
    quiet: bool = True,
) -> pytest.ExitCode:
    """Run `suites/<name>` of each name with pytest `options` and plugin objects; `quiet` swallows what pytest prints.

    Raises `SuiteError` with pytest's words where the run itself broke.
    """
    folders = [str(suite_folder(name)) for name in names]
    argv = [
        *("-c", str(data_folder("pytest.ini")), "--rootdir", folders[0], "--noconftest", "--import-mode=importlib"),
        *("-p", "osh_conformance.plugin", "--capture=no", "--color=no", "--tb=short"),
        *(f"-pno:{plugin}" for plugin in _UNUSED),
        *(("--junitxml", str(junit), "-o", "junit_suite_name=osh-conformance") if junit else ()),
        *options,
        *folders,
    ]
    printed = io.StringIO()
    with _environment(), contextlib.ExitStack() as stack:
        if quiet:
            stack.enter_context(contextlib.redirect_stdout(printed))
            stack.enter_context(contextlib.redirect_stderr(printed))
        code = pytest.ExitCode(pytest.main(argv, plugins=list(plugins)))
    if code not in _UNDERSTOOD:
        raise SuiteError(f"pytest ended with {code.name}", details=printed.getvalue())
    return code


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    old = dict(os.environ)
    for name in _USERS:
        os.environ.pop(name, None)
    os.environ.update(_OWN)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(old)
