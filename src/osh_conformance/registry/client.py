"""The client of container registries: of the run's own registry, and of public ones.

Requests go through oras, which logs in as public registries require (bearer tokens, and the credentials of the user's
Docker configuration); that would be long to write by hand. It also retries them, for two minutes. For the run's own
registry, the client uses only its session: no login, no retries, and no proxies.
"""

from __future__ import annotations

import platform
import re
import tempfile
import urllib.parse
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.registry import images
from osh_conformance.registry.manifest import ACCEPT, Manifest, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: The User-Agent of the suite's own requests; the registry's log tells them from those of nodes by it.
AGENT = "osh-conformance"
#: Seconds for one response: a blob may have some hundred megabytes, and the disk may be slow.
_TIMEOUT = 120.0
_PIECE = 1 << 20
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
#: Docker too uses plain HTTP for a registry on this machine.
_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+)(:\d+)?")
#: The host that serves the images of docker.io.
_DOCKER_HUB = "registry-1.docker.io"


@dataclass(slots=True, kw_only=True)
class RegistryClient:
    """The registry at `endpoint` (host and port). Not for several threads at once.

    `public`: log in with the user's Docker configuration, and use the proxies of the environment. Every method raises
    `SuiteError` if the registry does not answer, or answers with an unexpected status.
    """

    endpoint: str
    public: bool = False
    _send: Callable[..., Any] | None = field(default=None, init=False, repr=False, compare=False)

    def answers(self) -> bool:
        """Whether the registry answers."""
        try:
            return bool(self._request("GET", "").status_code == HTTPStatus.OK)
        except SuiteError:
            return False

    def has(self, repository: str, reference: str) -> bool:
        """Whether a repository has a manifest with this tag or digest."""
        return bool(self._request("HEAD", f"{repository}/manifests/{reference}").status_code == HTTPStatus.OK)

    def manifest(self, repository: str, reference: str) -> Manifest:
        """Return the manifest or index of a tag or digest."""
        response = self._request("GET", f"{repository}/manifests/{reference}")
        self._expect(HTTPStatus.OK, response, f"{repository} {reference}")
        # Computed rather than taken from a header: a pinned digest must be that of the received bytes.
        return Manifest(
            body=response.content,
            media_type=response.headers["content-type"],
            digest=digest_of(response.content),
        )

    def put_manifest(self, repository: str, reference: str, body: bytes, media_type: str) -> str:
        """Store a manifest under a tag or its digest; return its digest."""
        path = f"{repository}/manifests/{reference}"
        response = self._request("PUT", path, body=body, headers={"Content-Type": media_type})
        self._expect(HTTPStatus.CREATED, response, f"{repository} {reference}")
        return digest_of(body)

    def mount(self, digest: str, source: str, target: str) -> None:
        """Add a blob of one repository to another one, without copying it."""
        response = self._request("POST", f"{target}/blobs/uploads/?mount={digest}&from={source}")
        self._expect(HTTPStatus.CREATED, response, digest)

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a whole blob; meant for configurations, not for layers."""
        return b"".join(self._pieces(repository, digest))

    def copy_blob(self, repository: str, digest: str, sink: IO[bytes]) -> None:
        """Write a blob into `sink`, piece by piece."""
        for piece in self._pieces(repository, digest):
            sink.write(piece)

    def put_blob(self, repository: str, digest: str, content: IO[bytes] | bytes, size: int) -> None:
        """Store a blob of `size` bytes."""
        started = self._request("POST", f"{repository}/blobs/uploads/")
        self._expect(HTTPStatus.ACCEPTED, started, f"{repository} {digest}")
        location = urllib.parse.urlsplit(started.headers["location"])
        query = f"{location.query}&digest={digest}" if location.query else f"digest={digest}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        path = f"{location.path.removeprefix('/v2/')}?{query}"
        self._expect(
            HTTPStatus.CREATED, self._request("PUT", path, body=content, headers=headers), f"{repository} {digest}"
        )

    def copy(self, source: str, reference: str, target: str, tag: str) -> tuple[str, ...]:
        """Store an image of repository `source` in `target` under `tag`, without copying its layers.

        Returns the digests of its manifests, that of `reference` first.
        """
        manifest = self.manifest(source, reference)
        digests = [manifest.digest]
        for child in manifest.children:
            digests += self.copy(source, child, target, child)
        for blob in manifest.blobs:
            self.mount(blob, source, target)
        self.put_manifest(target, tag, manifest.body, manifest.media_type)
        return tuple(digests)

    def media_types(self, repository: str, reference: str) -> tuple[str, ...]:
        """Return the media types of a reference's index, manifests and layers, each once."""
        manifest = self.manifest(repository, reference)
        found = [manifest.media_type]
        found += [layer["mediaType"] for layer in manifest.content.get("layers", ())]
        for child in manifest.children:
            found += self.media_types(repository, child)
        return tuple(dict.fromkeys(found))

    def _pieces(self, repository: str, digest: str) -> Iterator[bytes]:
        headers = {"Accept-Encoding": "identity"}
        response = self._request("GET", f"{repository}/blobs/{digest}", headers=headers, stream=True)
        with response:
            self._expect(HTTPStatus.OK, response, f"{repository} {digest}")
            try:
                yield from response.iter_content(_PIECE)
            except OSError as error:  # an error of requests is an OSError
                raise self._silent(error) from error

    def _expect(self, status: HTTPStatus, response: Any, what: str) -> None:
        if response.status_code != status:
            raise SuiteError(
                f"the registry {self.endpoint} answered {response.status_code} for {what}",
                expected=str(int(status)),
                details=response.text[:500],
            )

    def _silent(self, error: Exception) -> SuiteError:
        return SuiteError(f"the registry {self.endpoint} does not answer", details=str(error))

    def _request(
        self,
        method: str,
        path: str,
        *,
        body: IO[bytes] | bytes = b"",
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> Any:
        scheme = "http" if _LOOPBACK.fullmatch(self.endpoint) else "https"
        all_headers = {"Accept": ACCEPT, "User-Agent": AGENT, **(headers or {})}
        try:
            self._send = self._send or _sender(self.endpoint, public=self.public)
            url = f"{scheme}://{self.endpoint}/v2/{path}"
            return self._send(method=method, url=url, data=body, headers=all_headers, stream=stream)
        except (OSError, ValueError) as error:  # an error of requests is an OSError
            raise self._silent(error) from error


def _sender(endpoint: str, *, public: bool) -> Callable[..., Any]:
    # Imports requests, which only live runs need.
    from oras.container import Container  # noqa: PLC0415
    from oras.provider import Registry  # noqa: PLC0415

    registry = Registry(hostname=endpoint, insecure=bool(_LOOPBACK.fullmatch(endpoint)))
    registry.session.request = send = partial(registry.session.request, timeout=_TIMEOUT)
    if not public:
        registry.session.trust_env = False
        registry.session.headers["Connection"] = "close"
        return send
    # The configuration has one login for each host; oras needs a repository in it.
    registry.auth.load_configs(Container(f"{endpoint}/any/repository"))
    request: Callable[..., Any] = registry.do_request
    return request


def public_registry(host: str) -> RegistryClient:
    """Return a client of the registry that serves the references of a host."""
    return RegistryClient(endpoint=_DOCKER_HUB if host == "docker.io" else host, public=True)


def published_digest(reference: str) -> str:
    """Return the digest that a reference has in its own registry now. Raises `SuiteError` if it is not there."""
    name = images.name(reference)
    return public_registry(name.host).manifest(name.path, name.digest_or_tag).digest


def platform_entry(index: Manifest, repository: str, reference: str) -> Mapping[str, Any]:
    """Return an index's entry for this machine's architecture, which is also the nodes'; raises `SuiteError` if none.

    `repository` and `reference`, a tag or a digest, name the index.
    """
    wanted = _MACHINES.get(platform.machine(), platform.machine())
    entries: list[Mapping[str, Any]] = index.content.get("manifests", [])
    for entry in entries:
        if entry.get("platform", {}).get("architecture") == wanted:
            return entry
    has = [entry.get("platform", {}).get("architecture", "no architecture") for entry in entries]
    joined = f"{repository}@{reference}" if ":" in reference else f"{repository}:{reference}"
    raise SuiteError(f"{joined} is an index without an image for {wanted}: it has {', '.join(has) or 'none'}")


def copy_image(reference: str, client: RegistryClient, target: str, tag: str) -> None:
    """Copy an image, byte by byte, from its own registry to `tag` of `target`; raises `SuiteError`."""
    name = images.name(reference)
    _copy(public_registry(name.host), name.path, name.digest_or_tag, client, target, tag)


def _copy(  # noqa: PLR0913, PLR0917
    source: RegistryClient, repository: str, reference: str, client: RegistryClient, target: str, tag: str
) -> None:
    manifest = source.manifest(repository, reference)
    for child in manifest.children:
        _copy(source, repository, child, client, target, child)
    for blob in manifest.blobs:
        with tempfile.TemporaryFile() as file:
            source.copy_blob(repository, blob, file)
            size = file.tell()
            file.seek(0)
            client.put_blob(target, blob, file, size)
    client.put_manifest(target, tag, manifest.body, manifest.media_type)
