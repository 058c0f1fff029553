"""How the program ends on a signal."""

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
    """Let a verb do this."""

    def run(_args: argparse.Namespace) -> int:
        body()
        return 0

    monkeypatch.setattr("osh_conformance.cli.doctor.run", run)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_program_with_2(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    _runs(monkeypatch, lambda: os.kill(os.getpid(), number))
    assert cli.main(["doctor"]) == 2
    assert capsys.readouterr().err == "interrupted\n"
    assert signal.getsignal(number) is before


def test_a_hang_up_that_nohup_ignores_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        _runs(monkeypatch, lambda: os.kill(os.getpid(), signal.SIGHUP))
        assert cli.main(["doctor"]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_signal_ends_the_program_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)

    def body() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    _runs(monkeypatch, body)
    assert cli.main(["doctor"]) == 2
    assert left == [2]
