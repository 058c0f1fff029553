"""What the static rules derive from a rendering, and that no manifest, however odd, breaks them."""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.charts.source import Reader
from osh_conformance.manifests.mounts import Place, file_at
from osh_conformance.manifests.pods import pods
from osh_conformance.model.chart import Document, RenderedChart, Rendering
from osh_conformance.render.parse import containers_in
from osh_conformance.render.renderings import Job, render_chart
from osh_conformance.rules import registry
from osh_conformance.rules.shared.databases import Database, databases
from osh_conformance.rules.shared.image_keys import in_name
from tests.case_charts import case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.manifests.pods import Pod

_URL = "mysql+pymysql://user:p@ss:w/rd@{host}/{database}?charset=utf8"
_VOLUMES = [
    {"name": "bin", "configMap": {"name": "bin"}},
    {"name": "etc", "secret": {"secretName": "etc", "items": [{"key": "conf", "path": "renamed.conf"}]}},
    {"name": "tmp", "emptyDir": {}},
    {"name": "host", "hostPath": {"path": "/"}},
    {"name": "elsewhere", "secret": {"secretName": "made-by-hand"}},
]
_MOUNTS = [
    {"name": "bin", "mountPath": "/scripts"},
    {"name": "etc", "mountPath": "/etc/service/"},
    {"name": "bin", "mountPath": "/work-dir/run.py", "subPath": "run.py"},
    {"name": "tmp", "mountPath": "/work-dir"},
    {"name": "host", "mountPath": "/host"},
    {"name": "elsewhere", "mountPath": "/elsewhere"},
]


def _pod(container: Mapping[str, Any], *objects: Mapping[str, Any]) -> tuple[Pod, Mapping[str, Any]]:
    """A Job with one container, beside `objects`."""
    entry = {"name": "db-init", "image": "a", "volumeMounts": _MOUNTS, **container}
    job = {
        "kind": "Job",
        "metadata": {"name": "db-init"},
        "spec": {"template": {"spec": {"containers": [entry], "volumes": _VOLUMES}}},
    }
    documents = tuple(
        Document(template="templates/x.yaml", occurrence=number, content=content)
        for number, content in enumerate((job, *objects))
    )
    rendering = Rendering(name="shipped", values={}, documents=documents, containers=containers_in(documents))
    chart = RenderedChart(name="x", version="1", folder="", convention=None, containers=rendering.containers)
    (pod,) = pods(chart, rendering)
    return pod, entry


def _config_map(**data: str) -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": "bin"}, "data": data}


def _secret(**data: str) -> dict[str, Any]:
    return {"kind": "Secret", "metadata": {"name": "etc"}, "stringData": data}


def _env(**values: str) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _of_key(name: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


@pytest.mark.parametrize(
    ("path", "place", "key"),
    [
        ("/scripts/a.sh", Place.PRESENT, "a.sh"),
        ("/scripts/b.sh", Place.ABSENT, "b.sh"),
        ("/etc/service/renamed.conf", Place.PRESENT, "conf"),
        ("/etc/service/conf", Place.ABSENT, "conf"),
        ("/work-dir/run.py", Place.ABSENT, "run.py"),
        ("/work-dir/other", Place.EMPTY, ""),
        ("/host/etc/passwd", Place.OTHER, ""),
        ("/elsewhere/x", Place.EXTERNAL, "x"),
        ("/scripts-and-more/a.sh", Place.IMAGE, ""),
    ],
)
def test_what_stands_at_a_path(path: str, place: Place, key: str) -> None:
    pod, entry = _pod({}, _config_map(**{"a.sh": "#!/bin/sh\n"}), _secret(conf="[a]\n"))
    found = file_at(pod, entry, path)
    assert (found.place, found.key) == (place, key)


_OSLO = _env(OPENSTACK_CONFIG_FILE="/etc/service/renamed.conf", OPENSTACK_CONFIG_DB_SECTION="db")
_KEY = _env(OPENSTACK_CONFIG_DB_KEY="connection")
_PYTHON = """#!/usr/bin/env python3
parser.read("/etc/service/renamed.conf")
url = parser.get("db", "connection")
"""


@pytest.mark.parametrize(
    "container",
    [
        {"env": [*_OSLO, *_KEY]},
        {"env": [_of_key("DB_CONNECTION", "etc", "url")]},
        {"env": _env(DB_NAME="one", DB_USER="user", DB_HOST="server")},
        {"envFrom": [{"secretRef": {"name": "etc"}, "prefix": "DB_"}]},
        {"command": ["python3", "/scripts/run.py"]},
        {"command": ["/bin/sh", "/scripts/run.sh"]},
    ],
    ids=["ini", "connection", "names", "all-of-a-secret", "python", "sql"],
)
def test_each_way_of_naming_a_database_is_understood(container: Mapping[str, Any]) -> None:
    url = _URL.format(host="server:3306", database="one")
    scripts = {"run.py": _PYTHON, "run.sh": "#!/bin/sh\n# CREATE DATABASE remark\nmysql -e 'CREATE DATABASE `one`;'\n"}
    pod, entry = _pod(
        container, _config_map(**scripts), _secret(conf=f"[db]\nconnection = {url}\n", url=url, NAME="one")
    )
    (found,) = databases(pod, entry)
    assert found.same(Database(origin=("reference",), identity=("server", "one", "user"))) is True
    assert found.same(Database(origin=("reference",), identity=("server", "other", "user"))) is False


@pytest.mark.parametrize(
    "container",
    [
        {},
        {"command": ["/scripts/run.sh"]},
        {"env": _OSLO},
        {"env": [{"name": "DB_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
    ],
    ids=["nothing", "made-when-it-runs", "half-of-it", "from-the-pod"],
)
def test_what_is_not_said_is_not_guessed(container: Mapping[str, Any]) -> None:
    pod, entry = _pod(container, _config_map(**{"run.sh": '#!/bin/sh\nmysql -e "CREATE DATABASE $NAME"\n'}))
    assert databases(pod, entry) == frozenset()


def test_databases_are_told_apart_only_where_both_are_known() -> None:
    one = Database(origin=("a",), identity=("mariadb.there.svc:3306", "x", "x"))
    assert one.same(Database(origin=("b",), identity=("mariadb", "x", "x"))) is True
    assert one.same(Database(origin=("b",), identity=("postgresql", "x", "x"))) is None
    assert one.same(Database(origin=("b",), identity=("mariadb", "x", "y"))) is False
    assert one.same(Database(origin=("b",))) is None
    assert one.same(Database(origin=("ini", "Secret", "s", "f", "a", "b"), absent=True)) is False
    assert one.same(Database(origin=("a",))) is True


@pytest.mark.parametrize(
    ("name", "functions"),
    [
        ("keystone-db-init-0", {"db_init"}),
        ("heat_ks_user", {"ks_user"}),
        ("compute-ks-endpoints-admin", {"ks_endpoints"}),
        ("wait-for-db-sync", set()),
        ("db-synchronizer", set()),
        ("bootstrap-ks-user", {"bootstrap", "ks_user"}),
    ],
)
def test_what_a_name_says(name: str, functions: set[str]) -> None:
    assert in_name(name) == functions


def _chart(name: str) -> RenderedChart:
    files = Reader().read(case(name))
    return render_chart(Job(name=files.name, version=files.version, files=files.files), lambda: None)


def _twisted(content: Any, chance: random.Random) -> Any:
    """Put something of another type somewhere into an object, or take something away."""
    result = copy.deepcopy(content)
    here: Any = result
    while True:
        places = list(here) if isinstance(here, dict) else list(range(len(here)))
        place = chance.choice(places)
        inner = here[place]
        if isinstance(inner, dict | list) and inner and chance.random() < 0.8:
            here = inner
            continue
        here[place] = chance.choice(
            (None, "", "text", 0, -1.5, True, [], {}, [None, 3], {"a": None}, [["x"]], {"name": 7})
        )
        return result


@pytest.mark.parametrize("name", ["clean-drop-oslo", "clean-tags", "drop-2-account-is-a-hook"])
def test_no_manifest_breaks_a_rule(name: str) -> None:
    chart = _chart(name)
    chance = random.Random(name)  # noqa: S311
    for _ in range(150):
        twisted = {}
        for label, rendering in chart.renderings.items():
            documents = tuple(
                replace(document, content=_twisted(document.content, chance)) if chance.random() < 0.5 else document
                for document in rendering.documents
            )
            containers = tuple(container for container in containers_in(documents) if container.own)
            twisted[label] = replace(rendering, documents=documents, containers=containers)
        odd = replace(chart, renderings=twisted, containers=twisted["shipped"].containers)
        for rule, judge in registry.static_rules().items():
            assert judge(odd).rule == rule
