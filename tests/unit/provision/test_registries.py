"""Which registries answer: each host is asked once, and silence takes a second at most."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from osh_conformance.provision.registries import Registries

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, queue.Queue[socket.socket]]]:
    """Yield a host that accepts connections, and those that it got."""
    accepted: queue.Queue[socket.socket] = queue.Queue()
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as stack:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    accepted.put(stack.enter_context(server.accept()[0]))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}", accepted
        finally:
            # Closing alone would not wake the thread.
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_registry_that_answers_is_asked_once() -> None:
    with listening() as (host, accepted):
        registries = Registries()
        assert [registries.silence(f"{host}/x:1"), registries.silence(f"{host}/y:2")] == ["", ""]
        assert accepted.get(timeout=10)
        with pytest.raises(queue.Empty):
            accepted.get(timeout=0.2)


def test_a_registry_that_refuses_is_silent_with_its_reason() -> None:
    assert "refused" in Registries().silence(f"127.0.0.1:{free_port()}/x:1")


def test_all_registries_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def drop(_address: object, timeout: float) -> socket.socket:
        time.sleep(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", drop)
    registries = Registries()
    started = time.monotonic()
    registries.ask([f"registry-{number}.test/x:1" for number in range(8)])
    assert time.monotonic() - started < 3
    assert all(registries.silence(f"registry-{number}.test/x:1") for number in range(8))


def test_nobody_asks_a_registry_below_invalid() -> None:
    assert "invalid" in Registries(proxy="http://proxy.test").silence("osh-conformance.invalid/keystone:1")


@pytest.mark.parametrize(
    "registries",
    [
        Registries(mirrors=("https://mirror.test",)),
        Registries(proxy="http://proxy.test"),
        Registries(insecure=("docker.io",)),
    ],
)
def test_only_a_pull_tells_what_a_mirror_or_a_proxy_reaches(
    registries: Registries, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> socket.socket:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", forbidden)
    assert registries.silence("docker.io/library/mariadb:10.11.11") == ""


def test_a_mirror_of_docker_hub_serves_no_other_registry() -> None:
    host = f"127.0.0.1:{free_port()}"
    assert Registries(mirrors=("https://mirror.test",)).silence(f"{host}/x:1")


def test_docker_asks_no_proxy_for_a_host_that_its_settings_except() -> None:
    host = f"127.0.0.1:{free_port()}"
    assert Registries(proxy="http://proxy.test", no_proxy="example.test").silence(f"{host}/x:1") == ""
    assert Registries(proxy="http://proxy.test", no_proxy="127.0.0.1").silence(f"{host}/x:1")


@pytest.mark.parametrize("host", ["127.0.0.1:99999", f"{'a' * 80}.test"])
def test_a_host_that_cannot_exist_is_silent(host: str) -> None:
    assert Registries().silence(f"{host}/x:1")
