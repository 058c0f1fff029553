"""Secrets of a cell: reading them from the namespace, and removing them from text."""

from __future__ import annotations

import base64
import json
from typing import Any, cast
from urllib.parse import quote

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.observe.known_secrets import KnownSecrets

PASSWORD = "p@ss w/'\"%"


class Answers:
    """Stands for the API, from which `KnownSecrets` reads two lists."""

    def __init__(self, secret: dict[str, str] | None) -> None:
        self._secret = secret

    def list(self, path: str) -> list[dict[str, Any]]:
        if self._secret is None:
            raise SuiteError("gone")
        if path.endswith("/services"):
            return [{"metadata": {"name": "database"}}]
        return [{"data": {key: base64.b64encode(value.encode()).decode() for key, value in self._secret.items()}}]


def known_secrets(secret: dict[str, str] | None, *known: str) -> KnownSecrets:
    made = KnownSecrets(cast("Any", Answers(secret)), "cell", known, ("keystone",))
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
