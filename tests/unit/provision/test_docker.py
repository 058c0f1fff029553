"""Which Docker Engine is used, which one is refused, and what an engine says about itself and its images."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.provision import docker
from osh_conformance.provision.docker import OUR_HOST, Docker, EngineInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

SOCKET = "unix:///var/run/docker.sock"
ENGINE: dict[str, Any] = {
    "ServerVersion": "28.2.2",
    "DockerRootDir": "/var/lib/docker",
    "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "extfs"]],
    "CgroupVersion": "2",
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
    "IndexServerAddress": "https://index.docker.io/v1/",
    "RegistryConfig": {"Mirrors": ["https://mirror.corp.test/"]},
    "HttpProxy": "http://proxy.corp.test:3128",
    "HttpsProxy": "http://proxy.corp.test:3129",
    "NoProxy": "corp.test",
    "Architecture": "x86_64",
}
DOCKER_VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in DOCKER_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(docker, "DOCKER_RUN", tmp_path / "none")


class Program:
    """A docker program that prints what a test says. It writes its arguments and DOCKER_HOST to a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "docker"
        self.path.write_text(
            f'#!/bin/sh\ncd {folder}\necho "$* DOCKER_HOST=$DOCKER_HOST" >> asked\n'
            'if [ -f "$1.$DOCKER_CONTEXT" ]; then set -- "$1.$DOCKER_CONTEXT"; fi\n'
            'if [ -f "$1" ]; then cat "$1"; fi; if [ -f "$1.err" ]; then cat "$1.err" >&2; exit 1; fi\n'
        )
        self.path.chmod(0o755)
        self.says("context", f"default {SOCKET}")
        self.says("info", ENGINE)

    def says(self, command: str, answer: object) -> None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        (self._folder / command).write_text(text)

    def fails(self, command: str, message: str) -> None:
        (self._folder / f"{command}.err").write_text(message)

    @property
    def asked(self) -> list[str]:
        path = self._folder / "asked"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def docker(self) -> Docker:
        return Docker(program=self.path, host=None, endpoint=SOCKET)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return Program(folder)


def found(**changes: object) -> EngineInfo:
    return EngineInfo(**{"version": "28.2.2", **changes})  # type: ignore[arg-type]


def test_find_returns_the_engine_of_the_default_context_with_what_it_says(program: Program) -> None:
    result = docker.find()
    assert (result.problem, result.refused) == ("", False)
    assert result.docker == program.docker
    assert result.info == EngineInfo(
        version="28.2.2",
        cgroup_version="2",
        mirrors=("https://mirror.corp.test/",),
        https_proxy="http://proxy.corp.test:3129",
        no_proxy="corp.test",
    )


def test_registries_that_docker_asks_without_trust_are_known(program: Program) -> None:
    known = {"docker.io": {"Secure": True}, "registry.corp.test:5000": {"Secure": False}}
    program.says("info", {**ENGINE, "RegistryConfig": {"IndexConfigs": known}})
    assert program.docker.info().insecure == ("registry.corp.test:5000",)


@pytest.mark.usefixtures("program")
def test_an_address_that_is_none_is_left_to_the_docker_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://[bad")
    assert docker.refusal(docker.candidates()[0]) == ""


def test_find_asks_one_command_beside_the_context(program: Program) -> None:
    docker.find()
    assert [line.split()[0] for line in program.asked] == ["context", "info"]


def test_programs_that_know_no_contexts_get_the_socket_of_the_context(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "desktop")
    program.says("context.desktop", "desktop unix:///home/me/.docker/desktop.sock")
    (candidate,) = docker.candidates()
    assert candidate.env["DOCKER_HOST"] == "unix:///home/me/.docker/desktop.sock"
    assert candidate.address == "unix:///home/me/.docker/desktop.sock"


def test_a_context_with_certificates_stays_with_the_docker_program(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.says("context", "tunnel tcp://127.0.0.1:2376")
    (candidate,) = docker.candidates()
    assert "DOCKER_HOST" not in candidate.env
    program.says("context", f"default {SOCKET}")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    (candidate,) = docker.candidates()
    assert "DOCKER_HOST" not in candidate.env


def test_builds_use_the_builder_of_the_engine(program: Program) -> None:
    assert program.docker.env["BUILDX_BUILDER"] == "default"


def test_docker_host_beats_the_context(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    program.says("context.far", "far ssh://far")
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/mine.sock")
    result = docker.find()
    assert result.docker is not None
    assert result.docker.address == "unix:///run/mine.sock"
    assert program.asked == ["info --format {{json .}} DOCKER_HOST=unix:///run/mine.sock"]


@pytest.mark.parametrize(
    "address",
    ["tcp://10.0.0.7:2376", "ssh://me@far", "ssh://localhost", "tcp://docker:2375", "far:2375", "https://far"],
)
def test_a_remote_engine_is_refused_without_asking_it(
    program: Program, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    result = docker.find()
    assert result.docker is None
    assert result.refused
    assert f"the Docker engine at {address} is on another machine" in result.problem
    assert "expected: an engine on this machine" in result.problem
    assert "fix: unset DOCKER_HOST" in result.problem
    assert program.asked == []


@pytest.mark.parametrize(
    "address",
    ["unix:///run/a.sock", "tcp://127.0.0.1:2375", "tcp://localhost:2375", "tcp://[::1]:2375", "tcp://127.9.9.9:1"],
)
def test_an_engine_on_this_machine_is_used(program: Program, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    result = docker.find()
    assert (result.problem, result.docker) == ("", Docker(program=program.path, host=address, endpoint=address))


@pytest.mark.parametrize(
    ("variables", "undo"),
    [({"DOCKER_CONTEXT": "far"}, "unset DOCKER_CONTEXT"), ({}, "run `docker context use default`")],
)
def test_a_remote_context_is_refused_even_if_our_engine_could_run(
    program: Program, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], undo: str, tmp_path: Path
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    _our_socket(tmp_path, monkeypatch)
    program.says("context", "far ssh://me@far")
    result = docker.find()
    assert result.refused
    assert "the Docker engine at ssh://me@far is on another machine" in result.problem
    assert f"fix: {undo}, or run osh-conformance on that machine" in result.problem
    assert [line.split()[0] for line in program.asked if "info" in line] == []


def test_our_engine_is_tried_after_the_default_one(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _our_socket(tmp_path, monkeypatch)
    assert [candidate.host for candidate in docker.candidates()] == [None, OUR_HOST]
    program.says("context", "desktop unix:///home/me/desktop.sock")
    assert [candidate.host for candidate in docker.candidates()] == [None]
    monkeypatch.setenv("DOCKER_HOST", OUR_HOST)
    assert [candidate.ours for candidate in docker.candidates()] == [True]
    assert docker.choice() is None


def test_a_choice_says_how_to_undo_it(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    assert docker.choice() is None
    program.says("context", "colima unix:///home/me/colima.sock")
    assert docker.choice() == docker.Choice(
        words="the current Docker context is `colima`", undo="run `docker context use default`"
    )
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    assert docker.choice() == docker.Choice(words="DOCKER_CONTEXT names `far`", undo="unset DOCKER_CONTEXT")
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:1")
    assert docker.choice() == docker.Choice(words="DOCKER_HOST names tcp://far:1", undo="unset DOCKER_HOST")


def test_podman_s_program_is_refused(program: Program) -> None:
    program.fails("context", "Error: unrecognized command `podman context`")
    program.says("info", {"host": {"arch": "amd64"}, "store": {}, "version": {"Version": "5.4.0"}})
    result = docker.find()
    assert result.refused
    assert "is podman 5.4.0; expected: Docker" in result.problem


def test_podman_s_socket_is_refused(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/user/1000/podman/podman.sock")
    program.says("info", {**ENGINE, "ServerVersion": "4.9.3", "IndexServerAddress": ""})
    program.says("version", [{"Name": "Podman Engine", "Version": "4.9.3"}])
    result = docker.find()
    assert result.refused
    assert "the engine at unix:///run/user/1000/podman/podman.sock is podman 4.9.3" in result.problem


def test_an_engine_without_an_index_is_not_podman_by_that_alone(program: Program) -> None:
    program.says("info", {**ENGINE, "IndexServerAddress": ""})
    program.says("version", [{"Name": "Engine", "Version": "28.2.2"}])
    assert not docker.find().refused


@pytest.mark.parametrize(
    ("version", "problem"), [("1", "is rootless and has cgroup v1; expected: cgroup v2"), ("2", "")]
)
def test_rootless_docker_needs_cgroup_v2(program: Program, version: str, problem: str) -> None:
    options = ["name=seccomp,profile=builtin", "name=rootless"]
    program.says("info", {**ENGINE, "SecurityOptions": options, "CgroupVersion": version})
    result = docker.find()
    assert result.refused is bool(problem)
    assert problem in result.problem


def test_docker_as_root_on_cgroup_v1_is_used(program: Program) -> None:
    assert docker.refusal(program.docker, found(cgroup_version="1")) == ""


@pytest.mark.parametrize(
    ("answer", "message", "shown"),
    [
        ({"ServerVersion": ""}, "permission denied while trying to connect to the Docker daemon socket", ""),
        ({"ServerErrors": ["Cannot connect to the Docker daemon"]}, "errors pretty printing info", "Cannot connect"),
        ("<html>", "error during connect: invalid character '<'", ""),
    ],
)
def test_an_engine_that_does_not_answer_gives_the_program_s_reason(
    program: Program, answer: object, message: str, shown: str
) -> None:
    program.says("info", answer)
    program.fails("info", message)
    with pytest.raises(SuiteError, match=f"^no Docker Engine answers at {SOCKET}") as raised:
        program.docker.info()
    assert raised.value.details.startswith(shown or message)
    assert docker.find().problem == f"no Docker Engine answers at {SOCKET}: {raised.value.details}"


def test_a_context_that_does_not_exist_is_the_reason(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    for command in ("context", "info"):
        program.fails(command, 'context "gone": context not found')
    program.says("info", "")
    result = docker.find()
    assert 'context "gone": context not found' in result.problem
    assert len(docker.candidates()) == 1


class _Html(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Sign in to the network</html>")

    def address_string(self) -> str:
        return "socket"

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def _serving(path: Path) -> Iterator[Docker]:
    with ThreadingUnixStreamServer(str(path), _Html) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield Docker(program=Path(str(shutil.which("docker"))), host=f"unix://{path}")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker program")
def test_an_engine_that_answers_html_is_an_error(tmp_path: Path) -> None:
    with _serving(tmp_path / "s") as engine, pytest.raises(SuiteError, match="no Docker Engine answers at") as raised:
        engine.info()
    assert raised.value.details


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker program")
def test_an_engine_that_hangs_is_an_error_at_the_deadline(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        engine = Docker(program=Path(str(shutil.which("docker"))), host=f"unix://{tmp_path / 's'}")
        started = time.monotonic()
        with pytest.raises(SuiteError, match="no Docker Engine answers at") as raised:
            engine.info(deadline=0.3)
    assert time.monotonic() - started < 3
    assert "did not end within 0.3 s" in raised.value.details


DIGEST = f"sha256:{'a' * 64}"
OTHER = f"sha256:{'b' * 64}"


def image(*digests: str, labels: dict[str, str] | None = None, pulled: tuple[str, ...] | None = None) -> dict[str, Any]:
    identity = {} if pulled is None else {"Identity": {"Pull": [{"Repository": name} for name in pulled]}}
    return {"RepoDigests": list(digests), "Config": {"Labels": labels}, **identity}


@pytest.mark.parametrize(
    ("name", "seen", "digest"),
    [
        pytest.param("docker.io/library/redis:7", image(f"redis@{DIGEST}"), DIGEST, id="pulled"),
        pytest.param("quay.io/a/b:1", image(f"quay.io/a/b@{DIGEST}"), DIGEST, id="pulled from elsewhere"),
        pytest.param("quay.io/a/b:1", image(), None, id="built, Docker's own store"),
        pytest.param("quay.io/a/b:1", image(f"redis@{DIGEST}"), None, id="tagged here"),
        pytest.param(
            "quay.io/a/b:1",
            image(f"quay.io/a/b@{DIGEST}", labels={"osh-conformance.origin": "stand-in"}),
            None,
            id="ours, containerd's store",
        ),
        pytest.param(
            "quay.io/a/b:1",
            {**image(f"quay.io/a/b@{DIGEST}"), "RepoTags": ["quay.io/a/b:1", "osh-conformance.invalid/build/b:0123"]},
            None,
            id="ours without labels, containerd's store",
        ),
        pytest.param("quay.io/a/b:1", image(f"quay.io/a/b@{DIGEST}", pulled=()), None, id="built, containerd's store"),
        pytest.param(
            "quay.io/a/b:1",
            image(f"quay.io/a/b@{DIGEST}", pulled=("docker.io/library/redis",)),
            None,
            id="tagged here, containerd's store",
        ),
        pytest.param(
            "docker.io/library/redis:7",
            image(f"redis@{DIGEST}", pulled=("docker.io/library/redis",)),
            DIGEST,
            id="pulled, containerd's store",
        ),
        pytest.param(f"quay.io/a/b@{OTHER}", image(f"quay.io/a/b@{DIGEST}"), None, id="another digest"),
        pytest.param("quay.io/a/b:1", image("<none>@<none>"), None, id="no name"),
    ],
)
def test_a_pulled_image_has_the_digest_of_its_registry(
    program: Program, name: str, seen: dict[str, Any], digest: str | None
) -> None:
    program.says("image", seen)
    assert program.docker.pulled_digest(name) == digest


def test_a_missing_image_was_not_pulled(program: Program) -> None:
    program.says("image", [])
    program.fails("image", "Error: No such image")
    assert program.docker.pulled_digest("quay.io/a/b:1") is None


def test_the_proxies_of_containers_come_from_docker_s_configuration(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert program.docker.container_proxies() == {}
    folder = tmp_path / "configuration"
    folder.mkdir()
    (folder / "config.json").write_text(
        json.dumps({"proxies": {"default": {"httpProxy": "http://p:1", "noProxy": "a"}, "unix:///x": {}}})
    )
    assert program.docker.container_proxies() == {}
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    assert program.docker.container_proxies() == {"HTTP_PROXY": "http://p:1", "NO_PROXY": "a"}
    assert Docker(program=program.path, host="unix:///x").container_proxies() == {}
    (folder / "config.json").write_text("{")
    assert program.docker.container_proxies() == {}


def _our_socket(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = folder / "run"
    run.mkdir()
    (run / "docker.sock").touch()
    monkeypatch.setattr(docker, "DOCKER_RUN", run)


@pytest.mark.parametrize("name", ["live", "controls", "removals", "nightly", "world", "world-faults"])
def test_tox_passes_what_the_docker_program_reads_to_live_runs(name: str) -> None:
    parser = configparser.RawConfigParser()
    parser.read(Path(__file__).parents[3] / "tox.ini")
    passed = parser[f"testenv:{name}"]["pass_env"]
    for section in ("testenv:live", "testenv"):
        passed = passed.replace(f"{{[{section}]pass_env}}", parser[section]["pass_env"])
    assert {*DOCKER_VARIABLES, "GO*", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} <= set(passed.split())
    assert "KUBECONFIG" not in passed
