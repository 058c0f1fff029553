"""The logins of a Docker configuration."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.registry import credentials
from osh_conformance.registry.credentials import Keyring, read
from tests.unit.registry.world import BASIC, IDENTITY, PASSWORD, USER

if TYPE_CHECKING:
    from tests.unit.registry.conftest import User

HOST = "registry.test:5000"
_GOOD = f"""cat >/dev/null; echo '{{"ServerURL":"x","Username":"{USER}","Secret":"{PASSWORD}"}}'"""


@pytest.mark.parametrize("key", [HOST, f"https://{HOST}", f"http://{HOST}/", f"https://{HOST}/v1/", f"{HOST}/v2/team"])
def test_a_key_may_have_a_scheme_and_a_path(key: str, user: User) -> None:
    user.login(key)
    assert read(HOST).basic == BASIC


@pytest.mark.parametrize("key", ["registry.test", "registry.test:5001", "x.registry.test:5000", f"evil.test/{HOST}"])
def test_a_key_of_another_host_is_no_login(key: str, user: User) -> None:
    user.login(key)
    assert not read(HOST)


@pytest.mark.parametrize("host", ["docker.io", "registry-1.docker.io"])
@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io"])
def test_docker_hub_has_a_key_of_its_own(host: str, key: str, user: User) -> None:
    user.login(key, "quay.io")
    assert read(host).basic == BASIC


def test_docker_hubs_own_key_comes_first(user: User) -> None:
    other = base64.b64encode(b"other:word").decode()
    right = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    user.config(
        auths={
            "https://index.docker.io/v1/access-token": {"auth": other},
            "docker.io": {"auth": other},
            "https://index.docker.io/v1/": {"auth": right},
        }
    )
    assert read("docker.io").basic == BASIC


def test_a_password_may_have_colons(user: User) -> None:
    user.login(HOST, password="a:b:c")
    assert (read(HOST).username, read(HOST).password) == (USER, "a:b:c")


def test_no_configuration_is_no_login(user: User) -> None:
    assert not read(HOST)
    user.config()
    assert not read(HOST)
    user.config(auths={HOST: {}})
    assert not read(HOST)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "it is no JSON"),
        ("[]", "it has list at its top"),
        ('{"auths": []}', ""),
        ('{"auths": [1]}', "`auths` is list"),
        ('{"credHelpers": "pass"}', "`credHelpers` is str"),
        (f'{{"auths": {{"{HOST}": "x"}}}}', "`auths` has 'x'"),
        (f'{{"auths": {{"{HOST}": {{"auth": "not base64"}}}}}}', "is no base64"),
        (f'{{"auths": {{"{HOST}": {{"auth": "YWxpY2U="}}}}}}', "has no colon"),
    ],
)
def test_a_broken_configuration_is_an_error_that_names_it(content: str, found: str, user: User) -> None:
    (user.folder / "config.json").write_text(content)
    if not found:
        assert not read(HOST)
        return
    with pytest.raises(SuiteError, match=found) as raised:
        read(HOST)
    assert str(user.folder / "config.json") in raised.value.message
    assert raised.value.expected
    assert "docker login" in raised.value.fix


def test_a_password_is_in_no_text_of_a_login(user: User) -> None:
    user.config(auths={HOST: {"username": USER, "password": PASSWORD, "identitytoken": IDENTITY}})
    text = repr(read(HOST))
    assert USER in text
    assert PASSWORD not in text
    assert IDENTITY not in text


def test_a_store_gets_the_host_on_its_input(user: User) -> None:
    user.helper("world", f"""[ "$1" = get ] && [ "$(cat)" = {HOST} ] && {_GOOD.removeprefix("cat >/dev/null; ")}""")
    user.config(credsStore="world", auths={HOST: {}})
    assert read(HOST).basic == BASIC


def test_a_store_gets_docker_hubs_key(user: User) -> None:
    user.helper("world", f"""[ "$(cat)" = https://index.docker.io/v1/ ] && {_GOOD.removeprefix("cat >/dev/null; ")}""")
    user.config(credsStore="world")
    assert read("docker.io").basic == BASIC


def test_a_helper_of_a_registry_comes_before_the_store(user: User) -> None:
    user.helper("mine", _GOOD)
    user.helper("world", "exit 9")
    user.config(credsStore="world", credHelpers={HOST: "mine"})
    assert read(HOST).basic == BASIC
    assert "exit" not in read("other.test").basic
    assert read("other.test").problem == "`docker-credential-world` failed: 9"


def test_a_helper_may_return_an_identity_token(user: User) -> None:
    user.helper("world", f"""echo '{{"Username":"<token>","Secret":"{IDENTITY}"}}'""")
    user.config(credsStore="world")
    assert (read(HOST).identity_token, read(HOST).basic) == (IDENTITY, "")


def test_credentials_that_a_helper_does_not_find_are_no_problem(user: User) -> None:
    user.helper("world", 'echo "credentials not found in native keychain"; exit 1')
    user.config(credsStore="world")
    assert (bool(read(HOST)), read(HOST).problem) == (False, "")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (f"echo no JSON {PASSWORD}", "printed no JSON"),
        ("echo the keychain is locked >&2; exit 2", "failed: the keychain is locked"),
        ("exec sleep 60", "did not answer within 0.3 s"),
        (None, "cannot run `docker-credential-world`"),
    ],
)
def test_a_helper_that_fails_is_a_problem_without_a_secret(
    script: str | None, problem: str, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_HELPER", 0.3)
    if script:
        user.helper("world", script)
    user.config(credsStore="world")
    found = read(HOST)
    assert not found
    assert problem in found.problem
    assert PASSWORD not in found.problem


def test_a_keyring_reads_a_login_once(user: User) -> None:
    user.helper("world", f"echo x >>{user.folder}/calls; {_GOOD}")
    user.config(credsStore="world")
    keyring = Keyring()
    assert [keyring.of(HOST).basic for _ in range(3)] == [BASIC] * 3
    assert (user.folder / "calls").read_text() == "x\n"
