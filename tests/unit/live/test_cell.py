"""One cell run on a session without a cluster: what is prepared, which rules apply, and what is kept of a failure."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from osh_conformance.charts.opened import OpenedCharts
from osh_conformance.cluster.cluster import NODE_EXEC, REGISTRY
from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.errors import SuiteError
from osh_conformance.live import artifacts, cell
from osh_conformance.live.prepare import Preparation
from osh_conformance.live.run_charts import RunCharts
from osh_conformance.live.shared_releases import SharedReleases
from osh_conformance.loading import definitions
from osh_conformance.model.finding import Status
from osh_conformance.model.observation import Observation, PodNode, PublishedImage
from osh_conformance.observe.known_secrets import KnownSecrets
from osh_conformance.observe.watch import View
from osh_conformance.plan import feasible
from osh_conformance.plan.cells import LeftOutError
from osh_conformance.plan.plan import LiveSuite
from tests.paths import KEYSTONE
from tests.unit import observations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from osh_conformance.plan.cells import CellRun
    from osh_conformance.scenario.state import CellPlan

_NODE = "containerd://2.2.0"
_CRI_O = "cri-o://1.36.0"
_SECRET = "hunter-2-hunter"


class _Store:
    """An image store that publishes every image but those of `missing`."""

    def __init__(self) -> None:
        self.missing: tuple[str, ...] = ()
        self.checked: list[str] = []

    def publish(self, reference: str) -> PublishedImage:
        if any(name in reference for name in self.missing):
            raise SuiteError(f"no registry has {reference}")
        return PublishedImage(reference=reference, origin="published", digests=())

    def publish_as(self, reference: str, _packaging_format: object) -> PublishedImage:
        return self.publish(reference)

    def check(self, reference: str, _tier: object) -> None:
        self.checked.append(reference)


class _Cell:
    """Runs one cell run of a suite; `plans` are those that reached the scenario runner."""

    def __init__(self, folder: Path, charts: OpenedCharts) -> None:
        self.store = _Store()
        self.plans: list[CellPlan] = []
        self.patience: list[float] = []
        self.observed: Callable[[Observation], Observation] = lambda observation: observation
        #: What the cluster has: nodes, pods of the cell, and RuntimeClasses with the one that new pods get.
        self.nodes = {"first": _NODE}
        self.pods: list[dict[str, Any]] = []
        self.pods_of_second: list[dict[str, Any]] = []
        self.classes: dict[str, str] = {}
        self.given = ""
        self._folder = folder
        self._charts = RunCharts(folder, charts)

    def run(self, choose: Callable[[LiveSuite], CellRun] | None = None, **options: Any) -> cell.CellResult:
        options = {"scenarios": ("drop-enabled",), **options}
        suite = LiveSuite(LiveOptions(paths=(KEYSTONE,), artifacts=self._folder / "artifacts", **options))
        absent = MappingProxyType({REGISTRY: (False, "none"), NODE_EXEC: (False, "none")})
        session = SimpleNamespace(
            suite=suite,
            cluster=SimpleNamespace(name="fake", registry=None, capabilities=absent),
            node_runtimes=self.nodes,
            node_runtime=" or ".join(self.nodes.values()),
            runtime_of=lambda node: self.nodes.get(node, ""),
            kube=SimpleNamespace(list=self._listed, dry_run=lambda *_: {"spec": {"runtimeClassName": self.given}}),
            images=self.store,
            labels=lambda _: {},
            create_namespace=lambda *_: None,
            remove_namespace=lambda _: None,
            faulty_registry=lambda: SimpleNamespace(image=self._faulty, host="faulty.invalid"),
            cancel=SimpleNamespace(is_set=lambda: False),
            preparation=Preparation(
                renderer=suite.renderer, charts=self._charts, node_runtime=_NODE, ready_timeout=60.0
            ),
        )
        chosen = choose(suite) if choose else suite.cell_runs[0]
        return cell.run_cell(cast("Any", session), SharedReleases(cast("Any", session)), chosen, "cell-1")

    def observe(self, plan: CellPlan, context: Any, on_failure: object) -> Observation:
        assert callable(on_failure)
        if self.pods_of_second:
            with context.second_context():
                pass
        self.plans.append(plan)
        return self.observed(replace(observations.observation(), cell=plan.cell, scenario=plan.scenario))

    def context(self, namespace: str, second_context: object) -> object:
        known = KnownSecrets(cast("Any", None), namespace, (_SECRET,), ())
        pods = self.pods_of_second if namespace.endswith("-second") else self.pods
        watch = SimpleNamespace(view=lambda: View(pods={}, jobs={}, all_pods=pods, all_jobs=[]))
        return SimpleNamespace(namespace=namespace, secrets=known, watch=watch, second_context=second_context)

    def _listed(self, path: str) -> list[dict[str, Any]]:
        assert path.endswith("/runtimeclasses")
        return [{"metadata": {"name": name}, "handler": handler} for name, handler in self.classes.items()]

    def _faulty(self, _reference: str, _login: str = "") -> object:
        raise SuiteError("there is no registry")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Cell]:
    @contextlib.contextmanager
    def open_context(_session: object, namespace: str, *, patience: float, **options: object) -> Iterator[object]:
        made.patience.append(patience)
        yield made.context(namespace, options["second_context"])

    def collect(_context: object, _releases: object, folder: Path, _more: object) -> None:
        folder.mkdir(parents=True)

    with OpenedCharts(tmp_path) as charts:
        made = _Cell(tmp_path, charts)
        monkeypatch.setattr(cell, "open_context", open_context)
        monkeypatch.setattr(cell, "observe", made.observe)
        monkeypatch.setattr(artifacts, "collect", collect)
        yield made


def test_a_cell_run_gets_the_verdicts_of_its_live_rules_and_the_command_that_repeats_it(run: _Cell) -> None:
    run.observed = lambda observation: replace(observation, removals=())
    result = run.run()
    assert "DROP-4" in result.verdicts
    assert "FLAV-1" not in result.verdicts, "a matrix rule compares cells later"
    commands = {finding.reproduce for verdict in result.verdicts.values() for finding in verdict.findings}
    assert all(command.endswith("--helm 4 --scenario drop-enabled") for command in commands)


def test_a_cell_run_without_a_failure_keeps_its_observation_and_the_log_of_its_drop_job(
    run: _Cell, tmp_path: Path
) -> None:
    (failed, _) = observations.recovered().removals
    run.observed = lambda observation: replace(observation, removals=(failed,))
    result = run.run(select=("PIN-1",))
    assert set(result.verdicts) == {"PIN-1"}
    folder = tmp_path / "artifacts" / "keystone-distribution-docker-default-helm4-drop-enabled"
    assert result.artifacts == str(folder)
    assert sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()) == [
        "drop-job/keystone-db-drop-x7k2p.db-drop.log",
        "observation.json",
    ]
    seen = msgspec.json.decode((folder / "observation.json").read_bytes(), type=Observation)
    assert seen.removals == (failed,)


def test_what_an_earlier_run_kept_does_not_seem_to_be_of_this_one(run: _Cell, tmp_path: Path) -> None:
    folder = tmp_path / "artifacts" / "keystone-distribution-docker-default-helm4-drop-enabled"
    (folder / "end" / "logs").mkdir(parents=True)
    (folder / "end" / "logs" / "old.log").touch()
    (folder / "observation.json").touch()
    (folder / "mine.txt").touch()
    run.run(select=("PIN-1",))
    assert sorted(file.name for file in folder.iterdir()) == ["mine.txt", "observation.json"]
    assert (folder / "observation.json").stat().st_size


def test_what_is_kept_has_no_secrets(run: _Cell, tmp_path: Path) -> None:
    run.observed = lambda observation: replace(observation, node_runtime=f"the password {_SECRET}")
    run.run(select=("PIN-1",))
    (file,) = tmp_path.rglob("observation.json")
    assert "the password ***" in file.read_text()


def test_a_run_that_observed_nothing_keeps_nothing(run: _Cell, tmp_path: Path) -> None:
    assert run.run(scenarios=("kubelet-restarted",)).artifacts == ""
    assert not (tmp_path / "artifacts").exists()


def test_a_failure_keeps_the_observation_beside_the_artifacts(run: _Cell, tmp_path: Path) -> None:
    def wrong_policy(observation: Observation) -> Observation:
        containers = tuple(replace(each, pull_policy="Never") for each in observation.containers)
        return replace(observation, containers=containers)

    run.observed = wrong_policy
    result = run.run(select=("PP-1",))
    assert result.verdicts["PP-1"].status is Status.FAIL
    folder = tmp_path / "artifacts" / "keystone-distribution-docker-default-helm4-drop-enabled"
    assert result.artifacts == str(folder)
    assert (folder / "observation.json").is_file()
    assert (folder / "end").is_dir()


def test_an_error_of_the_environment_keeps_artifacts_and_is_raised(run: _Cell, tmp_path: Path) -> None:
    def broken(_observation: Observation) -> Observation:
        raise SuiteError("the node is gone")

    run.observed = broken
    with pytest.raises(SuiteError, match="the node is gone"):
        run.run()
    assert [folder.name for folder in (tmp_path / "artifacts").iterdir()] == [
        "keystone-distribution-docker-default-helm4-drop-enabled"
    ]


def test_the_axes_and_the_options_reach_the_plan(run: _Cell) -> None:
    run.run(flavors=("loci",), helm_majors=(3,), packaging_formats=("oci-zstd",))
    (plan,) = run.plans
    assert (plan.cell.flavor, plan.cell.packaging_format, plan.cell.helm_major) == ("loci", "oci-zstd", 3)
    assert (plan.release, plan.node_runtime, plan.ready_timeout) == ("keystone", _NODE, 60.0)
    assert plan.tests == KEYSTONE.parent / "tests" / "keystone"
    assert set(plan.declared.images.values()) <= {image.reference for image in plan.images}
    assert run.store.checked, "images of job keys are tried"


def test_the_patience_of_the_runtime_reaches_the_namespace_and_the_plan(run: _Cell) -> None:
    def slow(suite: LiveSuite) -> CellRun:
        runtime = replace(definitions.runtimes()["gvisor"], handler="", patience=2.0)
        return replace(suite.cell_runs[0], axes=replace(suite.cell_runs[0].axes, runtime=runtime))

    run.run()
    run.run(slow)
    assert run.patience == [1.0, 2.0]
    assert [plan.ready_timeout for plan in run.plans] == [60.0, 120.0]


def test_an_image_of_a_named_flavor_that_is_missing_is_an_error(run: _Cell) -> None:
    run.store.missing = ("keystone",)
    with pytest.raises(SuiteError, match="no registry has") as caught:
        run.run(flavors=("shipped",))
    assert not isinstance(caught.value, LeftOutError)


def test_a_missing_image_of_the_chart_leaves_the_shipped_flavor_out_of_all(run: _Cell) -> None:
    def shipped(suite: LiveSuite) -> CellRun:
        return next(each for each in suite.cell_runs if each.cell.flavor == "shipped")

    run.store.missing = ("docker.io", "quay.io")
    with pytest.raises(LeftOutError, match="no registry has"):
        run.run(shipped, flavors=("all",))


@pytest.mark.parametrize(("named", "error"), [(True, SuiteError), (False, LeftOutError)])
def test_nodes_of_another_cri_are_an_error_for_a_named_runtime_only(
    named: bool,  # noqa: FBT001  (a parameter)
    error: type[SuiteError],
    run: _Cell,
) -> None:
    def on_cri_o(suite: LiveSuite) -> CellRun:
        first = suite.cell_runs[0]
        assert first.axes.runtime
        axes = replace(first.axes, runtime=replace(first.axes.runtime, cri="cri-o"))
        return replace(first, axes=axes, runtime_named=named)

    with pytest.raises(SuiteError, match="not cri-o") as caught:
        run.run(on_cri_o, runtimes=("crun",))
    assert caught.type is error


def _pod(name: str, node: str, runtime_class: str = "", release: str = "keystone") -> dict[str, Any]:
    spec = {"nodeName": node, "runtimeClassName": runtime_class}
    return {
        "metadata": {"name": name, "labels": {"app.kubernetes.io/instance": release}},
        "spec": {name: value for name, value in spec.items() if value},
    }


def _as(name: str, *, named: bool = True) -> Callable[[LiveSuite], CellRun]:
    """Choose the first cell run, with a runtime that only a cluster of the user has."""

    def chosen(suite: LiveSuite) -> CellRun:
        first = suite.cell_runs[0]
        axes = replace(first.axes, runtime=definitions.runtimes()[name])
        return replace(first, axes=axes, runtime_named=named)

    return chosen


def _without_proof(observation: Observation) -> Observation:
    return replace(observation, runtime=None)


def test_a_runtime_that_one_node_of_a_cluster_has_runs_there(run: _Cell) -> None:
    run.observed = _without_proof
    run.nodes |= {"second": _CRI_O}
    # The suite's own server may be anywhere, and a pod that no node got did not run.
    run.pods = [_pod("api", "second"), _pod("mariadb", "first", release="infrastructure-mariadb"), _pod("late", "")]
    seen = run.run(_as("cri-o")).observation
    assert seen.pod_nodes == (PodNode(pod="api", node="second", runtime=_CRI_O),)


def test_a_pod_on_a_node_with_another_cri_is_an_error_that_names_both(run: _Cell) -> None:
    run.observed = _without_proof
    run.nodes |= {"second": _CRI_O}
    run.pods = [_pod("api", "second"), _pod("db-drop", "first")]
    with pytest.raises(SuiteError, match=r"pod db-drop ran on node first, which runs containerd://2\.2\.0") as caught:
        run.run(_as("cri-o"))
    assert "api" not in caught.value.message
    assert "cordon" in caught.value.fix


def test_the_pods_of_a_second_release_are_looked_at_too(run: _Cell) -> None:
    run.observed = _without_proof
    run.nodes |= {"second": _CRI_O}
    run.pods = [_pod("api", "second")]
    run.pods_of_second = [_pod("other-api", "second")]
    assert [each.pod for each in run.run(_as("cri-o")).observation.pod_nodes] == ["api", "other-api"]
    run.pods_of_second = [_pod("other-api", "first")]
    with pytest.raises(SuiteError, match="pod other-api ran on node first"):
        run.run(_as("cri-o"))


@pytest.mark.parametrize(("named", "error"), [(True, SuiteError), (False, LeftOutError)])
@pytest.mark.parametrize(
    ("classes", "given", "message"),
    [
        ({"gvisor": "runsc"}, "gvisor", "no RuntimeClass with the handler kata"),
        ({"kata": "kata-qemu"}, "", "the RuntimeClass kata"),
    ],
)
def test_a_cluster_that_gives_pods_no_class_of_kata_is_an_error_for_a_named_runtime_only(  # noqa: PLR0917
    classes: dict[str, str],
    given: str,
    message: str,
    named: bool,  # noqa: FBT001  (a parameter)
    error: type[SuiteError],
    run: _Cell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("osh_conformance.live.runtimes._IN_FORCE_WITHIN", 0.0)
    run.classes, run.given = classes, given
    with pytest.raises(SuiteError, match=message) as caught:
        run.run(_as("kata", named=named))
    assert caught.type is error
    assert not run.plans


def test_pods_with_a_class_of_kata_prove_it(run: _Cell) -> None:
    run.observed = _without_proof
    run.classes, run.given = {"kata": "kata-qemu", "other": "runsc"}, "kata"
    run.pods = [_pod("api", "first", "kata")]
    seen = run.run(_as("kata")).observation
    assert seen.pod_nodes == (PodNode(pod="api", node="first", runtime=_NODE, handler="kata-qemu"),)
    run.pods.append(_pod("db-drop", "first", "other"))
    with pytest.raises(SuiteError, match="runtime kata, but pod db-drop had runsc"):
        run.run(_as("kata"))


def test_a_fault_of_the_nodes_is_not_applicable_without_access_to_them(run: _Cell) -> None:
    result = run.run(scenarios=("kubelet-restarted",))
    assert {verdict.status for verdict in result.verdicts.values()} == {Status.NOT_APPLICABLE}
    assert not run.plans


def _with_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feasible, "lacking", lambda *_: "")


def test_a_pull_secret_is_not_applicable_without_a_registry_that_can_demand_a_login(run: _Cell) -> None:
    verdict = run.run(scenarios=("pull-secret",)).verdicts["PULL-1"]
    assert (verdict.status, verdict.reason) == (Status.NOT_APPLICABLE, "no registry can demand a login here: none")
    assert not run.plans


def test_a_pull_secret_is_not_applicable_to_a_chart_that_gives_no_pod_one(
    run: _Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_registry(monkeypatch)
    monkeypatch.setattr(Preparation, "no_pull_secret", lambda *_: "the chart gives no pod a pull secret")
    verdict = run.run(scenarios=("pull-secret",)).verdicts["PULL-1"]
    assert (verdict.status, verdict.reason) == (Status.NOT_APPLICABLE, "the chart gives no pod a pull secret")


def test_a_reference_chart_takes_a_pull_secret(run: _Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    _with_registry(monkeypatch)
    with pytest.raises(SuiteError, match="there is no registry"):
        run.run(scenarios=("pull-secret",))


def test_a_rule_that_a_reduced_run_cannot_judge_is_not_applicable_and_says_why(run: _Cell) -> None:
    verdicts = run.run(reduced=True).verdicts
    unjudged = {name for name, verdict in verdicts.items() if "reduced run" in verdict.reason}
    assert unjudged == {"KEY-1", "PP-1", "PIN-1", "SCRIPT-1", "DEP-1", "DROP-8", "FLAV-1"}
    assert {verdicts[name].status for name in unjudged} == {Status.NOT_APPLICABLE}
    assert {"DROP-4", "JOB-1"} == set(verdicts) - unjudged
    assert len(run.plans) == 1


def test_a_scenario_without_a_rule_for_a_reduced_run_installs_nothing(run: _Cell) -> None:
    result = run.run(reduced=True, scenarios=("pull-policy",))
    assert {verdict.status for verdict in result.verdicts.values()} == {Status.NOT_APPLICABLE}
    assert run.plans == []
