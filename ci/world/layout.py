"""A world as a record: its folder, its addresses, and the file from which `down` knows what to remove."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from osh_conformance.errors import SuiteError
from osh_conformance.folders import default_folders

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: The plain user of every world: no root, no Go, in the group docker.
USER = "plainuser"
UID = 4242
HOME = Path("/home") / USER
#: What every process of a world has in its environment.
MARK = "OSH_WORLD"
_STATE = "world.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A world, as `up` makes it. Addresses are of one network of 256, which nothing on this machine used."""

    identity: str
    folder: Path
    #: The first three numbers of its addresses.
    network: str
    #: The same, of the world's own Docker.
    bridge: str
    mtu: int
    resolver: str
    #: Of pid 1, by the host's numbers: its pid, and when it started.
    pid: int = 0
    started: int = 0
    #: Of the process that makes it.
    maker: int = 0
    maker_started: int = 0
    #: Whether the host passed packets on before.
    forwarding: bool = True
    #: The digest of the node image that the world's kind asks for.
    node: str = ""

    @property
    def link(self) -> str:
        """The host's end of the cable to the world."""
        return f"osw{self.identity}"

    @property
    def mark(self) -> str:
        """The comment on the host's firewall rules, and the name of the cgroup."""
        return f"osh-conformance-world-{self.identity}"

    @property
    def outside(self) -> str:
        """The host's address on the cable."""
        return f"{self.network}.1"

    @property
    def inside(self) -> str:
        """The world's address on the cable."""
        return f"{self.network}.2"

    @property
    def names(self) -> str:
        """The address of its DNS."""
        return f"{self.network}.10"

    @property
    def proxy(self) -> str:
        """The address and port of its proxy."""
        return f"{self.network}.11:3128"

    def group_address(self, position: int) -> str:
        """Return the address of a group of hosts."""
        return f"{self.network}.{16 + position}"

    @property
    def home(self) -> Path:
        """HOME of the plain user, as the host sees it."""
        return self.folder / "home" / USER

    @property
    def journal(self) -> Path:
        """What the registries were asked."""
        return self.folder / "log" / "registries.jsonl"

    @property
    def faults(self) -> Path:
        """The file with the words of the faults that are switched on."""
        return self.folder / "faults"

    def save(self) -> None:
        """Write the state file, whole or not at all."""
        new = self.folder / f"{_STATE}.new"
        new.write_text(json.dumps({**asdict(self), "folder": str(self.folder)}, indent=1))
        new.replace(self.folder / _STATE)

    @property
    def alive(self) -> bool:
        """Whether its pid 1 runs; another process may have its number by now."""
        return bool(self.pid) and started(self.pid) == self.started

    @property
    def dead(self) -> bool:
        """Whether nobody makes it and nothing runs in it."""
        making = not self.pid and started(self.maker) == self.maker_started
        return not self.alive and not making


def started(pid: int) -> int:
    """Return when a process started, in ticks since the machine did; 0 if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[19])


def root() -> Path:
    """Return the folder of all worlds of this user."""
    return default_folders().cache / "world"


def worlds() -> tuple[World, ...]:
    """Return the worlds that were made here, alive or not."""
    found = []
    for folder in sorted((root() / "worlds").glob("*")):
        # It may be removed meanwhile.
        with contextlib.suppress(OSError):
            found.append(load(folder))
    return tuple(found)


def load(folder: Path) -> World:
    """Read a world's state file; raises `OSError` if it has none."""
    state = json.loads((folder / _STATE).read_text())
    return World(**{**state, "folder": folder})


def the_world(identity: str = "") -> World:
    """Return the world that is up: the one called `identity`, or the only one; raises `SuiteError`."""
    up = [world for world in worlds() if world.alive and identity in ("", world.identity)]
    if len(up) != 1:
        found = ", ".join(world.identity for world in up) or "none"
        raise SuiteError(
            f"worlds that are up: {found}", expected="one", fix="python -m ci.world up, or name one with --id"
        )
    return up[0]
