"""How a node's containerd is told that the run's registry is the mirror of a host."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.provision.gc_nodes import MIRRORS
from osh_conformance.registry import images

if TYPE_CHECKING:
    from collections.abc import Iterable

    from osh_conformance.provision.docker import Docker

#: Any host that is not mirrored by name: asked there, and not found there.
_OTHERS = "_default"
_NOWHERE = "any-other-host"


def hosts_toml(host: str, registry: str) -> str:
    """The file for one host. `server` is the mirror as well: containerd falls back to it, never to the world."""
    url = f"{registry}/{_NOWHERE if host == _OTHERS else images.prefix(host)}"
    return f'server = "{url}"\noverride_path = true\ncapabilities = ["pull", "resolve"]\n'


def mirror_hosts(engine: Docker, nodes: Iterable[str], registry: str, hosts: Iterable[str]) -> None:
    """Make `registry` (its address as nodes see it) the mirror of `hosts`. containerd reads the files at each pull."""
    point(engine, nodes, registry, {*hosts, _OTHERS})


def point(engine: Docker, nodes: Iterable[str], registry: str, hosts: Iterable[str]) -> None:
    """Make `registry` the mirror of these hosts, and leave all others as they are."""
    with tempfile.TemporaryDirectory() as temporary:
        for host in hosts:
            folder = Path(temporary) / host
            folder.mkdir()
            (folder / "hosts.toml").write_text(hosts_toml(host, registry))
        for node in nodes:
            engine.run("exec", node, "mkdir", "-p", MIRRORS)
            engine.run("cp", f"{temporary}/.", f"{node}:{MIRRORS}")


def forget(engine: Docker, nodes: Iterable[str], hosts: Iterable[str]) -> None:
    """Take back what `point` told of these hosts; a node that is gone is no error."""
    folders = [f"{MIRRORS}/{host}" for host in hosts]
    for node in nodes:
        engine.run("exec", node, "rm", "-rf", *folders, check=False)
