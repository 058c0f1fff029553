"""What the containers of some pods printed: of several attempts the latest, without secrets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from osh_conformance.observe.logs import ends_of_logs


def _logs(state: str, restarts: int, *, now: str = "", logs: dict[str, str] | None = None) -> dict[str, str]:
    status = {"name": "drop", "restartCount": restarts, "state": {state: {}}}
    pod: dict[str, Any] = {"metadata": {"name": "x"}, "status": {"containerStatuses": [status]}}
    watch = SimpleNamespace(
        logs={f"x drop {number}": text for number, text in (logs or {}).items()},
        logs_are_read=lambda _pods: True,
        watch_for=lambda condition, *, seconds: condition(seconds),
    )
    context: Any = SimpleNamespace(
        watch=watch,
        namespace="cell",
        kube=SimpleNamespace(log=lambda *_: now),
        secrets=SimpleNamespace(redact=lambda text: text.replace("s3cr3t", "***")),
    )
    return dict(ends_of_logs(context, [pod], 2))


@pytest.mark.parametrize("state", ["terminated", "waiting"])
def test_it_is_the_end_of_the_latest_attempt(state: str) -> None:
    logs = {"0": "first", "1": "one\ntwo s3cr3t\nthree"}
    assert _logs(state, 1, logs=logs) == {"x drop": "two ***\nthree"}


def test_a_latest_attempt_that_printed_nothing_has_no_log() -> None:
    assert _logs("terminated", 1, logs={"0": "it failed", "1": ""}) == {}


def test_of_a_running_one_it_is_what_there_is_now_or_the_attempt_before() -> None:
    assert _logs("running", 1, now="now", logs={"0": "it failed"}) == {"x drop": "now"}
    assert _logs("running", 1, logs={"0": "it failed"}) == {"x drop": "it failed"}
