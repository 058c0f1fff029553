"""The parts of creating and observing a cluster that need none."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from osh_conformance.cluster import existing, kind
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.provision import recipes
from osh_conformance.registry import containerd, images, log

DIGEST = "sha256:" + "5" * 64


def line(request: str, agent: str = "containerd/v2.4.2", status: int = 200) -> str:
    return (
        f"2026-11-23T08:07:13.510583123Z 172.19.0.3 - - [23/Nov/2026:08:07:13 +0000] "
        f'"{request} HTTP/1.1" {status} 529 "" "{agent}"'
    )


def parse(text: str) -> list[log.RegistryRequest]:
    return list(log.parse_log([text]))


def test_log_shows_a_pull_by_tag_as_one_request() -> None:
    assert parse(line("HEAD /v2/run/r1/docker.io/library/debian/manifests/bookworm?ns=docker.io")) == [
        log.RegistryRequest(
            method="HEAD",
            repository="docker.io/library/debian",
            kind="manifests",
            reference="bookworm",
            status=200,
        )
    ]


def test_log_accepts_an_escaped_digest() -> None:
    found = parse(line(f"GET /v2/run/r1/quay.io/a/b/blobs/{DIGEST.replace(':', '%3A')}"))
    assert [(r.repository, r.kind, r.reference) for r in found] == [("quay.io/a/b", "blobs", DIGEST)]


def test_log_names_the_host_of_the_reference() -> None:
    found = parse(line("HEAD /v2/run/r1/any-other-host/a/b/manifests/1?ns=registry.example%3A5000", status=404))
    assert [(r.repository, r.status) for r in found] == [("registry.example:5000/a/b", 404)]


@pytest.mark.parametrize("agent", ["osh-conformance", "docker/20.10.24 go/go1.19"])
def test_log_omits_requests_of_the_suite(agent: str) -> None:
    assert parse(line("GET /v2/run/r1/docker.io/library/debian/manifests/bookworm", agent)) == []


@pytest.mark.parametrize("text", ["", 'time="2026" level=info msg="listening on [::]:5000"', line("GET /v2/")])
def test_log_omits_other_lines(text: str) -> None:
    assert parse(text) == []


def test_hosts_toml_names_only_the_mirror() -> None:
    data = tomllib.loads(containerd.hosts_toml("Quay.io:8443", "http://m:5000/v2/run/r1"))
    assert data == {
        "server": "http://m:5000/v2/run/r1/quay.io_8443",
        "override_path": True,
        "capabilities": ["pull", "resolve"],
    }


def test_hosts_toml_of_other_hosts_leads_to_no_image() -> None:
    data = tomllib.loads(containerd.hosts_toml("_default", "http://m:5000/v2/run/r1"))
    assert data["server"] == "http://m:5000/v2/run/r1/any-other-host"


def test_kind_config_lets_the_api_server_listen_on_this_machine_only(tmp_path: Path) -> None:
    path = tmp_path / "kind.yaml"
    path.write_text("kind: Cluster\nnetworking: {disableDefaultCNI: true}\nnodes: [{role: control-plane}]\n")
    config = kind.kind_config(path)
    assert config["networking"] == {"apiServerAddress": "127.0.0.1", "disableDefaultCNI": True}
    assert config["nodes"] == [{"role": "control-plane"}]


def test_kind_config_rejects_a_file_that_is_not_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "kind.yaml"
    path.write_text("- a\n")
    with pytest.raises(UsageError, match="not a kind configuration"):
        kind.kind_config(path)


@pytest.mark.parametrize(
    ("text", "canonical", "repository", "wanted"),
    [
        ("mariadb", "docker.io/library/mariadb:latest", "docker.io/library/mariadb", "latest"),
        ("kolla/x:1", "docker.io/kolla/x:1", "docker.io/kolla/x", "1"),
        ("localhost:5000/x:1", "localhost:5000/x:1", "localhost_5000/x", "1"),
        (f"quay.io/a/b@{DIGEST}", f"quay.io/a/b@{DIGEST}", "quay.io/a/b", DIGEST),
        (f"quay.io/a/b:1@{DIGEST}", f"quay.io/a/b:1@{DIGEST}", "quay.io/a/b", DIGEST),
    ],
)
def test_name_parses_references_as_container_runtimes_do(
    text: str, canonical: str, repository: str, wanted: str
) -> None:
    found = images.name(text)
    assert (found.canonical, found.repository, found.wanted) == (canonical, repository, wanted)


def test_name_rejects_an_invalid_reference() -> None:
    with pytest.raises(SuiteError, match="not an image reference"):
        images.name("docker.io/Upper/case:1")


def kubeconfig(path: Path, *contexts: str) -> Path:
    entries = "".join(f"- {{name: {name}, context: {{cluster: {name}-cluster, user: u}}}}\n" for name in contexts)
    path.write_text(f"apiVersion: v1\ncurrent-context: {contexts[0]}\ncontexts:\n{entries}")
    return path


def test_an_existing_cluster_needs_its_name_repeated(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "prod")
    with pytest.raises(UsageError, match="this suite did not make the cluster `prod-cluster`") as raised:
        existing.existing_cluster(path)
    assert "--allow-cluster prod-cluster" in str(raised.value)
    with pytest.raises(UsageError, match="--allow-cluster says `test`"):
        existing.existing_cluster(path, allow_cluster="test")


def test_a_kubeconfig_with_several_contexts_needs_a_context_name(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "one", "two")
    with pytest.raises(UsageError, match="which context") as raised:
        existing.existing_cluster(path)
    assert "one of: one, two" in str(raised.value)


@pytest.mark.parametrize("text", ["[", "a: b", "contexts: 1"])
def test_existing_cluster_rejects_a_file_that_is_not_a_kubeconfig(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(UsageError):
        existing.existing_cluster(path)


def test_recipes_of_this_project_are_valid() -> None:
    known = recipes.load(Path(__file__).parents[2] / "ci", offline=True)
    assert known.providing(images.REGISTRY_IMAGE) is not None
    assert known.order(known.by_name)
