"""How the program ends when it is told to."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from osh_conformance import cli

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def _runs(monkeypatch: pytest.MonkeyPatch, body: Callable[[], None]) -> None:
    def run(_args: argparse.Namespace) -> int:
        body()
        return 0

    monkeypatch.setattr(cli, "_implementation", lambda _verb: run)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_tidily_with_2(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    _runs(monkeypatch, lambda: os.kill(os.getpid(), number))
    assert cli.main(["check", "charts"]) == 2
    assert capsys.readouterr().err == "interrupted\n"
    assert signal.getsignal(number) is before


def test_a_second_signal_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)

    def body() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    _runs(monkeypatch, body)
    assert cli.main(["check", "charts"]) == 2
    assert left == [2]
