"""The file of --image-pull-secret: its logins, the hosts that they are for, and files without any."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.config.pull_secret import PullSecret, read
from osh_conformance.config.resolve import live_options
from osh_conformance.errors import UsageError
from tests.paths import KEYSTONE

if TYPE_CHECKING:
    from pathlib import Path

_AUTH = base64.b64encode(b"robot:a-password").decode()


def _file(folder: Path, content: Any) -> Path:
    file = folder / "config.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def test_a_secret_has_the_logins_of_the_file_and_nothing_else(tmp_path: Path) -> None:
    content = {"auths": {"registry.example": {"auth": _AUTH}, "empty.example": {}}, "HttpHeaders": {"X": "y"}}
    found = read(_file(tmp_path, content))
    assert json.loads(found.content) == {"auths": {"registry.example": {"auth": _AUTH}}}


def test_the_password_is_a_secret_however_the_file_spells_it(tmp_path: Path) -> None:
    entries = {"one.example": {"auth": _AUTH}, "two.example": {"username": "robot", "password": "another-password"}}
    found = read(_file(tmp_path, {"auths": {**entries, "three.example": {"identitytoken": "a-token"}}}))
    assert set(found.secrets) == {_AUTH, "a-password", "another-password", "a-token"}
    assert not [text for text in found.secrets if text in repr(found)]


@pytest.mark.parametrize(
    ("key", "host", "covered"),
    [
        ("registry.example:5000", "registry.example:5000", True),
        ("https://registry.example/v2/", "registry.example", True),
        ("https://index.docker.io/v1/", "docker.io", True),
        ("*.example", "registry.example", True),
        ("registry.example", "quay.io", False),
        ("registry.example", "registry.example:5000", False),
    ],
)
def test_a_login_is_for_the_host_of_its_key(key: str, host: str, covered: bool) -> None:  # noqa: FBT001
    assert PullSecret(auths={key: {"auth": _AUTH}}).covers(host) is covered


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "no login"),
        ({"auths": []}, "no login"),
        ({"auths": {"registry.example": "secret-text"}}, "no login"),
        ({"auths": {"registry.example": {}}, "credsStore": "desktop"}, "a credential helper keeps them"),
        ({"credHelpers": {"registry.example": "desktop"}}, "a credential helper keeps them"),
    ],
)
def test_a_file_without_logins_is_one_clear_error_without_its_content(content: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words) as error:
        read(_file(tmp_path, content))
    assert str(tmp_path / "config.json") in error.value.message
    assert "secret-text" not in str(error.value)


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.json"):
        read(tmp_path / "absent.json")


def test_the_option_and_the_key_of_the_configuration_file_give_the_same_secret(tmp_path: Path) -> None:
    file = _file(tmp_path, {"auths": {"registry.example": {"auth": _AUTH}}})
    config = tmp_path / "osh-conformance.toml"
    config.write_text('image-pull-secret = "config.json"')
    by_option = live_options({"paths": (KEYSTONE,), "image_pull_secret": file})
    by_key = live_options({"paths": (KEYSTONE,), "config": config})
    assert by_option.image_pull_secret == by_key.image_pull_secret != None  # noqa: E711
    assert by_option.repeated == ("--image-pull-secret", str(file))
    assert live_options({"paths": (KEYSTONE,)}).image_pull_secret is None


def test_an_error_names_the_option_or_the_line_of_the_configuration_file(tmp_path: Path) -> None:
    _file(tmp_path, "{")
    with pytest.raises(UsageError, match=r"--image-pull-secret \S+config\.json: is not JSON"):
        live_options({"paths": (KEYSTONE,), "image_pull_secret": tmp_path / "config.json"})
    config = tmp_path / "osh-conformance.toml"
    config.write_text('strict = true\nimage-pull-secret = "config.json"')
    with pytest.raises(UsageError, match=r"osh-conformance\.toml:2 \S+config\.json: is not JSON"):
        live_options({"paths": (KEYSTONE,), "config": config})
