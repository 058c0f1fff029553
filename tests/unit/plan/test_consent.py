"""The suite lists what a chart requests beyond its own namespace, and installs nothing unless the user allows it."""

from __future__ import annotations

import io
import tarfile
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.live import session
from osh_conformance.live.runtimes import RUNTIME_LABEL
from osh_conformance.manifests.privileges import as_lines, requested_access
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.progress import Progress
from osh_conformance.render.parse import documents_of
from tests.paths import KEYSTONE, ROOT
from tests.unit.privileged_charts import HOOK, LEVELS, PRIVILEGED_POD, ROLE, chart, refused, suite

if TYPE_CHECKING:
    from pathlib import Path

MARIADB = ROOT / "src" / "osh_conformance" / "data" / "infrastructure" / "mariadb"


def test_our_own_charts_request_nothing() -> None:
    found = LiveSuite(LiveOptions(paths=(KEYSTONE.parent,), flavors=("all",)))
    assert found.privileged() == {}
    assert all(found.pod_security(cell_run) == LEVELS["baseline"] for cell_run in found.cell_runs)


def test_every_chart_of_a_tree_is_listed_with_all_its_requests(tmp_path: Path) -> None:
    chart(tmp_path, "clean")
    agent = chart(tmp_path, "agent", templates__agent=PRIVILEGED_POD)
    reader = chart(tmp_path, "reader", templates__role=ROLE)
    message = refused(tmp_path)
    assert "--allow-privileged" in message
    lines = [line.strip(" |") for line in message.splitlines()]
    assert lines[lines.index(str(agent)) :][:4] == [
        str(agent),
        "Pod/agent: hostPath /run",
        "Pod/agent agent: privileged",
        str(reader),
    ]
    assert "ClusterRole/reader" in message


def test_a_hook_is_listed(tmp_path: Path) -> None:
    assert "Pod/agent agent: privileged" in refused(chart(tmp_path, "x", templates__agent={**PRIVILEGED_POD, **HOOK}))


def test_a_pod_that_renders_only_with_the_drop_job_is_listed(tmp_path: Path) -> None:
    text = "{{ if .Values.manifests.job_db_drop }}" + yaml.safe_dump(PRIVILEGED_POD) + "{{ end }}"
    made = chart(tmp_path, "x", templates__agent=text)
    assert "Pod/agent agent: privileged" in refused(made, scenarios=("drop-disabled",))


def test_a_pod_that_renders_only_with_the_users_values_is_listed(tmp_path: Path) -> None:
    text = "{{ if .Values.agent }}" + yaml.safe_dump(PRIVILEGED_POD) + "{{ end }}"
    made = chart(tmp_path, "x", templates__agent=text)
    assert suite(made).privileged() == {}
    assert "Pod/agent agent: privileged" in refused(made, values={"agent": True})


def test_the_previous_version_is_listed_only_where_a_scenario_installs_it(tmp_path: Path) -> None:
    made = chart(tmp_path, "x")
    old = chart(tmp_path / "old", "x", templates__agent=PRIVILEGED_POD)
    catalog = {"osh_conformance_catalog": 1, "charts": [{"path": "x", "previous": str(old.relative_to(tmp_path))}]}
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump(catalog))
    assert "Pod/agent agent: privileged" in refused(made, scenarios=("previous-version",))
    assert suite(made, scenarios=("drop-enabled",)).privileged() == {}


def test_custom_resource_definitions_outside_of_templates_are_listed(tmp_path: Path) -> None:
    definition = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    made = chart(tmp_path, "x", crds__cloud={**definition, "metadata": {"name": "clouds.example.com"}})
    archived = {
        "Chart.yaml": "apiVersion: v2\nname: inner\nversion: 1.0.0\n",
        "crds/rain.yaml": yaml.safe_dump({**definition, "metadata": {"name": "rains.example.com"}}),
    }
    (made / "charts").mkdir(exist_ok=True)
    with tarfile.open(made / "charts" / "inner-1.0.0.tgz", "w:gz") as archive:
        for name, text in archived.items():
            member = tarfile.TarInfo(f"inner/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    message = refused(made)
    assert "CustomResourceDefinition/clouds.example.com" in message
    assert "CustomResourceDefinition/rains.example.com" in message


def test_a_chart_without_images_is_rendered_with_those_of_the_flavor(tmp_path: Path) -> None:
    made = chart(tmp_path, "keystone", templates__agent=PRIVILEGED_POD)
    file = made / "templates" / "agent.yaml"
    file.write_text(file.read_text() + '# {{ required "no image" .Values.images.agent }}\n')
    values = made / "values.yaml"
    values.write_text(values.read_text().replace("images:\n", "images:\n  agent: ''\n", 1))
    with pytest.raises(UsageError, match="Pod/agent agent: privileged"):
        LiveSuite(LiveOptions(paths=(made,), flavors=("distribution",)))


def test_a_chart_that_does_not_render_keeps_its_cells(tmp_path: Path) -> None:
    broken = chart(tmp_path, "broken", templates__broken='{{ fail "on purpose" }}')
    assert suite(broken).cell_runs


def test_a_scenario_without_the_chart_needs_no_consent(tmp_path: Path) -> None:
    found = suite(chart(tmp_path, "x", templates__agent=PRIVILEGED_POD), scenarios=("pull-policy",))
    assert [found.pod_security(cell_run) for cell_run in found.cell_runs] == [LEVELS["baseline"]]


def test_an_allowed_chart_gets_privileged_namespaces_and_is_run_again_as_allowed(tmp_path: Path) -> None:
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    found = suite(made, allow_privileged=True)
    levels = {cell_run.scenario.name: found.pod_security(cell_run) for cell_run in found.cell_runs}
    assert found.privileged() == {str(made): ["Pod/agent: hostPath /run", "Pod/agent agent: privileged"]}
    assert levels == {**dict.fromkeys(levels, LEVELS["privileged"]), "pull-policy": LEVELS["baseline"]}
    assert all(found.command(cell_run).endswith(" --allow-privileged") for cell_run in found.cell_runs)


def test_a_command_without_consent_has_no_allow_privileged() -> None:
    found = suite(KEYSTONE)
    assert "--allow-privileged" not in found.command(found.cell_runs[0])


def test_a_namespace_has_the_label_of_its_level_beside_those_of_the_run() -> None:
    found = suite(KEYSTONE, runtimes=("crun",))
    labels = session.LiveSession.labels(
        cast("Any", SimpleNamespace(suite=found, run_label={"osh-conformance.run": "live-1"})), found.cell_runs[0]
    )
    assert labels["osh-conformance.run"] == "live-1"
    assert labels.items() > LEVELS["baseline"].items()
    assert labels[RUNTIME_LABEL] == "crun"


def test_allowed_requests_are_printed_before_the_setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_engine(*_: object, **_options: object) -> None:
        raise SuiteError("no engine")

    monkeypatch.setattr("osh_conformance.live.session.provided.find", no_engine)
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    found, printed = suite(made, allow_privileged=True), io.StringIO()
    with pytest.raises(SuiteError, match="no engine"), session.open_session(found, found.cell_runs, Progress(printed)):
        pass
    (line,) = printed.getvalue().splitlines()
    assert str(made) in line
    assert "Pod/agent: hostPath /run; Pod/agent agent: privileged" in line


def test_the_database_server_of_the_suite_stays_within_baseline() -> None:
    renderer = LiveSuite(LiveOptions(paths=(KEYSTONE,), scenarios=("pull-policy",))).renderer
    texts = renderer.render(MARIADB, {"root": {"password": "none"}}, "infrastructure-mariadb", "own")
    assert as_lines(requested_access(documents_of(texts), "own")) == []
