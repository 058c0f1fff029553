"""Progress: a line a step, in place on a terminal, plain elsewhere, and readable when steps run side by side."""

from __future__ import annotations

import io
import re
import threading

import pytest

from osh_conformance.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(stream: io.StringIO) -> str:
    return re.sub(r"\d+\.\d s", "N s", stream.getvalue())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_plain_text_where_nobody_watches() -> None:
    stream = io.StringIO()
    with Progress(stream).step("build"):
        pass
    assert printed(stream) == "  ..   build\n  ok   build  N s\n"


def test_what_takes_long_is_told_once() -> None:
    stream, told = io.StringIO(), threading.Event()

    class Telling(Progress):
        def say(self, text: str) -> None:
            super().say(text)
            told.set()

    with Telling(stream).slow("uninstall", 0.01):
        assert told.wait(10)
    assert stream.getvalue() == "       uninstall: takes more than 0.01 s\n"


def test_what_is_quick_is_not_told() -> None:
    stream = io.StringIO()
    with Progress(stream).slow("uninstall"):
        pass
    assert stream.getvalue() == ""


def test_a_step_that_fails_says_so() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="x"), Progress(stream).step("build"):
        raise ValueError("x")
    assert printed(stream).endswith("  FAIL build  N s\n")


def test_a_terminal_sees_a_step_completed_in_place(terminal: Terminal) -> None:
    with Progress(terminal).step("build"):
        pass
    assert printed(terminal) == "  …    build\r  ok   build  N s\n"


def test_steps_side_by_side_do_not_overwrite_each_other(terminal: Terminal) -> None:
    progress = Progress(terminal)
    with progress.step("one"):
        with progress.step("two"):
            pass
        progress.say("word")
    assert printed(terminal) == "  …    one\n  …    two\r  ok   two  N s\nword\n  ok   one  N s\n"


def test_quiet_says_nothing() -> None:
    stream = io.StringIO()
    with Progress(stream, quiet=True).step("build"):
        pass
    assert stream.getvalue() == ""
