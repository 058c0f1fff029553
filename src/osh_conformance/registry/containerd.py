"""Configuring the containerd of nodes to use the run's registry as the mirror of registry hosts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.provision.gc_nodes import MIRRORS
from osh_conformance.registry import images

if TYPE_CHECKING:
    from collections.abc import Iterable

    from osh_conformance.provision.docker import Docker

#: containerd's folder for all other hosts. Their images are looked up in the mirror, and not found.
_OTHERS = "_default"
_NOWHERE = "any-other-host"


def hosts_toml(host: str, registry: str) -> str:
    """Return the file for one host. `server` is the mirror too, so containerd never falls back to the real host."""
    url = f"{registry}/{_NOWHERE if host == _OTHERS else images.prefix(host)}"
    return f'server = "{url}"\noverride_path = true\ncapabilities = ["pull", "resolve"]\n'


def mirror_hosts(docker: Docker, nodes: Iterable[str], registry: str, hosts: Iterable[str]) -> None:
    """Make `registry` (its URL for nodes) the mirror of `hosts`. containerd reads the files at each pull."""
    set_mirror(docker, nodes, registry, {*hosts, _OTHERS})


def set_mirror(docker: Docker, nodes: Iterable[str], registry: str, hosts: Iterable[str]) -> None:
    """Make `registry` the mirror of these hosts, and change no others."""
    with tempfile.TemporaryDirectory() as temporary:
        for host in hosts:
            folder = Path(temporary) / host
            folder.mkdir()
            (folder / "hosts.toml").write_text(hosts_toml(host, registry))
        for node in nodes:
            docker.run("exec", node, "mkdir", "-p", MIRRORS)
            docker.run("cp", f"{temporary}/.", f"{node}:{MIRRORS}")


def unset_mirror(docker: Docker, nodes: Iterable[str], hosts: Iterable[str]) -> None:
    """Undo `set_mirror` for these hosts; a missing node is no error."""
    folders = [f"{MIRRORS}/{host}" for host in hosts]
    for node in nodes:
        docker.run("exec", node, "rm", "-rf", *folders, check=False)
