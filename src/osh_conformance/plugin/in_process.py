"""Runs the suite's own pytest suites in this process, shielded from a user's pytest configuration."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import SuiteError, cannot_write
from osh_conformance.loading.search import data_folder, suite_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_USERS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DEBUG")
_OWN = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
#: Plugins of pytest that these runs do not need. Two search the whole memory for garbage, the last one needs a stderr.
_UNUSED = ("cacheprovider", "unraisableexception", "threadexception", "faulthandler")
_UNDERSTOOD = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.INTERRUPTED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)


def run_suites(names: Sequence[str], plugins: Sequence[object], arguments: Sequence[str] = ()) -> pytest.ExitCode:
    """Run `suites/<name>` of each name with these plugin objects, and further `arguments`; print nothing.

    Raises `SuiteError` with pytest's output where the run itself broke.
    """
    folders = [str(suite_folder(name)) for name in names]
    argv = [
        *("-c", str(data_folder("pytest.ini")), "--rootdir", folders[0], "--noconftest", "--import-mode=importlib"),
        *("--capture=no", "--color=no", "--tb=short"),
        *(f"-pno:{plugin}" for plugin in _UNUSED),
        *arguments,
        *folders,
    ]
    printed = io.StringIO()
    with _environment(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            code = pytest.ExitCode(pytest.main(argv, plugins=list(plugins)))
        except OSError as error:  # pytest writes its own file at the very end
            raise cannot_write(error.filename or "the file of --junit", error) from error
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
