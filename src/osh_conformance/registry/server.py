"""The registry of a run: the mirror of all hosts in use, and the record of what nodes really pulled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.provision import runs
from osh_conformance.registry import images, packaging
from osh_conformance.registry.client import RegistryClient, copy_image
from osh_conformance.registry.log import RegistryRequest, parse_log
from osh_conformance.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.model.matrix import PackagingFormat
    from osh_conformance.progress import Progress
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.runs import RunFolder
    from osh_conformance.provision.tools import Tools

_PORT = 5000
_READY = 30.0
#: The repositories of pushed images, one for each key, and of a run's references, below one folder for each run.
_STORE = "store"
_STORED = "image"
_AREA = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The registry container of a run. `push_endpoint` is its host and port on this machine.

    Stored images are in a volume that outlives the run. The run serves references below its own `area`, so that it
    never finds images of another run.
    """

    container: str
    push_endpoint: str
    area: str
    docker: Docker

    @property
    def node_url(self) -> str:
        """The URL, for nodes, below which each host has its repositories."""
        return f"http://{self.container}:{_PORT}/v2/{self.area}"

    @property
    def client(self) -> RegistryClient:
        """A new client of this registry, for one thread."""
        return RegistryClient(endpoint=self.push_endpoint)

    def resolve(self, reference: str) -> tuple[str, ...]:
        """Return the digests of `reference`: its manifest's, and for an index also those of the platforms' manifests.

        Raises `SuiteError` if the registry does not serve it.
        """
        requested = images.name(reference)
        manifest = self.client.manifest(f"{self.area}/{requested.repository}", requested.digest_or_tag)
        return (manifest.digest, *manifest.children)

    def media_types(self, reference: str) -> tuple[str, ...]:
        """Return the media types of everything that a node downloads for `reference`."""
        requested = images.name(reference)
        return self.client.media_types(f"{self.area}/{requested.repository}", requested.digest_or_tag)

    def requests(self) -> tuple[RegistryRequest, ...]:
        """Return the nodes' requests so far, in order, without those of this suite and of pushes."""
        outcome = self.docker.run("logs", "--timestamps", self.container)
        return tuple(parse_log(f"{outcome.stdout}\n{outcome.stderr}".splitlines()))

    def has_stored(self, key: str) -> bool:
        """Whether this run or an earlier one stored an image under `key`."""
        return self.client.has(f"{_STORE}/{key}", _STORED)

    def store_name(self, key: str) -> str:
        """Return the name under which to push an image, so that it is stored under `key`."""
        return f"{self.push_endpoint}/{_STORE}/{key}:{_STORED}"

    def repackage(self, key: str, packaging_format: PackagingFormat) -> str:
        """Store the image of `key` in a packaging format, unless it is stored already; return the new key."""
        stored = self.client.media_types(f"{_STORE}/{key}", _STORED)
        # A format without a tag suffix must stay the image that is served under its name already.
        if not packaging_format.suffix and set(stored) == set(packaging.media_types(packaging_format)):
            return key
        packaged = f"{key}-{packaging_format.name}"
        if not self.has_stored(packaged):
            packaging.repackage(self.client, f"{_STORE}/{key}", f"{_STORE}/{packaged}", _STORED, packaging_format)
        return packaged

    def copy_in(self, reference: str, key: str, mirrors: Sequence[str] = ()) -> None:
        """Copy the image of `reference` from its own registry, with its digest, and store it under `key`.

        `mirrors` are those of Docker Hub, which are asked first.
        """
        copy_image(reference, self.client, f"{_STORE}/{key}", _STORED, mirrors=mirrors)

    def serve(self, reference: str, key: str) -> tuple[str, ...]:
        """Serve the image of `key` as `reference`, without copying its layers; return its digests, its own first.

        A reference without a tag is served only if it has the image's digest.
        """
        requested = images.name(reference)
        source, target = f"{_STORE}/{key}", f"{self.area}/{requested.repository}"
        client = self.client
        tag = requested.tag or client.manifest(source, _STORED).digest
        return client.copy(source, _STORED, target, tag)


def start(tools: Tools, run: RunFolder, progress: Progress) -> Registry:
    """Start the registry of a run on the run's network; raises `SuiteError` with its log if it does not answer."""
    image, _ = images.obtain(images.REGISTRY_IMAGE, tools, progress)
    docker = tools.docker
    container = f"{run.cluster}-registry"
    state = f"--label={runs.STATE_LABEL}={tools.folders.state}"
    labels = [f"--label={runs.RUN_LABEL}={run.id}", state]
    volume = runs.store_volume(tools.folders)
    docker.run("volume", "create", state, volume)
    # Docker chooses the port, so that no other program can have it already.
    where = ["--network", run.cluster, "--publish", f"127.0.0.1::{_PORT}", "--volume", f"{volume}:/var/lib/registry"]
    docker.run("run", "--detach", "--name", container, *labels, *where, image)
    registry = existing(docker, run)
    (run.folder / "registry-endpoint").write_text(registry.push_endpoint)
    until(
        registry.client.answers,
        f"the registry {container} to answer at {registry.push_endpoint}",
        deadline=_READY,
        pause=0.05,
        state=lambda: docker.run("logs", "--tail", "20", container, check=False).tail,
    )
    return registry


def existing(docker: Docker, run: RunFolder) -> Registry:
    """Return the registry of a run whose container is running."""
    container = f"{run.cluster}-registry"
    endpoint = _endpoint(docker, container)
    return Registry(container=container, push_endpoint=endpoint, area=f"{_AREA}/{run.id}", docker=docker)


def _endpoint(docker: Docker, container: str) -> str:
    """Return host and port at 127.0.0.1. Docker prints that line first; a second one may be for IPv6."""
    return docker.lines("port", container, f"{_PORT}/tcp")[0].strip()
