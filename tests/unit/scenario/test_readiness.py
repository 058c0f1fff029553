"""Waiting for a release: which trouble is the chart's own, and which is the environment's."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest

from osh_conformance.observe.watch import TroubleError, View
from osh_conformance.scenario import readiness
from tests.unit.observations import observation

_MESSAGE = "failed to pull and unpack image x: unexpected status: "


class _Watch:
    """A watch that sees one pod whose image was not pulled, and gives up."""

    def __init__(self, words: str) -> None:
        waiting = {"waiting": {"reason": "ErrImagePull", "message": _MESSAGE + words}}
        status = {"containerStatuses": [{"name": "api", "state": waiting}]}
        self._pod: dict[str, Any] = {"metadata": {"name": "api"}, "spec": {}, "status": status}

    def view(self) -> View:
        return View(pods={"api": self._pod}, jobs={}, all_pods=[self._pod], all_jobs=[])

    def wait(self, *_: object, **__: object) -> str:
        raise TroubleError("pod api: ErrImagePull")


def _wait(words: str, *, login: bool) -> str:
    context = SimpleNamespace(watch=_Watch(words), cancel=threading.Event())
    return readiness.wait_ready(observation().declared, cast("Any", context), Future(), 1.0, login=login)


def test_a_pod_without_the_login_is_a_failure_of_the_chart_where_the_registry_demands_it() -> None:
    assert "ErrImagePull" in _wait("401 Unauthorized", login=True)


@pytest.mark.parametrize(
    ("words", "login"), [("401 Unauthorized", False), ("404 Not Found", True), ("x@sha256:ab401c: not found", True)]
)
def test_any_other_failed_pull_is_trouble_of_the_environment(words: str, login: bool) -> None:  # noqa: FBT001
    with pytest.raises(TroubleError):
        _wait(words, login=login)
