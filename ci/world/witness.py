"""What the host is like: lists that must be equal before a world is made and after it is removed."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ci.world import layout, network
from osh_conformance import process
from osh_conformance.folders import DOCKER_RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SOON = 30.0
_COUNTERS = re.compile(r" \[\d+:\d+\]$")


def lists() -> Mapping[str, tuple[str, ...]]:
    """Return everything on this host that a world could change."""
    return {
        "links": _lines("ip", "-oneline", "link", "show"),
        "addresses": _lines("ip", "-oneline", "addr", "show"),
        "routes": _lines("ip", "route", "show", "table", "all"),
        "firewall": (*_firewall("iptables-save"), *_firewall("ip6tables-save")),
        "forwarding": (str(network.forwarding()),),
        "mounts": tuple(sorted(_mounts())),
        "processes of a world": tuple(sorted(_processes())),
        "/etc": tuple(sorted(_files(Path("/etc")))),
        "cgroups of a world": tuple(sorted(map(str, Path("/sys/fs/cgroup").glob("*/osh-conformance-world-*")))),
        "loop devices": _lines("losetup", "--list", "--noheadings"),
        "folders of a world": tuple(sorted(map(str, (layout.root() / "worlds").glob("*")))),
        "the suite's Docker": tuple(sorted(_docker())),
    }


def differences(before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the lines that came or went, each with the name of its list."""
    found = []
    for name, lines in before.items():
        changed = difflib.unified_diff(lines, after[name], lineterm="", n=0)
        found += [f"{name}: {line}" for line in changed if not line.startswith(("---", "+++", "@@"))]
    return found


def _lines(*argv: str) -> tuple[str, ...]:
    # Lifetimes of addresses count down.
    return tuple(re.sub(r"\d+sec", "sec", line) for line in network.run(*argv, check=False).splitlines())


def _firewall(program: str) -> Iterator[str]:
    """Yield rules and chains; an empty built-in chain that lets all through is as good as none."""
    table = ""
    for line in network.run(program, check=False).splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A") or (line.startswith(":") and " ACCEPT " not in line):
            yield f"{table} {_COUNTERS.sub('', line)}"


def _mounts() -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split()
        yield f"{words[4]} {words[words.index('-') + 1]}"


def _processes() -> Iterator[str]:
    """Yield the processes that a world started and that outlived it, wherever they are now."""
    mark = re.compile(rf"\0{layout.MARK}=(\w+)".encode())
    others = {world.identity.encode() for world in layout.worlds() if world.alive}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = b"\0" + (folder / "environ").read_bytes()
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found = mark.search(environment)
        if found and found[1] not in others:
            yield f"{folder.name} {words}"


def _files(top: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = Path(folder) / name
            status = path.lstat()
            content = ""
            if path.is_symlink():
                content = str(path.readlink())
            elif path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            yield f"{path} {status.st_mode:o} {status.st_uid}:{status.st_gid} {content}"


def _docker() -> Iterator[str]:
    socket = DOCKER_RUN / "docker.sock"
    if not socket.exists():
        return
    lists: Iterable[tuple[str, ...]] = (
        ("ps", "--all", "--quiet", "--no-trunc"),
        ("images", "--all", "--quiet", "--no-trunc"),
        ("network", "ls", "--quiet", "--no-trunc"),
        ("volume", "ls", "--quiet"),
    )
    for words in lists:
        command = process.Command(argv=("docker", *words), env={"DOCKER_HOST": f"unix://{socket}"})
        outcome = process.run(command, deadline=_SOON, check=False)
        yield from (f"{words[0]} {line}" for line in sorted(set(outcome.stdout.split())))
