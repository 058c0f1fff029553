"""A chart whose pods request what a runtime cannot give is left out there, with the reason, and runs elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.errors import UsageError
from osh_conformance.live.cell_report import left_out_report
from osh_conformance.loading import definitions
from osh_conformance.manifests.privileges import Reason
from osh_conformance.model.matrix import ContainerRuntime, RuntimeLimit
from osh_conformance.plan import consent, limits
from osh_conformance.plan.plan import LiveSuite
from tests.paths import KEYSTONE
from tests.unit.plan import reducible
from tests.unit.privileged_charts import LEVELS, PRIVILEGED_POD, ROLE, chart, suite

if TYPE_CHECKING:
    from pathlib import Path

_LIMITS = {each.privilege: each.reason for each in definitions.runtimes()["gvisor"].limits}
_CONTAINER = {"name": "agent", "image": "docker.io/example/agent:1.0.0"}
_PRIVILEGED = {**_CONTAINER, "securityContext": {"privileged": True}}


def workload(kind: str = "DaemonSet", *, containers: Any = None, hook: str = "", **spec: Any) -> dict[str, Any]:
    """A workload `agent` whose pods have this specification."""
    pod = {"containers": containers or [_CONTAINER], **spec}
    template = {"metadata": {"labels": {"app": "agent"}}, "spec": pod}
    content: dict[str, Any] = {
        "DaemonSet": {"selector": {"matchLabels": {"app": "agent"}}, "template": template},
        "Job": {"template": template},
        "CronJob": {"schedule": "@daily", "jobTemplate": {"spec": {"template": template}}},
        "Pod": pod,
    }
    annotations = {"annotations": {"helm.sh/hook": hook}} if hook else {}
    version = {"DaemonSet": "apps/v1", "Pod": "v1"}.get(kind, "batch/v1")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "agent", **annotations}, "spec": content[kind]}


def reasons(found: LiveSuite) -> dict[str, str]:
    """Why cells are left out, by runtime."""
    return {each.cell.runtime: each.reason for each in found.left_out}


def runtimes(found: LiveSuite) -> set[str]:
    return {cell_run.cell.runtime for cell_run in found.cell_runs}


@pytest.mark.parametrize(
    ("spec", "privilege", "by"),
    [
        ({"hostNetwork": True}, "hostNetwork", "DaemonSet/agent"),
        ({"hostPID": True}, "hostPID", "DaemonSet/agent"),
        ({"hostIPC": True}, "hostIPC", "DaemonSet/agent"),
        ({"containers": [_PRIVILEGED]}, "privileged", "DaemonSet/agent (agent)"),
        ({"initContainers": [{**_PRIVILEGED, "name": "init"}]}, "privileged", "DaemonSet/agent (init)"),
    ],
)
def test_each_privilege_is_a_reason_to_leave_the_cell_out(
    spec: dict[str, Any], privilege: str, by: str, tmp_path: Path
) -> None:
    made = chart(tmp_path, "x", templates__agent=workload(**spec))
    found = suite(made, runtimes=("runc", "gvisor"), allow_privileged=True)
    assert reasons(found) == {"gvisor": f"gvisor cannot give {privilege}, requested by {by}: {_LIMITS[privilege]}"}
    assert runtimes(found) == {"runc"}


@pytest.mark.parametrize(
    ("kind", "hook"), [("Job", ""), ("CronJob", ""), ("Pod", "pre-delete"), ("Job", "post-install"), ("Pod", "")]
)
def test_every_kind_of_workload_counts(kind: str, hook: str, tmp_path: Path) -> None:
    made = chart(tmp_path, "x", templates__agent=workload(kind, hook=hook, hostNetwork=True))
    (reason,) = reasons(suite(made, runtimes=("gvisor",))).values()
    assert f"requested by {kind}/agent: " in reason


@pytest.mark.parametrize(
    "content",
    [
        workload(volumes=[{"name": "run", "hostPath": {"path": "/run"}}]),
        workload(containers=[{**_CONTAINER, "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}]),
        workload(containers=[{**_CONTAINER, "ports": [{"containerPort": 80, "hostPort": 80}]}]),
        workload(hostNetwork=False, containers=[{**_CONTAINER, "securityContext": {"privileged": False}}]),
        ROLE,
        # Its pods run in another namespace, which does not have the runtime of the cell.
        {**workload(hostNetwork=True), "metadata": {"name": "agent", "namespace": "kube-system"}},
    ],
    ids=["hostPath", "capability", "hostPort", "false", "ClusterRole", "elsewhere"],
)
def test_another_privilege_is_none(content: dict[str, Any], tmp_path: Path) -> None:
    found = suite(chart(tmp_path, "x", templates__agent=content), runtimes=("gvisor",), allow_privileged=True)
    assert runtimes(found) == {"gvisor"}
    assert not found.left_out


def test_what_the_given_values_switch_off_is_no_reason(tmp_path: Path) -> None:
    text = "{{ if .Values.agent }}" + yaml.safe_dump(workload(hostNetwork=True)) + "{{ end }}"
    made = chart(tmp_path, "x", templates__agent=text)
    values = made / "values.yaml"
    values.write_text(f"{values.read_text()}\nagent: true\n")
    assert not suite(made, runtimes=("gvisor",)).cell_runs
    assert not suite(made, runtimes=("gvisor",), values={"agent": False}).left_out


def test_each_privilege_has_its_objects_and_its_reason() -> None:
    runtime = ContainerRuntime(
        name="small",
        summary="s",
        cri="containerd",
        limits=(
            RuntimeLimit(privilege="hostPID", reason="no processes"),
            RuntimeLimit(privilege="hostNetwork", reason="no network"),
            RuntimeLimit(privilege="privileged", reason="no devices"),
        ),
    )
    requests = [
        Reason(object="DaemonSet/a", asks="privileged", container="init", of_pods=True),
        Reason(object="DaemonSet/a", asks="privileged", container="main", of_pods=True),
        Reason(object="Job/b", asks="privileged", container="main", of_pods=True),
        Reason(object="DaemonSet/a", asks="hostNetwork", of_pods=True),
        Reason(object="DaemonSet/a", asks="hostNetwork", of_pods=True),
        Reason(object="Job/c", asks="hostIPC", of_pods=True),
        Reason(object="Job/d", asks="hostPID"),
    ]
    assert limits.beyond(runtime, requests) == (
        "small cannot give hostNetwork, requested by DaemonSet/a: no network; "
        "nor privileged, requested by DaemonSet/a (init, main), Job/b (main): no devices"
    )
    assert limits.beyond(None, requests) == ""


# -- consent -------------------------------------------------------------------------------------------------------


def test_nobody_has_to_allow_what_is_left_out(tmp_path: Path) -> None:
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    found = suite(made, runtimes=("gvisor",))
    assert (found.cell_runs, found.shared, found.privileged()) == ((), (), {})
    assert list(reasons(found)) == ["gvisor"]


def test_the_other_cells_of_the_chart_need_consent_as_before(tmp_path: Path) -> None:
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    for named in (("runc", "gvisor"), ("all",)):
        with pytest.raises(UsageError, match="Pod/agent agent: privileged"):
            suite(made, runtimes=named)


def test_all_runtimes_leave_out_one_chart_under_one_of_them(tmp_path: Path) -> None:
    chart(tmp_path, "clean")
    chart(tmp_path, "agent", templates__agent=PRIVILEGED_POD)
    found = suite(tmp_path / "clean", tmp_path / "agent", runtimes=("all",), allow_privileged=True)
    ran = {(cell_run.cell.chart, cell_run.cell.runtime) for cell_run in found.cell_runs}
    assert ("clean", "gvisor") in ran
    assert ("agent", "runc") in ran
    assert ("agent", "gvisor") not in ran
    (reason,) = [each.reason for each in found.left_out if each.cell.id.startswith("agent-shipped-docker-gvisor")]
    assert "gvisor cannot give privileged" in reason


def test_a_request_that_remains_keeps_its_pod_security_level(tmp_path: Path) -> None:
    hosted = workload(volumes=[{"name": "run", "hostPath": {"path": "/run"}}])
    found = suite(chart(tmp_path, "x", templates__agent=hosted), runtimes=("gvisor",), allow_privileged=True)
    levels = {each.scenario.name: found.pod_security(each) for each in found.cell_runs}
    assert levels == {**dict.fromkeys(levels, LEVELS["privileged"]), "pull-policy": LEVELS["baseline"]}


def test_a_scenario_without_the_chart_runs_under_any_runtime(tmp_path: Path) -> None:
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    assert runtimes(suite(made, runtimes=("gvisor",), scenarios=("pull-policy",))) == {"gvisor"}


def test_probes_of_a_runtime_move_to_a_cell_that_runs(tmp_path: Path) -> None:
    agent = chart(tmp_path, "agent", templates__agent=PRIVILEGED_POD)
    clean = chart(tmp_path, "clean")
    found = suite(agent, clean, runtimes=("gvisor",))
    assert [each.cell.chart for each in found.cell_runs if each.scenario.probes] == ["clean"]


# -- the matrix ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("matrix_mode", ["pairwise", "single"])
@pytest.mark.parametrize("shard", [None, "1/1"])
def test_a_limit_costs_no_value_of_another_axis(matrix_mode: str, shard: str | None, tmp_path: Path) -> None:
    """Without the limit, most values would be combined with gvisor only, the first of the runtimes."""
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    found = suite(
        made,
        runtimes=("gvisor", "runc"),
        helm_majors=(3, 4),
        matrix_mode=matrix_mode,
        shard=shard,
        allow_privileged=True,
    )
    assert {(each.cell.runtime, each.cell.helm_major) for each in found.cell_runs} == {("runc", 3), ("runc", 4)}
    assert list(reasons(found)) == ["gvisor"]


def test_a_cell_that_takes_the_place_of_another_is_looked_at_too(tmp_path: Path) -> None:
    """Shipped images come in no other format than docker, so `single` takes them only once the others are left out."""
    made = chart(tmp_path, "keystone", templates__agent=workload(hostNetwork=True))
    found = LiveSuite(
        LiveOptions(
            paths=(made,),
            flavors=("distribution", "shipped"),
            packaging_formats=("oci-gzip", "docker"),
            runtimes=("gvisor",),
            matrix_mode="single",
        )
    )
    assert not found.cell_runs
    assert {each.cell.flavor for each in found.left_out} == {"distribution", "shipped"}


def test_shards_of_a_limited_matrix_are_disjoint_and_complete(tmp_path: Path) -> None:
    """A shard may have no cell of a chart, unless it knows the limits that put others into their place."""
    made = chart(tmp_path, "keystone", templates__agent=PRIVILEGED_POD)
    wide: dict[str, Any] = {
        "paths": (made,),
        "flavors": ("distribution", "loci"),
        "packaging_formats": ("docker", "oci-zstd"),
        "runtimes": ("gvisor", "runc", "crun"),
        "helm_majors": (3, 4),
        "matrix_mode": "pairwise",
        "allow_privileged": True,
    }

    def cells(found: LiveSuite) -> list[str]:
        return sorted([*{each.cell.id for each in found.cell_runs}, *(each.cell.id for each in found.left_out)])

    parts = [cells(LiveSuite(LiveOptions(**wide, shard=f"{number}/9"))) for number in range(1, 10)]
    assert sorted(cell for part in parts for cell in part) == cells(LiveSuite(LiveOptions(**wide)))


def test_a_chart_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    requested = consent.requested

    def counted(*words: Any) -> consent.Requests:
        looked.append(words)
        return requested(*words)

    monkeypatch.setattr(consent, "requested", counted)
    assert not suite(chart(tmp_path, "x", templates__agent=PRIVILEGED_POD), runtimes=("gvisor",)).cell_runs
    assert len(looked) == 1


# -- reduced runs --------------------------------------------------------------------------------------------------


def reduced(path: Path, **options: Any) -> LiveSuite:
    return LiveSuite(
        LiveOptions(paths=(path,), scenarios=("drop-enabled",), reduced=True, runtimes=("gvisor",), **options)
    )


def test_a_reduced_run_looks_at_what_it_installs_only(tmp_path: Path) -> None:
    privileged: dict[str, Any] = {"securityContext": {"privileged": True}}
    switched = reducible.guarded("deployment_api", reducible.deployment("api", **privileged))
    assert runtimes(reduced(reducible.chart(tmp_path / "a", deployment_api=switched))) == {"gvisor"}
    always = reducible.chart(tmp_path / "b", agent=reducible.deployment("agent", **privileged))
    assert "privileged, requested by Deployment/agent (main)" in reasons(reduced(always))["gvisor"]


def test_a_job_of_a_reduced_run_counts(tmp_path: Path) -> None:
    init = reducible.guarded("job_db_init", reducible.job("db-init", "db_init", hostNetwork=True))
    made = reducible.chart(tmp_path, job_db_init=init)
    assert "hostNetwork, requested by Job/db-init: " in reasons(reduced(made))["gvisor"]


# -- reports -------------------------------------------------------------------------------------------------------


def test_the_report_of_such_a_cell_is_skipped_with_the_reason(tmp_path: Path) -> None:
    found = suite(chart(tmp_path, "x", templates__agent=PRIVILEGED_POD), runtimes=("gvisor",))
    (left_out,) = found.left_out
    report = left_out_report(left_out.cell, left_out.reason)
    assert (report.status, report.runtime, report.reason) == ("skipped", "gvisor", left_out.reason)


def test_our_own_charts_run_under_every_runtime_of_our_own_nodes() -> None:
    found = LiveSuite(LiveOptions(paths=(KEYSTONE.parent,), runtimes=("gvisor",)))
    assert {each.reason for each in found.left_out} == {"a library chart, which cannot be installed"}
