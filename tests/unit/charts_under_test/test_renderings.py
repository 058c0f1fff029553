"""What our own charts render: TLS to the database, several databases."""

from __future__ import annotations

import base64
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.charts.source import opened
from osh_conformance.errors import SuiteError
from osh_conformance.render.engines.choice import choose
from osh_conformance.render.parse import documents_of
from tests.paths import CHARTS, KEYSTONE, LIVE_MUTANTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_SEVERAL = CHARTS / "several-databases"
_FILE = "/database-ca/ca.crt"
_ODD = ["sev'er-al", 'several`api"x', "sévéral%_ cell0"]
_PASSWORD = "p@ss /%:'\"\\$é"


def _authority(text: str = "x") -> str:
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"


def _tls(text: str = "x") -> dict[str, Any]:
    return {"database": {"tls": {"ca": _authority(text)}}, "manifests": {"job_db_drop": True}}


def _objects(chart: Path, values: Mapping[str, Any] | None = None) -> list[Any]:
    with opened(chart) as source:
        return [document.content for document in documents_of(choose("sdk").render(source.folder, values or {}))]


def _component(found: Any) -> str:
    return str(found["metadata"]["labels"]["app.kubernetes.io/component"])


def _pods(objects: Iterable[Any]) -> dict[str, Any]:
    """The spec of each pod, by component."""
    workloads = [each for each in objects if each["kind"] in ("Deployment", "Job", "Pod")]
    return {
        _component(each): each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
        for each in workloads
    }


def _jobs(objects: Iterable[Any]) -> dict[str, str]:
    """The name of each Job, by component."""
    return {_component(each): each["metadata"]["name"] for each in objects if each["kind"] == "Job"}


def _secret(objects: Iterable[Any], suffix: str) -> dict[str, str]:
    (found,) = [each for each in objects if each["kind"] == "Secret" and _component(each) == suffix]
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def _variables(pod: Any) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in pod["containers"][0]["env"]}


def _mounts(pod: Any) -> dict[str, str]:
    return {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A chart without `database.tls` in its values."""
    shutil.copytree(LIVE_MUTANTS / "base", tmp_path / "base")
    shutil.copytree(CHARTS / "library", tmp_path / "base" / "charts" / "conformance-library")
    return tmp_path / "base"


@pytest.mark.parametrize("chart", [KEYSTONE, _SEVERAL])
def test_a_chart_without_an_authority_renders_no_tls(chart: Path) -> None:
    objects = _objects(chart, {"manifests": {"job_db_drop": True}})
    assert all("DB_CA" not in _variables(pod) and "database-ca" not in _mounts(pod) for pod in _pods(objects).values())
    assert "ca" not in _secret(objects, "db")


def test_a_chart_may_have_no_tls_values(base: Path) -> None:
    pods = _pods(_objects(base, {"manifests": {"job_db_drop": True}}))
    assert set(pods) == {"db-init", "db-drop"}
    assert "DB_CA" not in _variables(pods["db-init"])


@pytest.mark.parametrize(
    ("chart", "components"),
    [
        (KEYSTONE, {"db-init", "db-drop", "db-sync", "bootstrap", "api"}),
        (_SEVERAL, {"db-init", "db-drop", "db-sync", "worker"}),
    ],
)
def test_the_authority_is_mounted_only_where_the_database_is_used(chart: Path, components: set[str]) -> None:
    pods = _pods(_objects(chart, _tls()))
    assert {name for name, pod in pods.items() if "database-ca" in _mounts(pod)} == components
    for name in components:
        assert _mounts(pods[name])["database-ca"] == "/database-ca"
        (volume,) = [each for each in pods[name]["volumes"] if each["name"] == "database-ca"]
        assert volume["secret"]["items"] == [{"key": "ca", "path": "ca.crt"}]
        assert volume["secret"]["defaultMode"] == 0o440


@pytest.mark.parametrize("chart", [KEYSTONE, _SEVERAL])
def test_the_authority_is_in_a_secret_of_the_release(chart: Path) -> None:
    assert _secret(_objects(chart, _tls()), "db")["ca"] == _authority()


def test_each_script_and_the_service_get_the_path_of_the_authority() -> None:
    keystone, several = _objects(KEYSTONE, _tls()), _pods(_objects(_SEVERAL, _tls()))
    assert _secret(keystone, "etc")["keystone.conf"].splitlines()[2].endswith(f"&ssl_ca={_FILE}")
    components = {"db-init", "db-drop", "db-sync", "worker"}
    assert {name for name, pod in several.items() if _variables(pod).get("DB_CA") == _FILE} == components


@pytest.mark.parametrize(("chart", "deployment"), [(KEYSTONE, "api"), (_SEVERAL, "worker")])
def test_another_authority_changes_job_and_pod(chart: Path, deployment: str) -> None:
    first, second = _objects(chart, _tls("x")), _objects(chart, _tls("y"))
    same = {name for name, job in _jobs(first).items() if _jobs(second)[name] == job}
    assert not same & {"db-init", "db-sync", "bootstrap"}
    assert "db-drop" in same
    assert _checksum(first, deployment) != _checksum(second, deployment)


def _checksum(objects: Iterable[Any], component: str) -> str:
    (found,) = [each for each in objects if each["kind"] == "Deployment" and _component(each) == component]
    return str(found["spec"]["template"]["metadata"]["annotations"]["checksum/inputs"])


@pytest.mark.parametrize(
    ("database", "message"),
    [
        ({"tls": {"ca": "/etc/ssl/ca.crt"}}, r"database\.tls\.ca: .*PEM"),
        ({"tls": {"ca": 7}}, r"database\.tls\.ca: .*text"),
        ({"additional_names": ["a", 12345678901]}, r"database\.additional_names\[1\]: .*text"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused(database: dict[str, Any], message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        _objects(_SEVERAL, {"database": database})


def test_names_and_passwords_of_any_characters_arrive_unchanged() -> None:
    database = {"name": _ODD[0], "additional_names": _ODD[1:], "username": _ODD[0], "password": _PASSWORD}
    secret = _secret(_objects(_SEVERAL, {"database": database}), "db")
    assert json.loads(secret["names"]) == _ODD
    assert (secret["username"], secret["password"]) == (_ODD[0], _PASSWORD)


def test_a_chart_without_additional_names_has_one_database() -> None:
    assert json.loads(_secret(_objects(KEYSTONE), "db")["names"]) == ["keystone"]


def test_a_job_of_the_chart_replaces_that_of_the_library() -> None:
    pod = _pods(_objects(_SEVERAL))["db-sync"]
    assert pod["containers"][0]["command"] == ["python3", "/scripts/db_sync.py"]


def test_a_service_gets_no_administrator_credentials() -> None:
    pods = _pods(_objects(_SEVERAL))
    for name in ("db-sync", "worker"):
        assert not [variable for variable in _variables(pods[name]) if variable.startswith("DB_ADMIN")]
