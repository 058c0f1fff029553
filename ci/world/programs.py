"""The programs of the plain user: Docker's client, kind and Helm 4; and what the world itself runs."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci.world import layout
from ci.world.publishing import Store, published
from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.provision import tools as setup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.progress import Progress
    from osh_conformance.provision.build import Builder

_BUILD = 600.0
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
#: The node image that kind uses when nobody names one, in the bytes of the program.
_NODE = re.compile(rb"kindest/node:(v[0-9.]+)@sha256:([0-9a-f]{64})")
_CREDENTIAL_HELPER = """#!/bin/sh
# A credential helper, as desktops have one.
[ "$1" = get ] || exit 0
read -r server
case $server in
registry.corp.test) echo '{"ServerURL":"registry.corp.test","Username":"plainuser","Secret":"s3cret-word"}' ;;
*) echo "credentials not found in native keychain"; exit 1 ;;
esac
"""


@dataclass(slots=True, kw_only=True)
class Supply:
    """Finished builds of the recipes. With `any_build`, any build of a recipe replaces a missing one."""

    progress: Progress
    any_build: bool = False
    _builder: Builder | None = None

    @property
    def builder(self) -> Builder:
        """The builder of the recipes of this checkout."""
        if self._builder is None:
            self._builder = setup.open_builder(layout.ROOT / "ci", self.progress)
        return self._builder

    def build(self, recipe: str, *, optional: bool = False) -> Path | None:
        """Return the folder of a recipe's build; build it unless it is `optional`."""
        known = recipe in self.builder.recipes
        place = self.builder.place(recipe) if known else None
        if place and place.is_dir():
            return place
        if self.any_build:
            name = re.compile(rf"{re.escape(recipe)}-[0-9a-f]{{16}}")
            builds = [path for path in self.builder.folders.builds.iterdir() if name.fullmatch(path.name)]
            if builds:
                return max(builds, key=lambda path: path.stat().st_mtime)
        if optional:
            return None
        self.builder.provide([recipe])
        return place

    def needed(self, recipe: str) -> Path:
        """Return the folder of a recipe's build."""
        place = self.build(recipe)
        if place is None:
            raise SuiteError(f"recipe `{recipe}` left nothing")
        return place


def publish(supply: Supply, store: Store) -> dict[str, str]:
    """Bring the images of `published.toml` into the store; return their digests by reference."""
    kind = supply.needed("kind") / "kind"
    node = _node(kind.read_bytes())[0].decode()
    digests: dict[str, str] = {}
    for image in published():
        build = supply.build(image.recipe, optional=image.optional)
        if build is None:
            supply.progress.say(f"  --   {image.references[0]} is not published: recipe {image.recipe} is not built")
            continue
        digest = store.publish(build / "image.tar", image.change)
        digests |= {reference.format(node=node): digest for reference in image.references}
    store.forget([*digests.values(), *_in_use()])
    return digests


def _in_use() -> list[str]:
    """Return the digests that other worlds publish."""
    files = [world.folder / "published.json" for world in layout.worlds() if world.alive]
    return [digest for file in files if file.exists() for digest in _DIGEST.findall(file.read_text())]


def node_reference(digests: Mapping[str, str]) -> str:
    """Return the reference of the node image."""
    return next(reference for reference in digests if reference.startswith("docker.io/kindest/node:"))


def install(folder: Path, supply: Supply, digests: Mapping[str, str]) -> None:
    """Write the plain user's programs into `folder`."""
    client = next((path for path in map(Path, ("/usr/bin/docker", "/usr/local/bin/docker")) if path.exists()), None)
    if client is None:
        raise SuiteError("this machine has no Docker client", fix="apt-get install docker.io")
    shutil.copy2(client, folder / "docker")
    shutil.copy2(supply.needed("helm4") / "helm", folder / "helm")
    program = (supply.needed("kind") / "kind").read_bytes()
    # kind's default node image has a digest that nobody here can make: the world's kind asks for the world's.
    was = _node(program)[1]
    now = digests[node_reference(digests)].removeprefix("sha256:").encode()
    (folder / "kind").write_bytes(program.replace(was, now))
    (folder / "docker-credential-world").write_text(_CREDENTIAL_HELPER)
    for path in folder.iterdir():
        path.chmod(0o755)


def _node(program: bytes) -> tuple[bytes, bytes]:
    found = set(_NODE.findall(program))
    if len(found) != 1:
        raise SuiteError(f"kind names {len(found)} default node images", expected="one")
    tag, digest = found.pop()
    return tag, digest


def build_registries(target: Path) -> Path:
    """Build the server of the world's internet; return the program."""
    go = shutil.which("go")
    if go is None:
        raise SuiteError("the world needs Go, to build its registries", fix="put go on PATH")
    folder = layout.HERE / "registries"
    argv = (go, "build", "-C", folder, "-mod=readonly", "-trimpath", "-buildvcs=false", "-o", target, ".")
    process.run(process.Command(argv=argv, env={"CGO_ENABLED": "0"}), deadline=_BUILD)
    return target
