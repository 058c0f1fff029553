"""Secrets of a cell: reading them from the namespace, and removing them from text."""

from __future__ import annotations

import base64
import json
import string
from typing import Any, cast
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osh_conformance.errors import SuiteError
from osh_conformance.observe.known_secrets import KnownSecrets
from osh_conformance.redaction import is_word

PASSWORD = "p@ss w/'\"%"


class Answers:
    """Stands for the API, from which `KnownSecrets` reads lists: a Secret, a Service, and what a test adds."""

    def __init__(self, secret: dict[str, str] | None, more: dict[str, list[dict[str, Any]]] | None = None) -> None:
        self._secret = secret
        self._more = {"services": [{"metadata": {"name": "database"}}], **(more or {})}

    def list(self, path: str) -> list[dict[str, Any]]:
        if self._secret is None:
            raise SuiteError("gone")
        if path.endswith("/secrets"):
            return [{"data": {key: encoded(value) for key, value in self._secret.items()}}]
        return self._more.get(path.rpartition("/")[2], [])


def known_secrets(
    secret: dict[str, str] | None, *known: str, more: dict[str, list[dict[str, Any]]] | None = None
) -> KnownSecrets:
    made = KnownSecrets(cast("Any", Answers(secret, more)), "cell", known, ("keystone",))
    made.learn()
    return made


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("spell", [str, quote, lambda text: json.dumps(text)[1:-1], repr, encoded])
def test_a_secret_is_found_in_every_file_format(spell: Any) -> None:
    assert known_secrets({"password": PASSWORD}).redact(f"login {spell(PASSWORD)} failed").count("***") == 1


def test_generated_passwords_are_hidden_without_an_api_answer() -> None:
    assert known_secrets(None, "made-up").redact("made-up") == "***"


def test_host_and_release_names_in_a_secret_stay_readable() -> None:
    text = "keystone waits for database"
    assert known_secrets({"host": "database", "user": "keystone"}).redact(text) == text


@pytest.mark.parametrize(
    "file",
    [
        "[client]\nuser = observer\npassword = 0123456789abcdef\n",
        "[database]\nconnection = mysql+pymysql://keystone:0123456789abcdef@mariadb:3306/keystone\n",
        'clouds:\n  own:\n    auth:\n      username: admin\n      password: "0123456789abcdef"\n',
        '{"auths": {"registry": {"username": "me", "password": "0123456789abcdef", "email": "me@example.com"}}}',
        '{"auths": {"registry": {"auth": "' + encoded("me:0123456789abcdef") + '"}}}',
        "memcache_secret_key: 0123456789abcdef\nother: 1\n",
        "-----BEGIN PRIVATE KEY-----\n0123456789abcdef\n-----END PRIVATE KEY-----\n",
    ],
)
def test_a_password_inside_a_secret_file_is_hidden_on_its_own(file: str) -> None:
    assert known_secrets({"file": file}).redact("login 0123456789abcdef failed") == "login *** failed"


def test_other_values_in_a_secret_file_stay_readable() -> None:
    file = "[token]\nprovider = fernet\n[database]\nmax_retries = 1000000\nauth_type = v3password\npassword = x1y2z3\n"
    text = "fernet v3password 1000000"
    assert known_secrets({"file": file}).redact(text) == text


def test_a_password_is_hidden_plain_and_url_encoded() -> None:
    learnt = known_secrets({"file": "connection = mysql://keystone:p%40ss-w0rd@mariadb/keystone"})
    assert learnt.redact("p%40ss-w0rd p@ss-w0rd") == "*** ***"


def test_redact_ignores_the_line_break_at_the_end_of_a_secret() -> None:
    assert known_secrets({"password": "0123456789\n"}).redact("login 0123456789 failed") == "login *** failed"


def test_an_unreachable_api_server_is_no_error() -> None:
    class Gone:
        def list(self, _path: str) -> list[dict[str, Any]]:
            raise SuiteError("GET /api: the API server does not answer")

    made = KnownSecrets(cast("Any", Gone()), "cell", ["made-up"], ())
    made.learn()
    assert made.redact("made-up") == "***"


# -- names are no secrets ----------------------------------------------------------------------------------------------

#: What helm-toolkit writes for a user of Keystone.
_OPENRC = {
    "OS_AUTH_URL": "http://keystone-api.openstack.svc.cluster.local:5000/v3",
    "OS_INTERFACE": "internal",
    "OS_ENDPOINT_TYPE": "internal",
    "OS_REGION_NAME": "RegionOne",
    "OS_PROJECT_NAME": "service",
    "OS_USER_DOMAIN_NAME": "default-domain",
    "OS_USERNAME": "heat-trust",
    "OS_PASSWORD": "0123456789abcdef",
}


def test_users_projects_and_addresses_in_a_secret_stay_readable() -> None:
    redact = known_secrets(_OPENRC).redact
    text = "pod heat-trusts-8wmhz: job heat-trusts, user heat-trust, project service, release_of_service, RegionOne"
    assert redact(text) == text
    where = f"internal default-domain {_OPENRC['OS_AUTH_URL']}"
    assert redact(where) == where
    assert redact(encoded("heat-trust")) == encoded("heat-trust")
    assert redact("login 0123456789abcdef failed") == "login *** failed"


@pytest.mark.parametrize("key", ["userName", "DB_USER", "db-name", "rabbit.vhost", "HOST", "port", "url"])
def test_the_last_word_of_a_key_says_that_it_is_a_name(key: str) -> None:
    assert known_secrets({key: "something"}).redact("something") == "something"


@pytest.mark.parametrize("key", ["user_password", "userToken", "name-secret", "AUTH", "0", "keyring", "webhook"])
def test_any_other_entry_may_be_secret(key: str) -> None:
    assert known_secrets({key: "a1b2c3d4e5"}).redact("xa1b2c3d4e5x") == "x***x"


def test_names_in_a_file_stay_readable() -> None:
    file = """
[DEFAULT]
transport_url = rabbit://nova-user:0123456789@rabbit-one:5672,nova-user:abcdefgh12345@rabbit-two:5672/nova-vhost
[database]
connection = mysql+pymysql://heat-user:9876543210@mariadb-host:3306/heat-database
[keystone_authtoken]
username = heat-trust
project_name = service
password = heat-secret
"""
    redact = known_secrets({"heat.conf": file}).redact
    text = "nova-user rabbit-one rabbit-two nova-vhost heat-user mariadb-host heat-database heat-trust service"
    assert redact(text) == text
    assert redact("0123456789 abcdefgh12345 9876543210 heat-secret heat-secrets") == "*** *** *** *** heat-secrets"


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("jobs", {"metadata": {"name": "heat-trust"}}),
        ("configmaps", {"metadata": {"name": "heat-trust"}}),
        ("deployments", {"metadata": {"name": "other", "labels": {"application": "heat-trust"}}}),
        ("pods", {"metadata": {"name": "other"}, "spec": {"containers": [{"name": "heat-trust"}]}}),
    ],
)
def test_names_of_objects_stay_readable(kind: str, item: dict[str, Any]) -> None:
    redact = known_secrets({"password": "heat-trust"}, more={kind: [item]}).redact
    assert redact("job heat-trust ended") == "job heat-trust ended"


@pytest.mark.parametrize(
    "text",
    ["mysql://heat-trust:{}@host/heat-trust", "user = heat-trust\npassword = {}\n", r'{{"password\": \"{}\"}}'],
)
def test_a_password_that_is_also_a_name_is_hidden_where_a_password_stands(text: str) -> None:
    redact = known_secrets({"username": "heat-trust", "password": "heat-trust"}).redact
    assert redact(text.format("heat-trust")) == text.format("***")
    assert redact("user heat-trust") == "user heat-trust"


def test_a_password_that_nobody_made_up_is_hidden_though_it_is_also_a_name() -> None:
    assert known_secrets({"username": "x9f3k2m8", "password": "x9f3k2m8"}).redact("x9f3k2m8") == "***"


def test_a_short_password_is_hidden_where_a_password_stands() -> None:
    redact = known_secrets({"password": "abc12"}).redact
    assert redact("password=abc12 abc12") == "password=*** abc12"


def test_the_word_password_stays_readable() -> None:
    file = "connection = mysql+pymysql://root:password@mariadb/heat\npassword: password\n"
    text = f"{file}Access denied (using password: YES)"
    assert known_secrets({"password": "password", "heat.conf": file}).redact(text) == text


def test_keys_of_a_document_stay_readable() -> None:
    redact = known_secrets({"password": "service", "token": "a1b2c3d4"}).redact_values
    document = {"release_of_service": None, "service": [{"log": "a1b2c3d4 service", "code": 1}], "a1b2c3d4": True}
    assert redact(document) == {
        "release_of_service": None,
        "service": [{"log": "*** ***", "code": 1}],
        "a1b2c3d4": True,
    }


def test_a_password_that_a_chart_writes_into_a_configmap_is_hidden() -> None:
    file = "[database]\nconnection = mysql://nova:Zk3v9QwLmX@host/nova\n[token]\nprovider = fernet\nauth = ${TOKEN}\n"
    script = "password = os.environ['PASSWORD']\ntoken = response.headers\n"
    maps = [{"metadata": {"name": "nova-etc"}, "data": {"nova.conf": file, "login.py": script}}]
    redact = known_secrets({}, more={"configmaps": maps}).redact
    assert redact("login Zk3v9QwLmX failed") == "login *** failed"
    text = "os.environ['PASSWORD'] response.headers ${TOKEN} fernet nova host"
    assert redact(text) == text


def test_objects_that_cannot_be_listed_hide_no_secret() -> None:
    class NoPods(Answers):
        def list(self, path: str) -> list[dict[str, Any]]:
            if path.endswith("/pods"):
                raise SuiteError("forbidden")
            return super().list(path)

    made = KnownSecrets(cast("Any", NoPods({"password": "0123456789"})), "cell", (), ())
    made.learn()
    assert made.redact("0123456789") == "***"


def test_names_are_read_only_when_something_is_new() -> None:
    asked: list[str] = []

    class Counts(Answers):
        def list(self, path: str) -> list[dict[str, Any]]:
            asked.append(path.rpartition("/")[2])
            return super().list(path)

    made = KnownSecrets(cast("Any", Counts({"password": "0123456789"})), "cell", (), ())
    made.learn()
    assert "jobs" in asked
    asked.clear()
    made.learn()
    assert asked == ["secrets", "configmaps"]


_MADE_UP = st.text(string.ascii_letters + string.digits + "-_.!+", min_size=6, max_size=32).filter(
    lambda text: not is_word(text) and text[0].isalnum() and text[-1].isalnum()
)
_FILES = [
    "{}",
    "[database]\nconnection = mysql+pymysql://nova:{}@mariadb.openstack:3306/nova?charset=utf8\n",
    "[DEFAULT]\ntransport_url = rabbit://a:x1y2z3a@one:5672,nova:{}@two:5672/nova\n",
    "[keystone_authtoken]\nusername = nova\npassword = {}\nproject_name = service\n",
    'clouds:\n  own:\n    auth:\n      username: admin\n      password: "{}"\n',
    '{{"auths": {{"registry": {{"username": "me", "password": "{}"}}}}}}',
    '{{"config": "{{\\"password\\": \\"{}\\"}}"}}',
]


@pytest.mark.parametrize("file", _FILES)
@settings(max_examples=40)
@given(password=_MADE_UP)
def test_no_password_of_a_chart_is_left(file: str, password: str) -> None:
    redact = known_secrets({"content": file.format(password)}).redact
    for text in (
        f"x{password}x",
        f"mysql://nova:{password}@mariadb/nova",
        f"mysql://nova:{quote(password, safe='')}@mariadb/nova",
        f"password={quote_plus(password)}&user=nova",
        json.dumps({"log": f"line\n{password}\n"}),
        repr(password),
        encoded(password),
    ):
        assert password not in redact(text)
        assert redact(text) != text


@settings(max_examples=40)
@given(name=st.from_regex(r"[a-z]{3,9}(-[a-z]{3,9})?", fullmatch=True))
def test_no_name_is_eaten(name: str) -> None:
    secrets = {"OS_USERNAME": name, "OS_PROJECT_NAME": name, "OS_PASSWORD": "Zk3v9QwLmX", "db.conf": f"user = {name}\n"}
    text = f"{name} {name}s pod {name}-x {name}_of_x {name}@% {name}.svc /{name}/ '{name}' {encoded(name)}"
    assert known_secrets(secrets).redact(text) == text
