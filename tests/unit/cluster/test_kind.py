"""The configuration and the environment of a kind cluster."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cluster import kind, proxies
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.folders import Folders
from osh_conformance.progress import Progress
from osh_conformance.provision import runs
from osh_conformance.provision.docker import Docker
from osh_conformance.provision.registries import Registries
from osh_conformance.provision.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.provision.runs import RunFolder

_INSIDE = {"run-1-registry", "run-1-control-plane", ".svc", ".cluster.local"}


def test_the_api_server_listens_on_the_loopback_address_only(tmp_path: Path) -> None:
    path = tmp_path / "kind.yaml"
    path.write_text("kind: Cluster\nnetworking: {disableDefaultCNI: true}\nnodes: [{role: control-plane}]\n")
    config = kind.kind_config(path)
    assert config["networking"] == {"apiServerAddress": "127.0.0.1", "disableDefaultCNI": True}
    assert config["nodes"] == [{"role": "control-plane"}]


def test_a_configuration_that_is_not_a_mapping_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "kind.yaml"
    path.write_text("- a\n")
    with pytest.raises(UsageError, match=r"kind\.yaml: not a kind configuration"):
        kind.kind_config(path)


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tools:
    """The tools of a machine without any proxy."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return Tools(
        engine=Docker(program=Path("docker"), host=None, endpoint="unix:///run/d.sock"),
        kind_program=Path("kind"),
        helm=MappingProxyType({}),
        node_image=None,
        kind_config=None,
        registries=Registries(),
        folders=Folders(cache=tmp_path, state=tmp_path),
    )


def _keep(tools: Tools, run: RunFolder, *, image: str | None = None) -> None:
    with runs.own(tools.folders, run):
        run.keep({"node_image": image, "docker_host": tools.docker.address, "config": kind.kind_config(None)})


def _open(tools: Tools, keep: str | None) -> None:
    with kind.owned_cluster(tools, run_id="0a1b2c3d", progress=Progress(quiet=True), keep=keep):
        raise AssertionError("there is no Docker")


def test_a_named_cluster_that_another_run_uses_is_an_error(tools: Tools) -> None:
    run = runs.named(tools.folders, "alice")
    _keep(tools, run)
    with runs.claim(tools.folders, run), pytest.raises(SuiteError, match="another run uses the cluster kept as alice"):
        _open(tools, "alice")


def test_a_named_cluster_with_another_node_image_is_an_error_that_says_how_to_remove_it(tools: Tools) -> None:
    _keep(tools, runs.named(tools.folders, "alice"), image="kindest/node:v0")
    with pytest.raises(SuiteError, match="kept as alice cannot be used: it was made with another node image") as caught:
        _open(tools, "alice")
    assert "osh-conformance gc --kept alice" in caught.value.fix


def test_a_name_whose_first_run_was_killed_is_an_error(tools: Tools) -> None:
    with runs.own(tools.folders, runs.named(tools.folders, "alice")):
        pass
    with pytest.raises(SuiteError, match="a killed run left parts of the cluster alice"):
        _open(tools, "alice")


@pytest.mark.parametrize("keep", [None, ""])
def test_a_run_without_a_name_takes_no_named_cluster(tools: Tools, keep: str | None) -> None:
    _keep(tools, runs.named(tools.folders, "alice"))
    # It would make one of its own.
    with pytest.raises(SuiteError, match="0a1b2c3d"):
        _open(tools, keep)


def _proxies(tools: Tools) -> Mapping[str, str]:
    return {name: value for name, value in kind.kind_environment(tools, "run-1").items() if "proxy" in name.lower()}


def test_kind_uses_the_engine_and_the_network_of_the_run_and_no_kubeconfig(tools: Tools) -> None:
    environment = kind.kind_environment(tools, "run-1")
    assert environment["DOCKER_HOST"] == "unix:///run/d.sock"
    assert environment["KIND_EXPERIMENTAL_DOCKER_NETWORK"] == "run-1"
    assert environment["KUBECONFIG"] == "/dev/null"


def test_nodes_have_no_proxy_where_there_is_none(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _proxies(tools) == {}
    monkeypatch.setenv("NO_PROXY", "corp.test")
    assert _proxies(tools) == {}


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy"])
def test_nodes_ask_no_proxy_for_the_registry_of_their_run(
    tools: Tools, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://proxy.corp.test:3128")
    found = _proxies(tools)
    assert set(found) == {name.upper(), name.lower(), "NO_PROXY", "no_proxy"}
    assert found[name.upper()] == found[name.lower()] == "http://proxy.corp.test:3128"
    assert found["NO_PROXY"] == found["no_proxy"]
    assert set(found["NO_PROXY"].split(",")) == _INSIDE


def test_the_user_s_exceptions_stay_in_both_spellings(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.corp.test:3128")
    monkeypatch.setenv("NO_PROXY", "corp.test, 10.0.0.0/8,")
    monkeypatch.setenv("no_proxy", "corp.test,.svc,other.test")
    found = _proxies(tools)["no_proxy"].split(",")
    assert found[:4] == ["corp.test", "10.0.0.0/8", ".svc", "other.test"]
    assert sorted(found) == sorted({*found, *_INSIDE})


def test_docker_s_own_proxies_reach_nodes_too(tools: Tools, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = {"default": {"httpProxy": "http://d:1", "httpsProxy": "http://d:2", "noProxy": "docker.test"}}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": content}))
    found = _proxies(tools)
    assert (found["HTTP_PROXY"], found["https_proxy"]) == ("http://d:1", "http://d:2")
    assert set(found["NO_PROXY"].split(",")) == {"docker.test", *_INSIDE}
    monkeypatch.setenv("http_proxy", "http://mine:1")
    assert (_proxies(tools)["HTTP_PROXY"], _proxies(tools)["HTTPS_PROXY"]) == ("http://mine:1", "http://d:2")


def test_programs_ask_no_proxy_for_this_machine() -> None:
    found = proxies.local_exceptions({"NO_PROXY": "corp.test"})
    assert found == dict.fromkeys(("NO_PROXY", "no_proxy"), "corp.test,localhost,127.0.0.1,::1")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://127.0.0.1:6443", True),
        ("https://localhost:1", True),
        ("https://[::1]:1", True),
        ("https://10.0.0.1:6443", False),
        ("https://api.example.test", False),
        ("", False),
    ],
)
def test_loopback_addresses_are_known(url: str, expected: object) -> None:
    assert proxies.is_loopback(url) is expected
