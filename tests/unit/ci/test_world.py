"""The parts of `ci.world` that need no world: the journal's rules, publishing, the witness, and the rows as data."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from ci.world import journal, network, publishing, rows, running, things, witness
from ci.world.journal import Entry
from osh_conformance.errors import SuiteError
from osh_conformance.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

_HOSTS = publishing.internet().hosts
_BEARER = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'


def _request(host: str, path: str = "/v2/", **fields: Any) -> Entry:
    return Entry(kind="http", host=host, path=path, **fields)


@pytest.mark.parametrize(
    "entry",
    [
        _request("registry-1.docker.io", "/v2/oshconformance/keystone/manifests/1"),
        _request("registry-1.docker.io", "/v2/library/osh-conformance/manifests/1"),
        _request("auth.docker.io", "/token", scope="repository:oshconformance/keystone:pull"),
        Entry(kind="dns", host="osh-conformance.invalid"),
        Entry(kind="proxy", host="osh-conformance.invalid:443", method="CONNECT"),
    ],
)
def test_a_question_for_a_name_of_ours_is_found(entry: Entry) -> None:
    assert journal.asks_for_ours([_request("quay.io", "/v2/acme/keystone/manifests/1"), entry]) == [
        f"a public registry was asked for a name of ours: {entry}"
    ]


def test_the_name_of_a_run_is_no_name_of_an_image() -> None:
    assert not journal.asks_for_ours([Entry(kind="dns", host="osh-conformance-0a1b2c3d-registry")])


def test_a_password_for_a_host_that_asked_is_no_stray() -> None:
    asked = _request("registry.corp.test", challenge='Basic realm="corp"')
    assert not journal.stray_credentials([asked, _request("registry.corp.test", auth="Basic")], _HOSTS)


def test_a_password_for_the_realm_that_a_registry_names_is_no_stray() -> None:
    asked = _request("registry-1.docker.io", challenge=_BEARER)
    later = [_request("auth.docker.io", "/token", auth="Basic"), _request("registry-1.docker.io", auth="Bearer")]
    assert not journal.stray_credentials([asked, *later], _HOSTS)


@pytest.mark.parametrize(
    ("before", "stray"),
    [
        (_request("quay.io"), _request("registry.corp.test", auth="Basic")),
        (_request("registry-1.docker.io", challenge=_BEARER), _request("login.identity.test", "/token", auth="Basic")),
        (_request("registry-1.docker.io", challenge=_BEARER), _request("auth.docker.io", "/token", auth="form")),
        (
            _request("registry-1.docker.io", challenge=_BEARER),
            _request("production.cloudflare.docker.com", "/v2/x/blobs/y", auth="Bearer"),
        ),
        (_request("registry.corp.test", challenge='Basic realm="corp"'), Entry(kind="dns", host="corp")),
    ],
)
def test_a_credential_for_another_host_is_a_stray(before: Entry, stray: Entry) -> None:
    found = journal.stray_credentials([before, stray], _HOSTS)
    # A token service may be sent a form: its registry named it.
    assert bool(found) == (stray.auth != "form")


def test_only_a_nodes_containerd_may_keep_a_token_on_the_way_to_a_host_below() -> None:
    asked = _request("quay.io", challenge='Bearer realm="https://quay.io/v2/auth"')
    node = _request("cdn01.quay.io", "/v2/x/blobs/y", auth="Bearer", agent="containerd/v2.4.2")
    ours = _request("cdn01.quay.io", "/v2/x/blobs/y", auth="Bearer", agent="python-requests")
    assert not journal.stray_credentials([asked, node], _HOSTS)
    assert len(journal.stray_credentials([asked, ours], _HOSTS)) == 1


def test_a_journal_is_read_from_an_offset(tmp_path: Path) -> None:
    first = json.dumps({"time": "now", "kind": "dns", "host": "quay.io"}) + "\n"
    second = json.dumps({"kind": "http", "host": "quay.io", "path": "/v2/a/b/manifests/1", "status": 200, "x": 1})
    file = tmp_path / "log"
    file.write_text(first + second + "\n")
    (entry,) = journal.read(file, len(first))
    assert entry.status == 200
    assert journal.asked([entry], "quay.io/a/b") == [entry]
    assert journal.asked([entry], "quay.io") == [entry]
    assert not journal.asked([entry], "quay.io/a")


def _archive(folder: Path, labels: dict[str, str]) -> Path:
    """Write what `docker save` writes of an image with one layer."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("file"), io.BytesIO())
    diff = "sha256:" + hashlib.sha256(layer.getvalue()).hexdigest()
    config = {"architecture": "amd64", "config": {"Labels": labels}, "rootfs": {"type": "layers", "diff_ids": [diff]}}
    parts = {
        "manifest.json": json.dumps([{"Config": "c.json", "Layers": ["l/layer.tar"]}]).encode(),
        "c.json": json.dumps(config).encode(),
        "l/layer.tar": layer.getvalue(),
    }
    folder.mkdir()
    with tarfile.open(folder / "image.tar", "w") as tar:
        for name, content in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return folder / "image.tar"


def test_a_published_image_has_the_layers_and_none_of_our_labels(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "debian-1", {"osh-conformance.origin": "stand-in", "vendor": "them"})
    store = publishing.Store(folder=tmp_path / "store", progress=Progress(quiet=True))
    digest = store.publish(archive)
    manifest = json.loads((store.blobs / digest.removeprefix("sha256:")).read_text())
    config = json.loads((store.blobs / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
    assert set(config["config"]["Labels"]) == {"vendor", "ci.world"}
    layer = store.blobs / manifest["layers"][0]["digest"].removeprefix("sha256:")
    unpacked = hashlib.sha256(gzip.decompress(layer.read_bytes())).hexdigest()
    assert config["rootfs"]["diff_ids"] == [f"sha256:{unpacked}"]


def test_the_same_archive_gives_the_same_digest_and_a_changed_node_another(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "node-1", {})
    first = publishing.Store(folder=tmp_path / "one", progress=Progress(quiet=True))
    second = publishing.Store(folder=tmp_path / "two", progress=Progress(quiet=True))
    assert first.publish(archive) == second.publish(archive)
    assert first.publish(archive, "node") != first.publish(archive)


def test_the_store_forgets_what_nobody_publishes(tmp_path: Path) -> None:
    store = publishing.Store(folder=tmp_path / "store", progress=Progress(quiet=True))
    kept = store.publish(_archive(tmp_path / "debian-1", {}))
    blobs = {path.name for path in store.blobs.iterdir()}
    store.publish(_archive(tmp_path / "registry-1", {"vendor": "them"}))
    store.forget([kept])
    assert {path.name for path in store.blobs.iterdir()} == blobs


def test_a_reference_is_published_below_its_registry_and_name() -> None:
    found = publishing.index({"docker.io/library/debian:12": "sha256:1", "quay.io/a/b:c": "sha256:2"})
    assert found == {"docker.io": {"library/debian": {"12": "sha256:1"}}, "quay.io": {"a/b": {"c": "sha256:2"}}}


def test_no_image_of_ours_is_published() -> None:
    references = [reference for image in publishing.published() for reference in image.references]
    assert not [reference for reference in references if re.search("osh-?conformance", reference)]


def test_all_that_is_published_has_a_host_that_serves_it() -> None:
    served = {host.serves for host in _HOSTS}
    references = [reference for image in publishing.published() for reference in image.references]
    assert {reference.partition("/")[0] for reference in references} <= served


def test_the_witness_names_what_came_and_what_went() -> None:
    before = {"links": ("lo", "eth0"), "/etc": ("hosts",)}
    after = {"links": ("lo", "eth0", "osw1"), "/etc": ()}
    assert witness.differences(before, after) == ["links: +osw1", "/etc: -hosts"]
    assert not witness.differences(before, before)


def test_a_free_network_touches_no_route(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = [{"dst": "default"}, *({"dst": f"10.{second}.0.0/16"} for second in range(200, 249))]
    monkeypatch.setattr(network, "run", lambda *_argv, **_options: json.dumps(routes))
    first, second = network.free_networks(2)
    assert first != second
    assert first.startswith("10.249.")
    assert second.startswith("10.249.")


def test_a_machine_without_a_free_network_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "run", lambda *_argv, **_options: json.dumps([{"dst": "10.0.0.0/8"}]))
    with pytest.raises(SuiteError, match="no network"):
        network.free_networks(1)


def test_rows_need_only_things_that_can_be_made() -> None:
    assert {need for row in rows.known() for need in row.needs} <= set(things.MAKERS)


def test_rows_switch_on_faults_of_groups_that_exist() -> None:
    groups = publishing.internet().groups
    faults = [fault for row in rows.known() for fault in row.faults]
    assert not [fault for fault in faults if fault.partition("-")[0] not in groups]


def test_expected_words_are_regular_expressions() -> None:
    for row in rows.known():
        for step in row.steps:
            for words in (*step.says, *step.lacks):
                re.compile(words)


def test_a_table_ends_with_the_number_of_failures() -> None:
    good, bad, *_ = rows.known()
    results = [running.Result(row=good, seconds=1), running.Result(row=bad, seconds=2, problems=["left: container x"])]
    text = running.table(results)
    assert text.endswith("1 failed, 1 passed in 3 s")
    assert "left: container x" in text
