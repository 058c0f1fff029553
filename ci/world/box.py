"""Making a world and removing it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from ci.world import layout, network
from ci.world.layout import UID, USER, World
from ci.world.publishing import internet
from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence

_SOON = 60.0
_CGROUPS = Path("/sys/fs/cgroup")
_FOLDERS = ("etc", "etc.work", "home", "tmp", "programs", "log", "docker")


def prepare() -> World:
    """Return a new world: a folder with its addresses, and nothing outside it yet."""
    parent = layout.root() / "worlds"
    parent.mkdir(parents=True, exist_ok=True)
    identity = secrets.token_hex(4)
    folder = parent / identity
    own, bridge = network.free_networks(2)
    world = World(
        identity=identity,
        folder=folder,
        network=own,
        bridge=bridge,
        mtu=network.mtu(),
        resolver=network.resolver(),
        forwarding=network.forwarding(),
        maker=os.getpid(),
        maker_started=layout.started(os.getpid()),
    )
    # The folder appears with its state in it: `down` must find it. The plain user gets below it by mounts only.
    new = parent / f".{identity}"
    new.mkdir(mode=0o700)
    replace(world, folder=new).save()
    new.rename(folder)
    world.save()
    return world


def start(world: World, *, outlive: bool) -> World:
    """Start pid 1 and connect it. Unless it may `outlive` this process, it ends with it, however that ends."""
    for name in _FOLDERS:
        (world.folder / name).mkdir(exist_ok=True)
    (world.folder / "tmp").chmod(0o1777)
    (world.folder / "nothing").touch(mode=0o600)
    world.faults.touch()
    _write_etc(world)
    _make_home(world)
    (world.folder / "hidden").write_text("".join(f"{path}\n" for path in _hidden()))
    pid = _pid_1(world, outlive=outlive)
    world = replace(world, pid=pid, started=layout.started(pid))
    world.save()
    until((world.folder / "ready").exists, "the world's mounts", deadline=_SOON, pause=0.05, state=lambda: _log(world))
    network.connect(world, len(internet().groups))
    return world


def _pid_1(world: World, *, outlive: bool) -> int:
    death = () if outlive else ("setpriv", "--pdeathsig", "KILL")
    spaces = ("--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child=KILL", "--mount-proc")
    argv = (*death, "unshare", *spaces, "--propagation", "slave", "sh", str(layout.HERE / "init.sh"), str(world.folder))
    env = {"PATH": network.ROOT_PATH, layout.MARK: world.identity, "HOME": "/root", "LANG": "C.UTF-8"}
    with (world.folder / "log" / "init.log").open("ab") as log:
        # It outlives any deadline, so it is not for `process.run`.
        parent = subprocess.Popen(
            argv, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def child() -> int:
        if parent.poll() is not None:
            raise SuiteError("the world ended as it began", details=_log(world))
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    return until(child, "pid 1 of the world", deadline=_SOON, pause=0.02)


def _log(world: World) -> str:
    file = world.folder / "log" / "init.log"
    return file.read_text(errors="replace") if file.exists() else ""


def _write_etc(world: World) -> None:
    """Write the files of /etc that differ from the host's: users, names, and one more certificate authority."""
    etc = world.folder / "etc"
    users = Path("/etc/passwd").read_text()
    (etc / "passwd").write_text(f"{users}{USER}:x:{UID}:{UID}:Plain User:{layout.HOME}:/bin/bash\n")
    groups = []
    for line in Path("/etc/group").read_text().splitlines():
        name, rest = line.split(":", 1)
        groups.append(f"{name}:{rest.rpartition(':')[0]}:{USER}" if name == "docker" else line)
    if not any(line.startswith("docker:") for line in groups):
        groups.append(f"docker:x:4243:{USER}")
    (etc / "group").write_text("\n".join([*groups, f"{USER}:x:{UID}:", ""]))
    (etc / "hostname").write_text("laptop\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n127.0.0.1 laptop\n")
    (etc / "resolv.conf").write_text(f"nameserver {world.names}\n")
    _write_trust(world)


def _write_trust(world: World) -> None:
    """Make an authority that signs for the hosts of the world, and add it to the system's store, as a company does."""
    authority = trustme.CA(organization_name="The world in a box")
    served = authority.issue_cert(*(host.name for host in internet().hosts))
    served.private_key_pem.write_to_path(world.folder / "tls.key")
    for blob in served.cert_chain_pems:
        blob.write_to_path(world.folder / "tls.crt", append=True)
    certs = world.folder / "etc" / "ssl" / "certs"
    certs.mkdir(parents=True)
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    own = authority.cert_pem.bytes()
    (certs / bundle.name).write_bytes((bundle.read_bytes() if bundle.is_file() else b"") + own)
    (certs / "world.pem").write_bytes(own)
    name = ("openssl", "x509", "-subject_hash", "-noout", "-in", str(certs / "world.pem"))
    digest = process.run(name, deadline=_SOON).stdout.strip()
    (certs / f"{digest}.0").symlink_to("world.pem")


def _make_home(world: World) -> None:
    world.home.mkdir(parents=True, exist_ok=True)
    os.chown(world.home, UID, UID)
    world.home.chmod(0o750)


def _hidden() -> list[Path]:
    """Return what the host has and the plain user does not: the package's Docker client, and Go."""
    hidden = [Path("/usr/bin/docker")]
    go = shutil.which("go")
    if go:
        hidden.append(Path(process.run([go, "env", "GOROOT"], deadline=_SOON).stdout.strip()))
    return [path for path in hidden if path.exists() and not path.is_relative_to("/root")]


def entered(world: World, argv: Sequence[str]) -> list[str]:
    """Return the command that runs `argv` as root inside the world, with nothing of this environment."""
    spaces = ("--mount", "--net", "--pid", "--uts", "--ipc")
    # Docker's address too: a context of root must not lead out of the world.
    clean = (
        f"PATH={network.ROOT_PATH}",
        "HOME=/root",
        "LANG=C.UTF-8",
        "TERM=dumb",
        "DOCKER_HOST=unix:///run/docker.sock",
        "DOCKER_CONFIG=/run/no-docker-config",
        f"{layout.MARK}={world.identity}",
    )
    # The working folder is the host's until the shell changes it.
    shell = ("sh", "-c", 'cd / && exec "$@"', "sh")
    return ["nsenter", *spaces, "--target", str(world.pid), "--", "env", "-i", *clean, *shell, *argv]


def remove(world: World) -> None:
    """Remove a world: all that runs in it, the cable, the firewall rules, its cgroups and its folder."""
    # A making that failed midway had not returned the newest state.
    with contextlib.suppress(OSError):
        world = layout.load(world.folder)
    if world.alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(world.pid, signal.SIGKILL)
        until(lambda: not world.alive or _is_zombie(world.pid), "the end of the world", deadline=_SOON, pause=0.05)
    network.disconnect(world)
    _remove_cgroups(world)
    until(lambda: _removed(world.folder), f"the removal of {world.folder}", deadline=_SOON, pause=0.5)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _removed(folder: Path) -> bool:
    # Mounts of a namespace go a moment after its last process.
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def _remove_cgroups(world: World) -> None:
    for top in _CGROUPS.glob(f"*/{world.mark}"):
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def state(world: World) -> str:
    """Return what is known of a world, as text."""
    return json.dumps({"id": world.identity, "folder": str(world.folder), "up": world.alive, "proxy": world.proxy})
