"""The registry of a run: mirror of every host in use, and the witness of what was really pulled."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.provision import runs
from osh_conformance.registry import images, packaging
from osh_conformance.registry.client import RegistryClient, copy_image
from osh_conformance.registry.log import RegistryRequest, parse_log

if TYPE_CHECKING:
    from osh_conformance.model.matrix import PackagingFormat
    from osh_conformance.progress import Progress
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.runs import RunFolder
    from osh_conformance.provision.tools import Tools

_PORT = 5000
_READY = 30.0
#: What was pushed, by key; and what a run serves, by run.
_STORE = "store"
_STORED = "image"
_AREA = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The registry container of a run. `push_endpoint` is host and port as this machine sees it.

    What it stores outlives the run, in a volume; what it serves is below the run's own `area`, so that a run never
    finds what another one supplied.
    """

    container: str
    push_endpoint: str
    area: str
    engine: Docker

    @property
    def inside(self) -> str:
        """The address, as nodes see it, below which each host has its repositories."""
        return f"http://{self.container}:{_PORT}/v2/{self.area}"

    @property
    def contents(self) -> RegistryClient:
        """All that it holds."""
        return RegistryClient(endpoint=self.push_endpoint)

    def resolve(self, reference: str) -> tuple[str, ...]:
        """The digests that `reference` has: the manifest's, and for an index those of the platforms' manifests.

        Raises `SuiteError` where the registry does not serve it.
        """
        asked = images.name(reference)
        manifest = self.contents.manifest(f"{self.area}/{asked.repository}", asked.wanted)
        return (manifest.digest, *manifest.children)

    def media_types(self, reference: str) -> tuple[str, ...]:
        """The media types of all that a node gets for `reference`."""
        asked = images.name(reference)
        return self.contents.media_types(f"{self.area}/{asked.repository}", asked.wanted)

    def requests(self, since: dt.datetime | None = None) -> tuple[RegistryRequest, ...]:
        """What nodes asked the registry since then, in order. Requests of this suite and of pushes are left out."""
        window = ["--since", since.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")] if since else []
        outcome = self.engine.run("logs", "--timestamps", *window, self.container)
        return tuple(parse_log(f"{outcome.stdout}\n{outcome.stderr}".splitlines()))

    def holds(self, key: str) -> bool:
        """Whether an image was stored under `key`, in this run or an earlier one."""
        return self.contents.has(f"{_STORE}/{key}", _STORED)

    def store_name(self, key: str) -> str:
        """The name to push an image to, in order to store it under `key`."""
        return f"{self.push_endpoint}/{_STORE}/{key}:{_STORED}"

    def repackage(self, key: str, form: PackagingFormat) -> str:
        """See that what is stored under `key` is stored in a packaging format too; return the key of that."""
        stored = self.contents.media_types(f"{_STORE}/{key}", _STORED)
        # Without a tag of its own, the image must stay the one that is served under its name already.
        if not form.suffix and set(stored) == set(packaging.media_types(form)):
            return key
        packaged = f"{key}-{form.name}"
        if not self.holds(packaged):
            packaging.repackage(self.contents, f"{_STORE}/{key}", f"{_STORE}/{packaged}", _STORED, form)
        return packaged

    def copy_in(self, reference: str, key: str) -> None:
        """Store under `key` what a reference stands for in its own registry, with its digest."""
        copy_image(reference, self.contents, f"{_STORE}/{key}", _STORED)

    def serve(self, reference: str, key: str) -> tuple[str, ...]:
        """Serve what is stored under `key` as `reference`, without moving a byte of its layers; return its digests.

        A reference by digest alone is served only if that is the image's digest.
        """
        asked = images.name(reference)
        source, target = f"{_STORE}/{key}", f"{self.area}/{asked.repository}"
        tag = asked.tag or self.contents.manifest(source, _STORED).digest
        return self.contents.copy(source, _STORED, target, tag)


def start(toolbox: Tools, run: RunFolder, progress: Progress) -> Registry:
    """Start the registry of a run on the run's network; raises `SuiteError` with its log if it does not answer."""
    image, _ = images.obtain(images.REGISTRY_IMAGE, toolbox, progress)
    engine = toolbox.engine
    container = f"{run.cluster}-registry"
    state = f"--label={runs.STATE_LABEL}={toolbox.folders.state}"
    labels = [f"--label={runs.RUN_LABEL}={run.id}", state]
    volume = runs.store_volume(toolbox.folders)
    engine.run("volume", "create", state, volume)
    # The port is the engine's to choose: no other program can have taken it.
    where = ["--network", run.cluster, "--publish", f"127.0.0.1::{_PORT}", "--volume", f"{volume}:/var/lib/registry"]
    engine.run("run", "--detach", "--name", container, *labels, *where, image)
    registry = existing(engine, run)
    (run.folder / "registry-endpoint").write_text(registry.push_endpoint)
    end = time.monotonic() + _READY
    while not registry.contents.answers():
        if time.monotonic() > end:
            outcome = engine.run("logs", "--tail", "20", container, check=False)
            raise SuiteError(
                f"the registry {container} does not answer at {registry.push_endpoint}", details=outcome.tail
            )
        time.sleep(0.05)  # a port has no event to wait for
    return registry


def existing(engine: Docker, run: RunFolder) -> Registry:
    """The registry of a run whose container runs."""
    container = f"{run.cluster}-registry"
    endpoint = _endpoint(engine, container)
    return Registry(container=container, push_endpoint=endpoint, area=f"{_AREA}/{run.id}", engine=engine)


def _endpoint(engine: Docker, container: str) -> str:
    """Host and port of 127.0.0.1 as the engine reports it: the first line, since there may be one for IPv6."""
    return engine.lines("port", container, f"{_PORT}/tcp")[0].strip()
