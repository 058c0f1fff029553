"""The databases that are derived from the inputs of a Job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.rules.shared.databases import Database, databases
from tests.unit.manifests.job import config_map, pod, secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_URL = "mysql+pymysql://user:p@ss:w/rd@{host}/{database}?charset=utf8"


def _env(**values: str) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _of_key(name: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


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
def test_a_database_is_derived_from_each_kind_of_input(container: Mapping[str, Any]) -> None:
    url = _URL.format(host="server:3306", database="one")
    scripts = {"run.py": _PYTHON, "run.sh": "#!/bin/sh\n# CREATE DATABASE remark\nmysql -e 'CREATE DATABASE `one`;'\n"}
    job, entry = pod(container, config_map(**scripts), secret(conf=f"[db]\nconnection = {url}\n", url=url, NAME="one"))
    (found,) = databases(job, entry, creates=True)
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
    ids=["nothing", "composed-at-run-time", "half-of-it", "from-the-pod"],
)
def test_no_database_is_derived_from_incomplete_inputs(container: Mapping[str, Any]) -> None:
    job, entry = pod(container, config_map(**{"run.sh": '#!/bin/sh\nmysql -e "CREATE DATABASE $NAME"\n'}))
    assert databases(job, entry, creates=True) == frozenset()


def test_two_databases_differ_only_if_both_are_known() -> None:
    one = Database(origin=("a",), identity=("mariadb.there.svc:3306", "x", "x"))
    assert one.same(Database(origin=("b",), identity=("mariadb", "x", "x"))) is True
    assert one.same(Database(origin=("b",), identity=("postgresql", "x", "x"))) is None
    assert one.same(Database(origin=("b",), identity=("mariadb", "x", "y"))) is False
    assert one.same(Database(origin=("b",))) is None
    assert one.same(Database(origin=("ini", "Secret", "s", "f", "a", "b"), absent=True)) is False
    assert one.same(Database(origin=("a",))) is True
