"""Progress: one line for each step, completed in place on a terminal, also for parallel steps."""

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


def test_progress_without_a_terminal_is_plain_lines() -> None:
    stream = io.StringIO()
    with Progress(stream).step("build"):
        pass
    assert printed(stream) == "  ..   build\n  ok   build  N s\n"


def test_a_long_step_is_announced_once() -> None:
    stream, announced = io.StringIO(), threading.Event()

    class Announcing(Progress):
        def say(self, text: str) -> None:
            super().say(text)
            announced.set()

    with Announcing(stream).slow("uninstall", 0.01):
        assert announced.wait(10)
    assert re.fullmatch(r" +uninstall: .*0\.01 s\n", stream.getvalue())


def test_a_quick_step_is_not_announced() -> None:
    stream = io.StringIO()
    with Progress(stream).slow("uninstall"):
        pass
    assert stream.getvalue() == ""


def test_a_failed_step_is_marked() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="x"), Progress(stream).step("build"):
        raise ValueError("x")
    assert printed(stream).endswith("  FAIL build  N s\n")


def test_progress_completes_a_step_in_place_on_a_terminal(terminal: Terminal) -> None:
    with Progress(terminal).step("build"):
        pass
    assert printed(terminal) == "  …    build\r  ok   build  N s\n"


def test_parallel_steps_do_not_overwrite_each_other(terminal: Terminal) -> None:
    progress = Progress(terminal)
    with progress.step("one"):
        with progress.step("two"):
            pass
        progress.say("word")
    assert printed(terminal) == "  …    one\n  …    two\r  ok   two  N s\nword\n  ok   one  N s\n"


def test_quiet_prints_nothing() -> None:
    stream = io.StringIO()
    with Progress(stream, quiet=True).step("build"):
        pass
    assert stream.getvalue() == ""


def test_many_items_are_counted_where_they_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("osh_conformance.progress._OFTEN", -1.0)
    assert list(Progress(stream).each("plan", {"keystone": 1, "glance": 2})) == [1, 2]
    assert printed(stream) == "  ..   plan: keystone, 1 of 2\n  ..   plan: glance, 2 of 2\n  ok   plan: 2 in N s\n"


def test_a_few_quick_items_print_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("osh_conformance.progress._OFTEN", 1000.0)
    assert list(Progress(stream).each("plan", {"keystone": 1})) == [1]
    assert stream.getvalue() == ""


def test_a_watched_run_says_what_everybody_does_now() -> None:
    stream, said = io.StringIO(), threading.Semaphore(0)

    class Watching(Progress):
        def say(self, text: str) -> None:
            super().say(text)
            said.release()

    progress = Watching(stream)
    with progress.watching("cells", 4, lambda: 1, every=0.01), progress.doing("glance\x1b", "prepare"):
        with progress.doing("keystone", "prepare"), progress.doing("keystone", "uninstall, step 3 of 4"):
            assert said.acquire(timeout=10)
        assert said.acquire(timeout=10)
        assert said.acquire(timeout=10)
    text = stream.getvalue()
    assert "  ..   1 of 4 cells done in 0 s, about 0 s left\n       glance\\x1b: prepare, for 0 s\n" in text
    assert "       keystone: uninstall, step 3 of 4, for 0 s\n" in text


def test_a_watched_run_that_is_short_says_nothing() -> None:
    stream = io.StringIO()
    with Progress(stream).watching("cells", 1, lambda: 0):
        pass
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (0, "0 of 4 cells done in 90 s"),
        (1, "1 of 4 cells done in 90 s, about 4 min left"),
        (4, "4 of 4 cells done in 90 s"),
    ],
)
def test_the_time_left_follows_from_what_is_done(done: int, said: str) -> None:
    progress = Progress(io.StringIO())
    with progress.doing("keystone", "prepare"):
        with progress.doing("keystone", "uninstall, step 3 of 4"):
            inner = list(progress._state("cells", 4, done, 90.0))
        outer = list(progress._state("cells", 4, done, 90.0))
    (after,) = progress._state("cells", 4, done, 90.0)
    assert inner == [f"  ..   {said}", "       keystone: uninstall, step 3 of 4, for 0 s"]
    assert outer == [f"  ..   {said}", "       keystone: prepare, for 0 s"]
    assert after == f"  ..   {said}"
