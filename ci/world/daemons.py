"""The daemons of a world: the registries, and a Docker Engine as Debian packages it, on its default socket."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from ci.world import box
from ci.world.publishing import index, internet
from osh_conformance import process
from osh_conformance.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ci.world.layout import World

_SOON = 60.0
_STOP = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """How the Docker Engine is to run."""

    #: Settings of daemon.json beside the world's own.
    settings: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Where not empty, the data root is a disk of this size, such as "600m".
    disk: str = ""


def launch(world: World, name: str, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Start a daemon inside the world; its output goes to `log/NAME.log`."""
    variables = [f"{key}={value}" for key, value in (environment or {}).items()]
    line = shlex.join(["setsid", "--fork", "env", *variables, *argv])
    log = shlex.quote(str(world.folder / "log" / f"{name}.log"))
    process.run(box.entered(world, ["sh", "-c", f"{line} >>{log} 2>&1 </dev/null"]), deadline=_SOON)


def as_root(world: World, *argv: str, check: bool = True, deadline: float = _SOON) -> process.Outcome:
    """Run a command as root inside the world."""
    return process.run(box.entered(world, argv), deadline=deadline, check=check)


def tail(world: World, name: str) -> str:
    """Return the end of a daemon's log."""
    file = world.folder / "log" / f"{name}.log"
    return "\n".join(file.read_text(errors="replace").splitlines()[-20:]) if file.exists() else ""


def start_registries(world: World, program: Path, store: Path, digests: Mapping[str, str]) -> None:
    """Start the registries; `digests` are what they publish."""
    spec = internet()
    addresses = {group: world.group_address(position) for position, group in enumerate(spec.groups)}
    published = world.folder / "published.json"
    published.write_text(json.dumps(index(digests), indent=1))
    config = {
        "certificate": str(world.folder / "tls.crt"),
        "key": str(world.folder / "tls.key"),
        "hosts": [asdict(host) for host in spec.hosts],
        "accounts": dict(spec.accounts),
        "addresses": addresses,
        "store": str(store),
        "index": str(published),
        "faults": str(world.faults),
        "log": str(world.journal),
        "dns": f"{world.names}:53",
        "resolver": world.resolver,
        "proxy": world.proxy,
    }
    file = world.folder / "registries.json"
    file.write_text(json.dumps(config, indent=1))
    launch(world, "registries", [str(program), "serve", str(file)])
    probe = ("sh", "-c", f"getent hosts quay.io && exec 3<>/dev/tcp/{addresses['quay']}/443")
    until(
        lambda: as_root(world, "bash", *probe[1:], check=False).ok,
        "the registries of the world",
        deadline=_SOON,
        state=lambda: tail(world, "registries"),
    )


def start_engine(world: World, runc: Path, engine: Engine) -> None:
    """Start the Docker Engine, and wait until it answers."""
    data = world.folder / "docker"
    if engine.disk:
        data = world.folder / "docker.small"
        data.mkdir(exist_ok=True)
        as_root(world, "mount", "-t", "tmpfs", "-o", f"size={engine.disk},mode=711", "tmpfs", str(data))
    settings = {
        "data-root": str(data),
        "bip": f"{world.bridge}.1/24",
        "mtu": world.mtu,
        "cgroup-parent": f"/{world.mark}",
        # This machine cannot grant every capability, which a privileged container asks for.
        "runtimes": {"capability-filter": {"path": str(runc)}},
        "default-runtime": "capability-filter",
        **engine.settings,
    }
    folder = world.folder / "etc" / "docker"
    if not folder.exists():
        as_root(world, "mkdir", "-p", "/etc/docker")
    as_root(world, "sh", "-c", 'printf "%s" "$1" >/etc/docker/daemon.json', "sh", json.dumps(settings))
    argv = ("dockerd", "--host", "unix:///run/docker.sock", "--group", "docker")
    launch(world, "dockerd", argv, engine.environment)
    until(
        lambda: as_root(world, "docker", "version", check=False).ok,
        "the Docker Engine of the world",
        deadline=_SOON,
        state=lambda: tail(world, "dockerd"),
    )


def stop_engine(world: World) -> None:
    """Stop the Docker Engine, and unmount its small disk."""
    script = """
    [ -s /run/docker.pid ] || exit 0
    pid=$(cat /run/docker.pid)
    kill "$pid" 2>/dev/null || exit 0
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    """
    as_root(world, "sh", "-c", script, deadline=_STOP)
    small = world.folder / "docker.small"
    if small.exists():
        as_root(world, "sh", "-c", 'umount --recursive "$1" || umount --lazy "$1"', "sh", str(small), check=False)
        small.rmdir()


def start_imitation(world: World, program: Path, kind: str, socket: str) -> None:
    """Start a socket that passes on to the Docker Engine, but says that it is of another `kind`."""
    launch(world, kind, [str(program), "engine", kind, socket, "/run/docker.sock"])
    until(lambda: as_root(world, "test", "-S", socket, check=False).ok, f"the socket of {kind}", deadline=_SOON)
