"""What a reduced run leaves of a chart follows from what the chart renders: its Jobs, and what they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from osh_conformance.charts.values import at
from osh_conformance.errors import SuiteError
from osh_conformance.model.matrix import Flavor
from osh_conformance.plan.cells import UnfitError
from tests.unit.plan.reducible import VALUES, chart, deployment, document, guarded, job, reduced

if TYPE_CHECKING:
    from pathlib import Path

#: The layout of OpenStack-Helm, whose pods say in values what they wait for.
OSH: dict[str, Any] = {
    "images": {key: None for key in VALUES["images"] if key != "pull_policy"}
    | {"tags": {key: value for key, value in VALUES["images"].items() if key != "pull_policy"}},
    "endpoints": {},
    "conf": {},
    "dependencies": {
        "static": {
            "db_init": {"jobs": []},
            "maker": {"jobs": ["y"]},
            "db_drop": {"jobs": []},
            "trusts": {"jobs": ["x"]},
        }
    },
}


def test_what_creates_and_drops_stays_with_what_it_uses(tmp_path: Path) -> None:
    found = reduced(chart(tmp_path))
    assert found.anchors == ("Job/db-init", "Job/db-drop")
    assert found.creators == ("Job/db-init",)
    assert found.kept == {
        "manifests.configmap_bin": "ConfigMap/bin, which Job/db-init uses, goes with it",
        "manifests.secret_db": "Secret/db, which Job/db-init uses, goes with it",
    }
    assert found.left == ()
    assert found.values["manifests"] | {"job_db_init": True} == found.values["manifests"]
    assert not found.values["manifests"]["deployment_api"]
    assert not found.values["manifests"]["job_db_sync"]
    assert found.toggles == 4


def test_the_jobs_are_found_by_their_switches_not_by_names_or_image_keys(tmp_path: Path) -> None:
    made = chart(
        tmp_path,
        {"images": {"maker": "docker.io/example/maker:1.2.3"}},
        job_db_init=guarded("job_db_init", job("prepare", "maker")),
        job_db_drop=guarded("job_db_drop", job("goodbye", "")),
        job_other=guarded("deployment_api", job("db-drop-of-another", "db_drop")),
    )
    found = reduced(made)
    assert found.anchors == ("Job/prepare", "Job/goodbye")
    assert found.keys == ("maker",)


def test_a_random_name_is_the_same_job(tmp_path: Path) -> None:
    name = "db-drop-{{ randAlphaNum 5 | lower }}"
    found = reduced(chart(tmp_path, job_db_drop=guarded("job_db_drop", job(name, "db_drop"))))
    assert [label.partition("-")[0] for label in found.anchors] == ["Job/db", "Job/db"]
    assert found.creators == ("Job/db-init",)
    assert not found.values["manifests"]["deployment_api"]


def test_a_random_password_does_not_keep_everything_on(tmp_path: Path) -> None:
    secret = guarded("secret_db", document("Secret", "db", stringData={"password": "{{ randAlphaNum 5 }}"}))
    assert {*reduced(chart(tmp_path, secret_db=secret)).kept} == {"manifests.configmap_bin", "manifests.secret_db"}


@pytest.mark.parametrize("changes", [True, False])
def test_a_toggle_that_changes_a_text_with_a_random_line_stays_on(tmp_path: Path, *, changes: bool) -> None:
    lines = [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bin}\ndata:\n  run.sh: |",
        "    key={{ randAlphaNum 9 }}",
        f"    api={'{{ .Values.manifests.deployment_api }}' if changes else 'true'}",
    ]
    found = reduced(chart(tmp_path, configmap_bin=guarded("configmap_bin", "\n".join(lines))))
    assert ("manifests.deployment_api" in found.kept) == changes


@pytest.mark.parametrize("ends_inside", [True, False])
def test_a_toggle_without_which_the_chart_does_not_render_stays_on(tmp_path: Path, *, ends_inside: bool) -> None:
    values = {"manifests": {"service_api": True}}
    service = document("Service", "api")
    text = guarded("service_api", f"{service}...") if ends_inside else guarded("service_api", service) + "...\nx: {\n"
    found = reduced(chart(tmp_path, values, service_api=text))
    reason = found.kept.get("manifests.service_api")
    assert reason is None if ends_inside else "templates/service-api.yaml" in str(reason)
    assert not found.values["manifests"]["deployment_api"]


def test_many_toggles_that_cannot_be_off_leave_the_others_off(tmp_path: Path) -> None:
    names = [f"part_{number}" for number in range(12)]
    bad = {"part_3", "part_4", "part_9"}
    texts = {
        name: guarded(name, document("ConfigMap", name))
        + (f'{{{{ if not .Values.manifests.{name} }}}}{{{{ fail "no" }}}}{{{{ end }}}}' if name in bad else "")
        for name in names
    }
    found = reduced(chart(tmp_path, {"manifests": dict.fromkeys(names, True)}, **texts))
    assert {path for path in found.kept if "part" in path} == {f"manifests.{name}" for name in bad}
    assert all(found.values["manifests"][name] is False for name in names if name not in bad)


@pytest.mark.parametrize("used", [True, False])
def test_a_toggle_that_changes_what_the_jobs_use_stays_on(tmp_path: Path, *, used: bool) -> None:
    entry = "run.sh" if used else "api.sh"
    lines = [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bin}\ndata:",
        f"  {'api.sh' if used else 'run.sh'}: 'true'",
        f"  {entry}: '{{{{ .Values.manifests.deployment_api }}}}'",
    ]
    found = reduced(chart(tmp_path, configmap_bin=guarded("configmap_bin", "\n".join(lines))))
    assert ("manifests.deployment_api" in found.kept) == used
    if used:
        assert found.kept["manifests.deployment_api"] == (
            "ConfigMap/bin, which Job/db-init uses, (templates/configmap-bin.yaml) changes with it"
        )


@pytest.mark.parametrize("named", [True, False])
def test_a_toggle_that_changes_a_job_stays_on(tmp_path: Path, *, named: bool) -> None:
    values = {"manifests": {"policy": True}}
    toggle = ".Values.manifests.policy" if named else 'index .Values.manifests (print "pol" "icy")'
    more = job("db-init", "db_init", priorityClassName=f"{{{{ {toggle} }}}}")
    found = reduced(chart(tmp_path, values, job_db_init=guarded("job_db_init", more)))
    assert found.kept["manifests.policy"] == "Job/db-init (templates/job-db-init.yaml) changes with it"
    assert not found.values["manifests"]["deployment_api"]


@pytest.mark.parametrize("kind", ["RoleBinding", "Role", "ServiceAccount", "PersistentVolumeClaim", "Secret"])
def test_every_object_of_a_job_stays(tmp_path: Path, kind: str) -> None:
    binding = {
        "roleRef": {"kind": "Role", "name": "thing"},
        "subjects": [{"kind": "ServiceAccount", "name": "thing"}],
    }
    more = {
        "serviceAccountName": "thing",
        "imagePullSecrets": [{"name": "thing"}],
        "volumes": [
            {"name": "bin", "configMap": {"name": "bin"}},
            {"name": "claim", "persistentVolumeClaim": {"claimName": "thing"}},
        ],
    }
    made = chart(
        tmp_path,
        {"manifests": {"thing": True, "unused": True}},
        job_db_init=guarded("job_db_init", job("db-init", "db_init", **more)),
        binding=document("RoleBinding", "thing", **binding) if kind == "Role" else None,
        thing=guarded("thing", document(kind, "thing", **(binding if kind == "RoleBinding" else {}))),
        unused=guarded("unused", document(kind, "unused")),
    )
    found = reduced(made)
    assert found.kept["manifests.thing"] == f"{kind}/thing, which Job/db-init uses, goes with it"
    assert "manifests.unused" not in found.kept


@pytest.mark.parametrize("waits", [True, False])
def test_a_job_that_a_job_waits_for_stays(tmp_path: Path, *, waits: bool) -> None:
    init = {"name": "wait", "image": "{{ .Values.images.api }}", "env": [{"name": "JOBS", "value": "first,x"}]}
    made = chart(
        tmp_path,
        {"manifests": {"job_first": True}},
        job_db_init=guarded("job_db_init", job("db-init", "db_init", initContainers=[init] if waits else [])),
        job_first=guarded("job_first", job("first", "api")),
    )
    assert ("manifests.job_first" in reduced(made).kept) == waits


def test_a_workload_without_a_toggle_is_left_and_runs_the_stub(tmp_path: Path) -> None:
    found = reduced(chart(tmp_path, other=deployment("other")))
    assert found.left == ("Deployment/other",)
    assert found.stubs == ("api",)


def test_a_test_pod_is_not_left_nobody_runs_it(tmp_path: Path) -> None:
    pod = document("Pod", "test", spec={"containers": [{"name": "main", "image": "{{ .Values.images.api }}"}]})
    hook = pod.replace("name: test\n", "name: test\n  annotations: {helm.sh/hook: test}\n", 1)
    assert reduced(chart(tmp_path / "a", other=hook)).left == ()
    assert reduced(chart(tmp_path / "b", other=hook.replace("hook: test", "hook: post-install"))).left == ("Pod/test",)


def osh(folder: Path, **templates: str) -> Path:
    """The chart in OpenStack-Helm's layout. Its Job `db-init` waits for what the entry `maker` says."""
    waits = {
        "name": "wait",
        "image": "{{ .Values.images.tags.api }}",
        "env": [{"name": "JOBS", "value": '{{ ((.Values.dependencies.static).maker).jobs | default "none" }}'}],
    }
    texts = {
        "job_db_init": guarded("job_db_init", job("db-init", "tags.db_init", initContainers=[waits])),
        "job_db_drop": guarded("job_db_drop", job("db-drop", "tags.db_drop")),
        "job_db_sync": guarded("job_db_sync", job("db-sync", "tags.db_sync")),
        "deployment_api": guarded("deployment_api", deployment("api", "tags.api")),
    }
    made = chart(folder, OSH, **{**texts, **templates})
    values = yaml.safe_load((made / "values.yaml").read_text())
    values["images"] = {key: entry for key, entry in values["images"].items() if entry is not None}
    (made / "values.yaml").write_text(yaml.safe_dump(values))
    return made


def test_what_is_left_waits_for_nothing_and_the_jobs_wait_as_before(tmp_path: Path) -> None:
    hook = job("trusts", "tags.api").replace(
        "name: trusts\n", "name: trusts\n  annotations: {helm.sh/hook: post-install}\n"
    )
    found = reduced(osh(tmp_path, job_trusts=hook))
    assert found.left == ("Job/trusts",)
    assert found.values["dependencies"] == {"static": {"trusts": None}}


def test_where_nothing_is_left_nothing_is_set_to_null(tmp_path: Path) -> None:
    assert "dependencies" not in reduced(osh(tmp_path)).values


def test_the_values_of_the_user_win(tmp_path: Path) -> None:
    found = reduced(chart(tmp_path), given={"manifests": {"deployment_api": True, "job_db_sync": False}})
    assert found.kept["manifests.deployment_api"] == "the given values switch it on"
    assert at(found.values, "manifests.deployment_api") is None
    assert found.left == ("Deployment/api",)


@pytest.mark.parametrize(
    ("flavor", "migrates"),
    [
        ({"images": {"db_init": "x", "db_drop": "x"}, "rest": "nothing"}, False),
        ({"services": {"other": "x"}, "rest": "nothing"}, False),
        ({"services": {"service": "x"}}, True),
        ({"images": {"db_sync": "x"}, "rest": "nothing"}, True),
        ({}, True),
    ],
)
def test_the_tables_are_made_where_the_flavor_has_an_image_of_the_service(
    tmp_path: Path, flavor: dict[str, Any], *, migrates: bool
) -> None:
    found = reduced(chart(tmp_path), Flavor(name="mine", summary="", **flavor))
    assert found.creators == (("Job/db-init", "Job/db-sync") if migrates else ("Job/db-init",))
    assert found.values["manifests"]["job_db_sync"] is migrates


def test_a_switch_that_adds_no_drop_job_is_no_reason_to_leave_a_chart_out(tmp_path: Path) -> None:
    found = reduced(chart(tmp_path, job_db_drop=None))
    assert found.anchors == found.creators == ("Job/db-init",)


def unfit(path: Path, given: dict[str, Any] | None = None) -> str:
    with pytest.raises(UnfitError) as caught:
        reduced(path, given=given)
    assert "\n" not in caught.value.message
    return caught.value.message


def without_switches(*names: str) -> dict[str, Any]:
    return {"manifests": dict.fromkeys(names)}


def test_a_chart_without_a_database_is_left_out(tmp_path: Path) -> None:
    assert "it has no database" in unfit(chart(tmp_path / "a", job_db_init=None, job_db_drop=None))
    plain = chart(tmp_path / "b", without_switches("job_db_init"), job_db_init=None, job_db_drop=None)
    values = plain / "values.yaml"
    values.write_text(values.read_text().replace("job_db", "job_x"))
    assert "it has no database" in unfit(plain)


def test_a_chart_that_drops_what_nothing_creates_is_left_out(tmp_path: Path) -> None:
    assert unfit(chart(tmp_path, job_db_init=None)) == (
        "manifests.job_db_init adds no Job that creates the database Job/db-drop drops"
    )


def test_a_chart_without_a_switch_of_a_drop_job_is_left_out(tmp_path: Path) -> None:
    made = chart(tmp_path, without_switches("job_db_drop"), job_db_drop=None)
    assert unfit(made) == "it has no switch manifests.job_db_drop: nothing drops what Job/db-init creates"


def test_a_database_of_an_operator_is_left_out(tmp_path: Path) -> None:
    resource = document("Database", "service").replace("apiVersion: v1", "apiVersion: k8s.mariadb.com/v1alpha1")
    made = chart(tmp_path / "a", job_db_init=None, database=resource)
    assert unfit(made) == "an operator makes its database, from Database/service, and no Job does"
    # A database of the chart's own Job, beside a resource that something else may make.
    assert reduced(chart(tmp_path / "b", database=resource)).creators == ("Job/db-init",)


def test_the_switch_of_an_operator_excludes_that_of_the_job(tmp_path: Path) -> None:
    made = osh(tmp_path)
    given = {"manifests": {"mariadb_db": True, "job_db_init": True}}
    assert unfit(made, given).startswith("manifests.mariadb_db is on instead of manifests.job_db_init: an operator")
    assert reduced(made, given={"manifests": {"mariadb_db": False}}).creators == ("Job/db-init",)


def test_the_user_may_switch_the_creation_off(tmp_path: Path) -> None:
    assert "given values" in unfit(chart(tmp_path), {"manifests": {"job_db_init": False}})


@pytest.mark.parametrize(
    ("url", "fits"),
    [("postgresql+psycopg2://a:b@host/x", False), ("postgres://host/x", False), ("mysql+pymysql://a:b@host/x", True)],
)
def test_a_database_of_postgresql_is_left_out(tmp_path: Path, url: str, *, fits: bool) -> None:
    secret = guarded("secret_db", document("Secret", "db", stringData={"password": url}))
    made = chart(tmp_path, secret_db=secret)
    if fits:
        assert reduced(made).creators == ("Job/db-init",)
    else:
        assert unfit(made) == "Job/db-init creates its database on a server of PostgreSQL, and there is none"


def test_a_scheme_in_what_the_jobs_do_not_read_does_not_matter(tmp_path: Path) -> None:
    secret = guarded("secret_db", document("Secret", "db", stringData={"password": "p", "other": "postgresql://x"}))
    assert reduced(chart(tmp_path, secret_db=secret)).creators == ("Job/db-init",)


def test_a_chart_that_does_not_render_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no good") as caught:
        reduced(chart(tmp_path, other='{{ fail "no good" }}'))
    assert not isinstance(caught.value, UnfitError)
