"""Secrets of a cell: what is learnt from the namespace, and how it is taken out of text."""

from __future__ import annotations

import base64
import json
from typing import Any, cast
from urllib.parse import quote

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.observe.hidden import Hidden

PASSWORD = "p@ss w/'\"%"


class Answers:
    """Stands for the API in what `Hidden` asks it: two lists."""

    def __init__(self, secret: dict[str, str] | None) -> None:
        self._secret = secret

    def list(self, path: str) -> list[dict[str, Any]]:
        if self._secret is None:
            raise SuiteError("gone")
        if path.endswith("/services"):
            return [{"metadata": {"name": "database"}}]
        return [{"data": {key: base64.b64encode(value.encode()).decode() for key, value in self._secret.items()}}]


def hidden(secret: dict[str, str] | None, *known: str) -> Hidden:
    made = Hidden(cast("Any", Answers(secret)), "cell", known, ("keystone",))
    made.learn()
    return made


@pytest.mark.parametrize("spell", [str, quote, lambda text: json.dumps(text)[1:-1], repr])
def test_a_secret_is_found_however_it_is_spelled(spell: Any) -> None:
    assert hidden({"password": PASSWORD}).redact(f"login {spell(PASSWORD)} failed").count("***") == 1


def test_what_the_suite_made_up_is_hidden_without_an_answer() -> None:
    assert hidden(None, "made-up").redact("made-up") == "***"


def test_hosts_and_releases_that_a_secret_holds_stay_readable() -> None:
    text = "keystone waits for database"
    assert hidden({"host": "database", "user": "keystone"}).redact(text) == text
