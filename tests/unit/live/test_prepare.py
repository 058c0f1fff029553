"""The preparation of a cell run: its values, images and declarations, and its charts as folders on disk."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts import source
from osh_conformance.charts.catalog import ChartEntry
from osh_conformance.charts.opened import OpenedCharts
from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.config.pull_secret import PullSecret
from osh_conformance.live.prepare import NeededRelease, Preparation
from osh_conformance.live.run_charts import RunCharts
from osh_conformance.loading import definitions
from osh_conformance.model.chart import STANDARD_KEYS
from osh_conformance.model.convention import PULL_SECRET
from osh_conformance.observe.identity import IdentityService
from osh_conformance.plan import servers
from osh_conformance.plan.plan import LiveSuite
from tests.paths import KEYSTONE
from tests.unit.plan import reducible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from osh_conformance.model.convention import Convention
    from osh_conformance.plan.cells import CellRun
    from osh_conformance.scenario.state import CellPlan


_LOGIN = base64.b64encode(b"suite:a-password").decode()
_USERS = base64.b64encode(b"user:another-password").decode()


class Images:
    """Publishes nothing: each image keeps its reference, with `suffix` behind a flavor's."""

    def __init__(self, suffix: str = "") -> None:
        self._suffix = suffix
        self.functions: list[str] = []
        self.locked: list[str] = []
        self.published: tuple[str, ...] = ()

    def publish_for_key(self, reference: str, function: str) -> str:
        self.functions.append(function)
        return f"{reference}{self._suffix}"

    def publish_faulty(self, reference: str) -> str:
        return reference

    def publish_locked(self, reference: str) -> str:
        self.locked.append(f"faulty.invalid/{len(self.locked)}/{reference}")
        return self.locked[-1]

    @property
    def login(self) -> tuple[str, str]:
        return "faulty.invalid", _LOGIN

    def publish_declared(self, references: Iterable[str], infrastructure: Iterable[str]) -> tuple[object, ...]:
        self.published = (*references, *infrastructure)
        return ()


def suite(*scenarios: str) -> LiveSuite:
    return LiveSuite(LiveOptions(paths=(KEYSTONE,), scenarios=scenarios))


def prepare(
    found: LiveSuite, cell_run: CellRun, charts: RunCharts, images: Images, pull_secret: PullSecret | None = None
) -> CellPlan:
    preparation = Preparation(
        renderer=found.renderer,
        charts=charts,
        node_runtime="containerd://2.2.0",
        ready_timeout=60.0,
        pull_secret=pull_secret,
    )
    return preparation.prepare(cell_run, "cell", images)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunCharts]:
    folder = tmp_path_factory.mktemp("charts")
    with OpenedCharts(folder) as opened:
        yield RunCharts(folder, opened)


@pytest.fixture(scope="module")
def plans(charts: RunCharts) -> dict[str, CellPlan]:
    """The plans of a chart with its drop switch on and off, by scenario."""
    found = suite("drop-enabled", "drop-disabled")
    return {each.scenario.name: prepare(found, each, charts, Images()) for each in found.cell_runs}


def test_the_switch_decides_whether_a_drop_container_is_declared(plans: dict[str, CellPlan]) -> None:
    assert plans["drop-enabled"].declared.containers_of("db_drop")
    assert not plans["drop-disabled"].declared.containers_of("db_drop")


def test_every_container_is_reached_by_a_key_of_the_flavor(plans: dict[str, CellPlan]) -> None:
    declared = plans["drop-enabled"].declared
    assert all(c.key and c.image == declared.images[c.key] for c in declared.containers)


def test_a_cell_plan_names_the_release_of_its_service(plans: dict[str, CellPlan]) -> None:
    assert plans["drop-enabled"].release_of_service == definitions.flavors()["distribution"].release


def test_each_image_of_a_flavor_is_published_for_the_function_of_its_key(charts: RunCharts) -> None:
    found, images = suite("drop-enabled"), Images("-mine")
    plan = prepare(found, found.cell_runs[0], charts, images)
    assert set(STANDARD_KEYS) <= set(images.functions)
    assert all(str(c.image).endswith("-mine") for c in plan.declared.containers)
    assert {reference for reference in images.published if "mariadb" not in reference} == {
        c.image for c in plan.declared.containers
    }


def test_a_task_without_an_image_key_has_a_spare_image_of_the_flavor(charts: RunCharts, tmp_path: Path) -> None:
    copy = tmp_path / "keystone"
    shutil.copytree(KEYSTONE, copy)
    values = copy / "values.yaml"
    lines = values.read_text().splitlines(keepends=True)
    values.write_text("".join(line for line in lines if not line.startswith("  db_drop: ")))
    options = LiveOptions(paths=(copy,), scenarios=("drop-disabled",), flavors=("distribution",))
    found, images = LiveSuite(options), Images("-mine")
    plan = prepare(found, found.cell_runs[0], charts, images)
    assert plan.spare_images == {"images": {"db_drop": plan.values["images"]["db_init"]}}
    assert images.functions[-1] == "db_drop"


def test_a_chart_with_all_image_keys_needs_no_spare_image(plans: dict[str, CellPlan]) -> None:
    assert not plans["drop-enabled"].spare_images


def test_the_images_of_a_plan_include_its_infrastructure(charts: RunCharts) -> None:
    found, images = suite("drop-enabled"), Images()
    plan = prepare(found, found.cell_runs[0], charts, images)
    assert images.published[-1] == plan.database.image
    assert "mariadb" in plan.database.image


def test_a_password_of_hard_characters_reaches_chart_and_server(plans: dict[str, CellPlan]) -> None:
    plan = plans["drop-enabled"]
    password = plan.values["database"]["admin"]["password"]
    assert password == plan.database.values["root"]["password"]
    assert {"@", "/", "%", ":", "'", '"', "\\", "$", " ", "`"} <= set(password)
    assert password in plan.secrets


def test_each_server_has_a_password_of_its_own_that_the_chart_gets_and_no_output_has(charts: RunCharts) -> None:
    entry = ChartEntry(path=KEYSTONE, flavor="distribution", infrastructure=("rabbitmq",))
    found, images = suite("drop-enabled"), Images()
    (cell_run,) = found.cell_runs
    queue_values = {"messaging": {"vhost": "keystone", "username": "keystone", "password": "of-the-queue"}}
    cell_run = replace(cell_run, target=replace(cell_run.target, entry=entry, values=queue_values))
    plan = prepare(found, cell_run, charts, images)
    queue, database = plan.values["messaging"], plan.values["database"]
    assert [component.name for component in plan.components] == ["mariadb", "rabbitmq"]
    assert plan.releases == ("keystone", "infrastructure-mariadb", "infrastructure-rabbitmq")
    assert queue["admin"] == plan.components[1].values["administrator"]
    assert queue["admin"]["password"] != database["admin"]["password"] == plan.password
    assert {queue["admin"]["password"], database["admin"]["password"]} <= set(plan.secrets)
    assert (queue["host"], queue["port"], queue["management_port"]) == ("rabbitmq", 5672, 15672)
    assert images.published[-2:] == tuple(component.image for component in plan.components)


_KEYSTONE = IdentityService(
    service="keystone-api", port=5000, username="root", password="p", project="admin", domain="Default"
)


def _with_need(charts: RunCharts, identity: IdentityService, convention: Convention | None = None) -> CellPlan:
    """The plan of a cell that needs a shared release, which has the `identity`."""
    found = suite("drop-enabled")
    (cell_run,) = found.cell_runs
    if convention:
        cell_run = replace(cell_run, target=replace(cell_run.target, convention=convention))
    release = NeededRelease(cell_run=cell_run, namespace="shared-1", identity=identity, secrets=("a-fernet-key",))
    preparation = Preparation(renderer=found.renderer, charts=charts, node_runtime="", ready_timeout=1.0)
    return preparation.prepare(cell_run, "cell-x-y-ab12cd", Images(), {"keystone": release})  # type: ignore[arg-type]


def test_a_shared_release_reaches_the_chart_with_a_word_of_the_cell(charts: RunCharts) -> None:
    plan = _with_need(charts, _KEYSTONE)
    given = plan.values["identity"]
    assert given["auth_url"] == "http://keystone-api.shared-1.svc:5000/v3"
    assert (given["region"], given["user"]["username"]) == ("cell-ab12cd", "keystone-cell-ab12cd")
    # As it was installed, with the values of its convention and its flavor.
    assert (given["admin"]["username"], given["admin"]["password"]) == ("root", "p")
    assert plan.identity == replace(_KEYSTONE, namespace="shared-1", unique="cell-ab12cd")
    assert "a-fernet-key" in plan.secrets


def test_a_shared_release_that_uses_the_keystone_of_another_is_not_taken_for_one(charts: RunCharts) -> None:
    plan = _with_need(charts, replace(_KEYSTONE, namespace="shared-0", unique="cell-000000"))
    assert plan.identity == replace(_KEYSTONE, namespace="shared-0", unique="cell-ab12cd")


def test_a_keystone_in_which_cells_cannot_be_told_apart_is_not_asked(charts: RunCharts) -> None:
    shipped = definitions.conventions()["reference"]
    same = {"identity": {"auth_url": "http://{host}:{port}/v3"}}
    convention = replace(shipped, infrastructure={**shipped.infrastructure, "keystone": same})
    plan = _with_need(charts, _KEYSTONE, convention)
    assert plan.values["identity"]["auth_url"] == "http://keystone-api.shared-1.svc:5000/v3"
    assert plan.identity is None


def test_a_chart_that_is_its_own_keystone_is_asked_for_all_entries(plans: dict[str, CellPlan]) -> None:
    identity = plans["drop-enabled"].identity
    assert identity is not None
    assert (identity.shared, identity.namespace) == (False, "")


# -- pull secrets --------------------------------------------------------------------------------------------------


def _plan(charts: RunCharts, scenario: str, images: Images, host: str = "") -> CellPlan:
    found = suite(scenario)
    given = PullSecret().with_login(host, _USERS) if host else None
    return prepare(found, found.cell_runs[0], charts, images, given)


def test_a_cell_has_no_pull_secret_unless_the_user_or_the_scenario_asks_for_one(plans: dict[str, CellPlan]) -> None:
    plan = plans["drop-enabled"]
    assert not plan.pull_secret
    assert "image_pull_secrets" not in plan.values.get("pod", {})
    assert "images" not in plan.database.values


def test_the_login_of_the_user_reaches_the_chart_and_no_output(charts: RunCharts) -> None:
    plan = _plan(charts, "drop-enabled", Images(), "registry.example")
    assert plan.values["pod"]["image_pull_secrets"] == [{"name": PULL_SECRET}]
    assert json.loads(plan.pull_secret) == {"auths": {"registry.example": {"auth": _USERS}}}
    assert {_USERS, "another-password"} <= set(plan.secrets)
    assert "auths" not in repr(plan)


@pytest.mark.parametrize(("host", "needed"), [("docker.io", True), ("registry.example", False)])
def test_the_database_server_pulls_with_the_login_for_its_own_registry(
    host: str,
    needed: bool,  # noqa: FBT001  (a parameter)
    charts: RunCharts,
) -> None:
    values = _plan(charts, "drop-enabled", Images(), host).database.values
    assert values.get("pod") == ({"image_pull_secrets": [{"name": PULL_SECRET}]} if needed else None)


def test_a_registry_that_demands_a_login_serves_each_image_key_in_a_repository_of_its_own(charts: RunCharts) -> None:
    images = Images()
    plan = _plan(charts, "pull-secret", images, "registry.example")
    assert sorted(plan.declared.images.values()) == sorted(images.locked)
    assert {container.image for container in plan.declared.containers} <= set(images.locked)
    assert plan.declared.containers_of("ks_user"), "every Job must pull"
    assert set(json.loads(plan.pull_secret)["auths"]) == {"faulty.invalid", "registry.example"}
    assert {_LOGIN, "a-password"} <= set(plan.secrets)


_CHART = {
    "Chart.yaml": "apiVersion: v2\nname: example\nversion: 1.0.0\n",
    "values.yaml": """
images: {tags: {api: docker.io/example/api:1.2.3}, pull_policy: IfNotPresent}
endpoints: {oci_image_registry: {auth: {enabled: false}}}
secrets: {oci_image_registry: {example: registry-key}}
manifests: {secret_registry: true, job_db_drop: false}
""",
    "templates/pod.yaml": """
apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  %s
  containers: [{name: api, image: "{{ .Values.images.tags.api }}"}]
""",
}
_SET = "imagePullSecrets: [{name: '{{ .Values.secrets.oci_image_registry.example }}'}]"
_SWITCH = "the chart gives its pods a pull secret only with manifests.secret_registry on: osh has it off"
_NONE = "the chart gives no pod a pull secret"


def _dumped(kind: str, name: str, field: str = "") -> str:
    head = f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n{field}\n"
    return head + "data: {x: {{ .Values | toJson | quote }}}"


@pytest.mark.parametrize(
    ("of_pod", "other", "reason"),
    [
        (_SET, "", ""),
        ("", f"apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: default}}\n{_SET}", ""),
        ("", _dumped("ConfigMap", "values"), _NONE),
        ("", _dumped("ConfigMap", "values", _SET), _NONE),
        ("{{ if .Values.manifests.secret_registry }}" + _SET + "{{ end }}", "", _SWITCH),
        ('{{ if .Values.manifests.secret_registry }}{{ fail "needs a login" }}{{ end }}', "", _NONE),
    ],
)
def test_only_a_pod_or_its_account_takes_a_pull_secret(
    of_pod: str, other: str, reason: str, charts: RunCharts, tmp_path: Path
) -> None:
    chart = tmp_path / "example"
    (chart / "templates").mkdir(parents=True)
    for name, text in _CHART.items():
        (chart / name).write_text(text.replace("%s", of_pod))
    (chart / "templates/other.yaml").write_text(other)
    found = LiveSuite(LiveOptions(paths=(chart,), scenarios=("pull-secret",), flavors=("shipped",)))
    preparation = Preparation(renderer=found.renderer, charts=charts, node_runtime="", ready_timeout=1.0)
    assert preparation.no_pull_secret(found.cell_runs[0]) == reason


# -- charts on disk ------------------------------------------------------------------------------------------------


def test_two_prepared_cell_runs_read_a_packaged_chart_once_and_unpack_it_once(
    chart_reads: list[str], tmp_path: Path
) -> None:
    package = tmp_path / "keystone-1.0.0.tgz"
    package.write_bytes(source.Reader().read(KEYSTONE).packed())
    servers.forget()
    chart_reads.clear()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = LiveSuite(LiveOptions(paths=(package,), scenarios=("drop-enabled", "drop-disabled")))
    with OpenedCharts(scratch) as opened:
        charts = RunCharts(scratch, opened)
        first, second = (prepare(found, cell_run, charts, Images()) for cell_run in found.cell_runs)
        (unpacked,) = scratch.iterdir()
        assert first.chart == second.chart == unpacked / "chart"
    assert chart_reads == ["keystone-1.0.0.tgz", "mariadb"]
    assert list(scratch.iterdir()) == []


def test_the_previous_version_of_a_chart_is_written_once_under_a_lower_number(tmp_path: Path) -> None:
    found = suite("previous-version")
    with OpenedCharts(tmp_path) as opened:
        charts = RunCharts(tmp_path, opened)
        plans = [prepare(found, found.cell_runs[0], charts, Images()) for _ in range(2)]
        first, second = (plan.previous for plan in plans)
        assert first is not None
        assert first == second != plans[0].chart
        assert "\nversion: 0.0.0\n" in (first / "Chart.yaml").read_text()
        assert "\nversion: 0.0.0\n" not in (plans[0].chart / "Chart.yaml").read_text()


def test_a_reduced_run_installs_its_jobs_and_waits_for_what_creates(charts: RunCharts, tmp_path: Path) -> None:
    # One Deployment has no toggle.
    made = reducible.chart(tmp_path, other=reducible.deployment("other"))
    found = LiveSuite(LiveOptions(paths=(made,), scenarios=("drop-enabled",), reduced=True))
    plan = prepare(found, found.cell_runs[0], charts, Images())
    assert {c.workload for c in plan.declared.containers} == {"Job/db-init", "Job/db-drop", "Deployment/other"}
    assert plan.waits_for == frozenset({"Job/db-init"})
    assert plan.identity is None
    assert plan.declared.functions == {"db_init": "db_init", "db_drop": "db_drop", "db_sync": "", "api": ""}


@pytest.mark.parametrize(
    ("runtimes", "scenario", "seconds"),
    [
        ((), "drop-enabled", (60.0, 300)),
        (("runc",), "drop-enabled", (60.0, 300)),
        (("gvisor",), "drop-enabled", (120.0, 600)),
        (("gvisor",), "wrong-password", (120.0, 180)),
    ],
)
def test_helm_gets_its_times_as_often_as_the_runtime_needs_patience(
    runtimes: tuple[str, ...], scenario: str, seconds: tuple[float, int], charts: RunCharts
) -> None:
    found = LiveSuite(LiveOptions(paths=(KEYSTONE,), scenarios=(scenario,), runtimes=runtimes))
    plan = prepare(found, found.cell_runs[0], charts, Images())
    assert (plan.ready_timeout, plan.uninstall_timeout) == seconds


def test_a_run_that_is_not_reduced_waits_for_everything(plans: dict[str, CellPlan]) -> None:
    assert plans["drop-enabled"].waits_for is None


def test_the_name_of_a_job_that_ends_in_a_hash_is_that_of_the_release(charts: RunCharts) -> None:
    found = LiveSuite(LiveOptions(paths=(KEYSTONE,), scenarios=("two-releases",), reduced=True))
    (cell_run,) = found.cell_runs
    assert cell_run.reduction
    plan = prepare(found, cell_run, charts, Images())
    assert plan.second_declared
    both = (plan.declared, plan.second_declared)
    names = frozenset(c.workload for each in both for c in each.containers_of("db_init"))
    assert plan.waits_for == names
    assert not names & set(cell_run.reduction.creators)
