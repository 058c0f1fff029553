"""What our own charts render: TLS to the database, several databases."""

from __future__ import annotations

import base64
import json
import runpy
import shutil
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from osh_conformance.charts.source import opened
from osh_conformance.errors import SuiteError
from osh_conformance.render.engines.choice import choose
from osh_conformance.render.parse import documents_of
from tests.paths import CHARTS, KEYSTONE, LIVE_MUTANTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_SEVERAL = CHARTS / "several-databases"
_HEAT = CHARTS / "heat"
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
    assert f"&ssl_ca={_FILE}&" in _secret(keystone, "etc")["keystone.conf"].splitlines()[2]
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


# -- heat, the document's own example --------------------------------------------------------------------------------

_ORDER = (
    "bootstrap db_init db_sync db_drop ks_user ks_service ks_endpoints api cfn cloudwatch engine dep_check pull_policy"
)
_DROP: dict[str, Any] = {"manifests": {"job_db_drop": True}}


def test_the_images_section_of_heat_is_the_documents_key_for_key() -> None:
    images = yaml.safe_load((_HEAT / "values.yaml").read_text())["images"]
    assert list(images) == _ORDER.split()
    engine, api = (f"docker.io/kolla/ubuntu-source-heat-{part}:3.0.3" for part in ("engine", "api"))
    entrypoint = "docker.io/kolla/ubuntu-source-kubernetes-entrypoint:4.0.0"
    assert set(images.values()) == {engine, api, entrypoint, "IfNotPresent"}


def test_a_second_container_of_the_drop_job_removes_what_rabbit_init_creates() -> None:
    pods = _pods(_objects(_HEAT, _DROP))
    drop, init = pods["db-drop"]["containers"], pods["rabbit-init"]["containers"]
    assert [each["name"] for each in drop] == ["db-drop", "rabbit-drop"]
    assert drop[1]["image"] == drop[0]["image"]
    names = {"MESSAGING_URL", "MESSAGING_VHOST", "MESSAGING_USER"}
    made, removed = ({e["name"]: e for e in each["env"] if e["name"] in names} for each in (init[0], drop[1]))
    assert made == removed
    assert set(made) == names


def test_a_user_of_the_queue_that_the_release_does_not_create_is_not_removed() -> None:
    pods = _pods(_objects(_HEAT, {"manifests": {"job_db_drop": True, "job_rabbit_init": False}}))
    assert [each["name"] for each in pods["db-drop"]["containers"]] == ["db-drop"]


def test_without_a_message_queue_nothing_needs_one() -> None:
    objects = _objects(_HEAT, {**_DROP, "messaging": {"host": ""}})
    pods = _pods(objects)
    assert {"rabbit-init", "engine"}.isdisjoint(pods)
    assert [each["name"] for each in pods["db-drop"]["containers"]] == ["db-drop"]
    assert not [each for each in objects if each["kind"] == "Secret" and _component(each).startswith("messaging")]
    assert "transport_url = fake:/" in _secret(objects, "etc")["heat.conf"]


def test_cloudwatch_is_off_as_shipped_and_its_key_has_an_effect() -> None:
    assert "cloudwatch" not in _pods(_objects(_HEAT))
    switched_on = _pods(_objects(_HEAT, {"manifests": {"deployment_cloudwatch": True}}))
    assert switched_on["cloudwatch"]["containers"][0]["image"].endswith("heat-api:3.0.3")


def test_names_and_passwords_of_the_queue_are_encoded_in_its_url() -> None:
    messaging = {"host": "rabbitmq", "vhost": "a/b", "username": "u@x", "password": "p:$ é"}
    conf = _secret(_objects(_HEAT, {"messaging": messaging}), "etc")["heat.conf"]
    # oslo.messaging decodes the virtual host once, and its client again.
    assert "transport_url = rabbit://u%40x:p%3A%24%20%C3%A9@rabbitmq:5672/a%252Fb" in conf


@pytest.mark.parametrize("field", ["username", "password"])
def test_an_account_that_oslo_messaging_cannot_log_in_with_is_refused(field: str) -> None:
    with pytest.raises(SuiteError, match=rf"messaging\.{field}: oslo.messaging cannot log in with a / in it"):
        _objects(_HEAT, {"messaging": {"host": "rabbitmq", field: "a/b"}})


def test_a_service_registers_the_urls_of_its_components() -> None:
    service = _secret(_objects(_HEAT), "identity-service")
    assert json.loads(service["urls"])["public"].endswith("-api.conformance.svc:8004/v1/%(tenant_id)s")
    (cfn,) = json.loads(service["more"])
    assert cfn["urls"]["internal"].endswith("-cfn.conformance.svc:8000/v1")


def test_helm_tests_pod_knows_whether_there_is_a_message_queue() -> None:
    assert _variables(_pods(_objects(_HEAT))["test"])["MESSAGING_HOST"] == "rabbitmq"
    assert "MESSAGING_HOST" not in _variables(_pods(_objects(_HEAT, {"messaging": {"host": ""}}))["test"])


@pytest.mark.parametrize("service", ["barbican", "magnum", "mistral"])
def test_one_url_carries_the_account_and_the_database(service: str) -> None:
    database = {"name": _ODD[1], "username": _ODD[0], "password": _PASSWORD, "tls": {"ca": _authority()}}
    conf = _secret(_objects(CHARTS / service, {"database": database}), "etc")[f"{service}.conf"]
    urls = {line.partition(" = ")[2] for line in conf.splitlines() if "connection = " in line}
    (url,) = [urlsplit(each) for each in urls]
    # PyMySQL sends a password as Latin-1, and the server knows it as UTF-8.
    password = _PASSWORD.encode().decode("latin-1")
    expected = {"user": [_ODD[0]], "password": [password], "database": [_ODD[1]], "ssl_ca": [_FILE]}
    assert (url.netloc, url.path, parse_qs(url.query, strict_parsing=True)) == ("mariadb:3306", "/", expected)


# -- nova, with three databases, and neutron -------------------------------------------------------------------------

_NOVA = CHARTS / "nova"
_ACCOUNT = {"username": "o'd user", "password": _PASSWORD}


def _section(text: str, name: str) -> dict[str, str]:
    lines = text.partition(f"[{name}]\n")[2].partition("\n[")[0].splitlines()
    return dict(line.split(" = ", 1) for line in lines if " = " in line)


def test_no_url_of_novas_databases_has_the_account_because_nova_stores_them() -> None:
    objects = _objects(_NOVA, {"database": {**_ACCOUNT, "name": "main", "additional_names": ["top", "zero"]}})
    main = _section(_secret(objects, "etc")["nova.conf"], "database")
    assert main["connection"] == "mysql+pymysql://mariadb:3306/main?database=main"
    assert main["connection_parameters"].startswith("user=o%27d%20user&password=p%40ss")
    assert "database=" not in main["connection_parameters"]
    cell0 = _variables(_pods(objects)["db-sync"])["CELL0_CONNECTION"]
    assert cell0 == "{scheme}://{hostname}:{port}/zero?database=zero"
    top = _section(_secret(objects, "etc")["nova.conf"], "api_database")
    assert top["connection_parameters"].endswith("&database=top")


def test_a_database_of_nova_is_escaped_for_sql_before_the_question_mark_and_encoded_after_it() -> None:
    objects = _objects(_NOVA, {"database": {"name": "m`:$a", "additional_names": ["top", "z{`}"]}})
    main = _section(_secret(objects, "etc")["nova.conf"], "database")
    assert main["connection"].endswith(r"/m``\:\$a?database=m%60%3A%24a")
    cell0 = _variables(_pods(objects)["db-sync"])["CELL0_CONNECTION"]
    assert cell0.endswith("/z{{``}}?database=z%7B%60%7D")


@pytest.mark.parametrize("names", [[], ["top"], ["top", "zero", "more"]])
def test_nova_needs_two_databases_beside_its_own(names: list[str]) -> None:
    with pytest.raises(SuiteError, match=f"expected two names, for the API and for cell0, found {len(names)}"):
        _objects(_NOVA, {"database": {"additional_names": names}})


def test_a_dollar_sign_reaches_oslo_config_as_text() -> None:
    objects = _objects(_NOVA, {"identity": {"user": {"password": r"a$b\$c"}}})
    assert _section(_secret(objects, "etc")["nova.conf"], "keystone_authtoken")["password"] == r"a\$b\\$c"


def test_the_migrations_of_neutron_find_the_account_in_the_url() -> None:
    objects = _objects(CHARTS / "neutron", {"database": {**_ACCOUNT, **_tls()["database"], "name": "o'd"}})
    found = _section(_secret(objects, "etc")["neutron.conf"], "database")
    assert found["connection"].startswith("mysql+pymysql://mariadb:3306/?user=o%27d%20user&password=p%40ss")
    assert found["connection"].endswith(f"&ssl_ca={_FILE}&database=o%27d")


def test_the_test_pod_uses_the_component_that_the_chart_registers() -> None:
    objects = _objects(CHARTS / "neutron")
    pod = _pods(objects)["test"]
    url = "http://conformance-server.conformance.svc:9696"
    assert _variables(pod)["API_URL"] == url
    assert json.loads(_secret(objects, "identity-service")["urls"])["public"] == url
    assert pod["containers"][0]["image"] == _pods(objects)["server"]["containers"][0]["image"]
    assert _variables(pod | {"containers": pod["initContainers"]})["DEPENDENCY_SERVICE"] == "conformance-server"


@pytest.mark.parametrize("ca", ["", _authority()])
def test_horizons_settings_have_the_account_unchanged(ca: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pymysql = ModuleType("pymysql")
    pymysql.install_as_MySQLdb = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pymysql", pymysql)
    database = {"name": _ODD[1], "username": _ODD[0], "password": _PASSWORD, "tls": {"ca": ca}}
    for name, text in _secret(_objects(CHARTS / "horizon", {"database": database}), "etc").items():
        (tmp_path / name).write_text(text)
    found = runpy.run_path(str(tmp_path / "local_settings.py"))["DATABASES"]["default"]
    assert (found["NAME"], found["USER"], found["PASSWORD"]) == (_ODD[1], _ODD[0], _PASSWORD.encode())
    assert found["OPTIONS"].get("ssl") == ({"ca": _FILE} if ca else None)


def test_horizon_registers_nothing_in_keystone() -> None:
    names = {each["metadata"]["name"] for each in _objects(CHARTS / "horizon") if each["kind"] == "Secret"}
    assert not [each for each in names if each.endswith(("identity-user", "identity-service"))]


# -- values that are missing or wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chart", "values", "message"),
    [
        ("glance", {"components": {"api": {"command": None}}}, r"components\.api\.command: a command is needed"),
        ("glance", {"components": {"api": {"port": None}}}, r"components\.api\.port: a port is needed"),
        ("glance", {"identity": {"service": {"component": "ap"}}}, r"components\.ap: a component is needed"),
        ("glance", {"service": {"config_file": None}}, r"service\.config_file: the place .* is needed"),
        ("heat", {"messaging": {"vhost": "/"}}, r"messaging\.vhost: / belongs to the server"),
        ("glance", {"messaging": {"host": "rabbitmq"}}, r"messaging\.vhost: messaging.host names a message queue"),
        ("heat", {"service": {"encryption_key": 12345678901}}, r"service\.encryption_key: expected text"),
        ("barbican", {"crypto": {"key_encryption_key": 12345678901}}, r"crypto\.key_encryption_key: expected text"),
    ],
)
def test_the_error_names_the_value_that_is_missing_or_wrong(chart: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        _objects(CHARTS / chart, values)


def test_the_trustee_of_heat_names_no_project_because_a_trust_is_its_scope() -> None:
    trustee = _section(_secret(_objects(_HEAT), "etc")["heat.conf"], "trustee")
    assert trustee["username"] == "heat"
    assert not [name for name in trustee if name.startswith("project")]
