"""The releases that cells share: installed once, in order, and an error of every cell if one does not come up."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.errors import SuiteError
from osh_conformance.live import artifacts, shared_releases
from osh_conformance.live.shared_releases import SharedReleases
from osh_conformance.observe.identity import IdentityService
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.progress import Progress
from tests.unit import observations
from tests.unit.plan.test_shared import catalog
from tests.unit.privileged_charts import chart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from osh_conformance.model.observation import Observation
    from osh_conformance.plan.cells import CellRun

KEYSTONE = IdentityService(
    service="keystone-api", port=5000, username="admin", password="p", project="admin", domain="Default"
)


class Cluster:
    """A session whose shared releases come up as `observed` says; `calls` is what happened."""

    def __init__(self, folder: Path) -> None:
        for name in ("keystone", "client"):
            chart(folder, name)
        catalog(folder, keystone={}, client={"needs": ["keystone"]})
        self.suite = LiveSuite(
            LiveOptions(paths=(folder / "client",), scenarios=("drop-enabled", "drop-disabled"), artifacts=folder / "a")
        )
        self.calls: list[str] = []
        self.labels_of: list[CellRun] = []
        self.observed: Observation = observations.observation()
        self.closing = contextlib.ExitStack()
        self.session = SimpleNamespace(
            suite=self.suite,
            cluster=None,
            images=None,
            faulty_registry=None,
            progress=Progress(quiet=True),
            cancel=threading.Event(),
            closing=self.closing,
            preparation=SimpleNamespace(prepare=self._prepare),
            labels=self._labels,
            create_namespace=lambda name, _labels: self.calls.append(f"create {name.rpartition('-')[0]}"),
            remove_namespace=lambda name: self.calls.append(f"remove {name.rpartition('-')[0]}"),
        )
        self.shared = SharedReleases(cast("Any", self.session))

    def _labels(self, cell_run: CellRun) -> dict[str, str]:
        self.labels_of.append(cell_run)
        return {}

    def _prepare(self, cell_run: CellRun, namespace: str, *_more: object) -> object:
        assert namespace.startswith(f"shared-{cell_run.target.name}-")
        releases = ("keystone", "mariadb")
        return SimpleNamespace(secrets=("s3cr3t",), releases=releases, public_names=set(releases), identity=KEYSTONE)

    def observe(self, _plan: object, _context: object, on_failure: Any) -> Observation:
        self.calls.append("install")
        if self.observed.unsettled:
            on_failure()
        return self.observed

    def collect(self, _context: object, releases: object, folder: Path, _more: object) -> None:
        self.calls.append(f"collect {'/'.join(folder.parts[-2:])} {releases}")

    @contextlib.contextmanager
    def open_context(self, _session: object, namespace: str, **_options: object) -> Iterator[object]:
        yield SimpleNamespace(namespace=namespace)
        self.calls.append("unwatch")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster(tmp_path)
    monkeypatch.setattr(shared_releases, "observe", made.observe)
    monkeypatch.setattr(shared_releases, "open_context", made.open_context)
    monkeypatch.setattr(shared_releases, "node_logs", lambda *_: {})
    monkeypatch.setattr(artifacts, "collect", made.collect)
    return made


def test_a_chart_that_cells_need_is_installed_once_for_all_of_them(cluster: Cluster) -> None:
    with ThreadPoolExecutor(max_workers=2) as pool:
        found = list(pool.map(cluster.shared.provide, cluster.suite.cell_runs))
    assert cluster.calls == ["create shared-keystone", "install"]
    assert found[0]["keystone"] is found[1]["keystone"]
    assert found[0]["keystone"].secrets == ("s3cr3t",)
    assert cluster.labels_of == list(cluster.suite.shared)
    assert list(cluster.shared.seconds()) == [cluster.suite.shared[0].id]


def test_it_stays_until_the_session_ends(cluster: Cluster) -> None:
    cluster.shared.provide(cluster.suite.cell_runs[0])
    cluster.closing.close()
    assert cluster.calls[2:] == ["unwatch", "remove shared-keystone"]


def test_a_cell_that_needs_nothing_installs_nothing(cluster: Cluster) -> None:
    assert cluster.shared.provide(replace(cluster.suite.cell_runs[0], needs=())) == {}
    assert cluster.calls == []


def _not_ready(observation: Observation) -> Observation:
    (lifetime,) = observation.lifetimes
    return replace(observation, lifetimes=(replace(lifetime, unsettled="Job/keystone-db-sync failed"),))


def test_one_that_does_not_come_up_is_the_error_of_every_cell_with_artifacts(cluster: Cluster) -> None:
    cluster.observed = _not_ready(cluster.observed)
    for cell_run in cluster.suite.cell_runs:
        with pytest.raises(SuiteError, match=r"client needs keystone.*not ready: Job/keystone-db-sync failed") as error:
            cluster.shared.provide(cell_run)
        assert cluster.suite.shared[0].id in error.value.fix
    assert cluster.calls.count("install") == 1
    assert [call for call in cluster.calls if call.startswith("collect")] == [
        f"collect {cluster.suite.shared[0].id}/not-ready ('keystone', 'mariadb')"
    ]
    assert cluster.shared.seconds() == {}


@pytest.mark.parametrize("status", [401, None])
def test_one_that_does_not_answer_is_an_error(cluster: Cluster, status: int | None) -> None:
    identity = cluster.observed.identity
    assert identity is not None
    cluster.observed = replace(cluster.observed, identity=replace(identity, token_status=status) if status else None)
    with pytest.raises(SuiteError, match="status 401" if status else "no Service"):
        cluster.shared.provide(cluster.suite.cell_runs[0])


def test_the_artifacts_of_a_cell_have_those_of_what_it_needs(cluster: Cluster, tmp_path: Path) -> None:
    cell_run = cluster.suite.cell_runs[0]
    cluster.shared.collect(cell_run, tmp_path / "before")
    cluster.shared.provide(cell_run)
    cluster.shared.collect(cell_run, tmp_path / "end")
    assert [call for call in cluster.calls if call.startswith("collect")] == [
        "collect end/keystone ('keystone', 'mariadb')"
    ]


def test_an_error_of_the_environment_keeps_artifacts(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> object:
        raise SuiteError("the API server does not answer")

    monkeypatch.setattr(shared_releases, "observe", broken)
    with pytest.raises(SuiteError, match="does not answer"):
        cluster.shared.provide(cast("Any", cluster.suite.cell_runs[0]))
    assert any(call.startswith("collect") and "/error" in call for call in cluster.calls)
