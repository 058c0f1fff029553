"""A world that is up, with everything in it: registries, Docker, programs, and the plain user's copy of the suite."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ci.world import box, daemons, layout, network, programs
from ci.world.daemons import Engine
from ci.world.layout import UID, World
from ci.world.programs import Supply
from ci.world.publishing import Store, internet
from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.provision.prerequisites import install_packages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.progress import Progress

#: The plain user's checkout, below HOME.
CHECKOUT = "osh"
_SOON = 60.0
#: What a world needs of the host.
_PACKAGES = ("docker.io", "git", "iproute2", "iptables", "openssl", "python3-venv", "util-linux")
_JUNK = shutil.ignore_patterns(".git", ".tox", ".venv", ".*_cache", "__pycache__", "*.egg-info", "reports", "dist")


@dataclass(slots=True, kw_only=True)
class Session:
    """A world, and what it takes to change it."""

    world: World
    program: Path
    runc: Path
    engine: Engine = field(default_factory=Engine)

    @property
    def groups(self) -> dict[str, str]:
        """The address of each group of hosts."""
        return {group: self.world.group_address(position) for position, group in enumerate(internet().groups)}

    def switch(self, *faults: str) -> None:
        """Switch faults on, and all others off."""
        network.switch(self.world, self.groups, list(faults))

    def run_engine(self, engine: Engine) -> None:
        """Let the Docker Engine run as `engine` says."""
        if engine != self.engine:
            daemons.stop_engine(self.world)
            daemons.start_engine(self.world, self.runc, engine)
            self.engine = engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What worlds are made of: builds of recipes, and the images that they publish."""

    progress: Progress
    supply: Supply
    store: Store
    digests: Mapping[str, str]


def stock(progress: Progress, *, any_build: bool) -> Stock:
    """Build what is missing, and bring it into the store: this is kept. Remove what dead worlds left."""
    if os.geteuid() != 0:
        raise SuiteError("only root can make a world", fix="run it as root")
    for dead in layout.worlds():
        if dead.dead:
            with progress.step(f"remove what world {dead.identity} left"):
                box.remove(dead)
    supply = Supply(progress=progress, any_build=any_build)
    machine = replace(supply.builder.recipes["engine"], name="world", packages=_PACKAGES)
    install_packages(machine, progress, supply.builder.folders.logs)
    store = Store(folder=layout.root() / "store", progress=progress)
    digests = programs.publish(supply, store)
    for recipe in ("engine", "helm4"):
        supply.needed(recipe)
    return Stock(progress=progress, supply=supply, store=store, digests=digests)


def up(parts: Stock, *, outlive: bool) -> Session:
    """Make a world."""
    supply, digests = parts.supply, parts.digests
    world = replace(box.prepare(), node=digests[programs.node_reference(digests)])
    try:
        with parts.progress.step(f"make world {world.identity}"):
            program = programs.build_registries(world.folder / "registries")
            # A copy: the build may be removed while the world is up.
            runc = world.folder / "runc"
            shutil.copy2(supply.needed("engine") / "runc", runc)
            (world.folder / "programs").mkdir()
            programs.install(world.folder / "programs", supply, digests)
            world = box.start(world, outlive=outlive)
            daemons.start_registries(world, program, parts.store.folder, digests)
            daemons.start_engine(world, runc, Engine())
    except BaseException:
        box.remove(world)
        raise
    return Session(world=world, program=program, runc=runc)


def attach(identity: str = "") -> Session:
    """Return the session of a world that is up already."""
    world = layout.the_world(identity)
    return Session(world=world, program=world.folder / "registries", runc=world.folder / "runc")


@contextlib.contextmanager
def opened(parts: Stock) -> Iterator[Session]:
    """Make a world for the body, and remove it."""
    session = up(parts, outlive=False)
    try:
        yield session
    finally:
        with parts.progress.step(f"remove world {session.world.identity}"):
            box.remove(session.world)


def copy_checkout(world: World) -> None:
    """Give the plain user a copy of this checkout: what git knows of, if git is there."""
    target = world.home / CHECKOUT
    shutil.rmtree(target, ignore_errors=True)
    if (layout.ROOT / ".git").exists():
        listing = ("git", "-C", layout.ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        for name in filter(None, process.run(listing, deadline=_SOON).stdout.split("\0")):
            source = layout.ROOT / name
            if source.is_file() or source.is_symlink():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target / name, follow_symlinks=False)
    else:
        shutil.copytree(layout.ROOT, target, symlinks=True, ignore=_JUNK)
    give(target)


def give(path: Path) -> None:
    """Make the plain user the owner of a file or folder, and of all below it."""
    os.lchown(path, UID, UID)
    if path.is_dir() and not path.is_symlink():
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.lchown(Path(folder) / name, UID, UID)
