"""Every wait for containers takes longer under a runtime that starts them more slowly, by its factor."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.observe.watch import View
from osh_conformance.scenario import (
    early_end,
    infrastructure,
    outside,
    pull_probes,
    readiness,
    removal,
    second_cause,
    steps,
)
from osh_conformance.scenario.infrastructure import Component
from tests.unit.observations import observation

if TYPE_CHECKING:
    from collections.abc import Callable

_OK: Any = SimpleNamespace(ok=True)
_SERVER = Component(name="mariadb", chart=Path(), image="i", values={}, without_service={}, container="mariadb")


class _Watch:
    """Waits for nothing, and keeps how long each caller would wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def view(self) -> View:
        return View(pods={}, jobs={}, all_pods=[], all_jobs=[])

    def wait(self, _what: str, _condition: object, *, deadline: float, **_: object) -> Any:
        self.seconds.append(deadline)
        return {"metadata": {"name": "x"}}

    def watch_for(self, _condition: object, *, seconds: float) -> None:
        self.seconds.append(seconds)


def _context(patience: float) -> Any:
    helm = SimpleNamespace(install=lambda *_, **__: _OK, restore=lambda *_, **__: _OK)
    core = SimpleNamespace(create_namespaced_pod=lambda *_: None)
    return SimpleNamespace(
        watch=_Watch(),
        patience=patience,
        helm=helm,
        cancel=None,
        folder=Path(),
        namespace="cell",
        kube=SimpleNamespace(core=core),
    )


def _state(context: Any) -> Any:
    declared = SimpleNamespace(containers_of=lambda _: (), containers=())
    nothing = SimpleNamespace(databases={}, accounts={})
    server = SimpleNamespace(state=lambda: nothing, waiting=list)
    plan = SimpleNamespace(
        declared=declared,
        waits_for=None,
        scenario=SimpleNamespace(repeated=False),
        spare_images={},
        uninstall_timeout=600,
        release="x",
        chart=None,
    )
    return SimpleNamespace(
        plan=plan,
        context=context,
        server=server,
        read_database=lambda: nothing,
        removals=list(observation().removals),
        timed=lambda _: contextlib.nullcontext(),
        values_files=lambda *_, **__: [],
    )


def _servers(context: Any) -> None:
    infrastructure._wait_for(_SERVER, context)


def _probe(context: Any) -> None:
    pull_probes._run(context, "probe", "i", "Always")


def _withheld(context: Any) -> None:
    declared = observation().declared
    init = replace(declared.containers[0], key="db_init")
    declared = replace(declared, containers=(init,), functions={"db_init": "db_init", "dep": "dep_check"})
    plan: Any = SimpleNamespace(declared=declared, waits_for=None)
    readiness.withhold(plan, context, Future(), 5.0)


def _data(context: Any) -> None:
    steps._wait_for_data(_state(context), SimpleNamespace(), 20.0)  # type: ignore[arg-type]


def _drop(context: Any) -> None:
    removal._drop_runs(_state(context), SimpleNamespace(context=context), lambda: False)  # type: ignore[arg-type]


def _pods_end(context: Any) -> None:
    removal.observe_result(_state(context), SimpleNamespace(context=context))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        (_servers, [120.0]),
        (_probe, [90.0]),
        (_withheld, [120.0, 5.0]),
        (_data, [20.0]),
        (_drop, [90.0]),
        (_pods_end, [60.0]),
    ],
)
def test_a_wait_for_containers_takes_the_patience_of_the_runtime(
    wait: Callable[[Any], None], seconds: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "record", lambda *_: None)
    for patience in (1.0, 2.5):
        context = _context(patience)
        wait(context)
        assert context.watch.seconds == [patience * each for each in seconds]


def test_the_second_look_at_a_drop_takes_the_patience_of_the_runtime(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[int] = []

    def uninstall(*_: object, timeout: int, **__: object) -> tuple[Any, None]:
        seen.append(timeout)
        return SimpleNamespace(ok=False, argv=("helm", "uninstall"), code=1, tail=""), None

    monkeypatch.setattr(early_end, "uninstall", uninstall)
    monkeypatch.setattr(second_cause, "remember_objects", lambda *_: None)
    monkeypatch.setattr(second_cause, "new_pods", lambda *_: [])
    monkeypatch.setattr(second_cause, "ends_of_logs", lambda *_: {})
    for patience in (1.0, 2.0):
        context = _context(patience)
        context.folder = tmp_path
        release: Any = SimpleNamespace(context=context, drops=True)
        second_cause._try_again(_state(context), release, SimpleNamespace())  # type: ignore[arg-type]
        (tmp_path / "values-spare-images.yaml").unlink()
    assert seen == [120, 240]


@pytest.mark.parametrize(("patience", "reached"), [(1.0, True), (100.0, None)])
def test_a_drop_container_gets_longer_to_send_its_statement(
    patience: float,
    reached: bool | None,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has run for 11 seconds, and the server shows no waiting DROP."""
    context = _context(patience)
    pod = {"metadata": {"name": "drop"}, "status": {"containerStatuses": [{"state": {"running": {}}}]}}
    clock = iter([0.0, 11.0])
    monkeypatch.setattr(removal, "drop_pods", lambda *_: [pod])
    monkeypatch.setattr("osh_conformance.scenario.removal.time", SimpleNamespace(monotonic=lambda: next(clock)))
    found: list[bool | None] = []
    context.watch.watch_for = lambda condition, **_: found.append(condition(context.watch.view()))
    removal._drop_runs(_state(context), SimpleNamespace(context=context), lambda: False)  # type: ignore[arg-type]
    assert found == [reached]
