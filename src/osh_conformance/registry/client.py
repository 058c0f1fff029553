"""The client of container registries: of the run's own registry, and of public ones.

With public registries it does as `docker pull` does: it logs in with the user's Docker configuration, trusts the
system's certificate authorities, uses the proxies of the environment, and repeats what a lost connection or a 5xx
broke. With the run's own registry it does none of these.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import tempfile
import urllib.parse
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any

from osh_conformance.provision.registries import DOCKER_HUB, DOCKER_IO
from osh_conformance.registry import images
from osh_conformance.registry.answers import Answer, RegistryError, Reply, garbled, refusal
from osh_conformance.registry.credentials import Keyring
from osh_conformance.registry.loopback import is_loopback
from osh_conformance.registry.manifest import ACCEPT, Manifest, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import requests

    from osh_conformance.registry.login import Login
    from osh_conformance.registry.wire import Patience, Wire

#: The User-Agent of the suite's own requests; the registry's log tells them from those of nodes by it.
AGENT = "osh-conformance"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(slots=True, kw_only=True)
class RegistryClient:
    """The registry at `endpoint` (host and port). Not for several threads at once.

    `public`: do as `docker pull` does, with the logins of `keyring`. `scheme` is https, and http on this machine, as
    for Docker. Every method raises `RegistryError` if the registry does not answer, or not as expected.
    """

    endpoint: str
    public: bool = False
    scheme: str = ""
    patience: Patience | None = None
    keyring: Keyring = field(default_factory=Keyring, repr=False, compare=False)
    _wire: Wire | None = field(default=None, init=False, repr=False, compare=False)
    _login: Login | None = field(default=None, init=False, repr=False, compare=False)

    def answers(self) -> bool:
        """Whether the registry answers."""
        try:
            return self._ask("GET", "", "").status == HTTPStatus.OK
        except RegistryError:
            return False

    def has(self, repository: str, reference: str) -> bool:
        """Whether a repository has a manifest with this tag or digest."""
        reply = self.ask_manifest("HEAD", repository, reference)
        if reply.status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            raise self.refusal(reply, joined(repository, reference))
        return reply.status == HTTPStatus.OK

    def manifest(self, repository: str, reference: str) -> Manifest:
        """Return the manifest or index of a tag or digest."""
        what = joined(repository, reference)
        reply = self.ask_manifest("GET", repository, reference)
        self._expect(HTTPStatus.OK, reply, what)
        # Computed rather than taken from a header: a pinned digest must be that of the received bytes.
        algorithm, _, promised = reference.rpartition(":")
        if algorithm in hashlib.algorithms_available and hashlib.new(algorithm, reply.body).hexdigest() != promised:
            raise garbled(self.endpoint, what, f"a content of digest {digest_of(reply.body)}")
        found = Manifest(
            body=reply.body, media_type=reply.headers.get("content-type", ""), digest=digest_of(reply.body)
        )
        if not found.is_image:
            raise garbled(self.endpoint, what, f"a content of type {found.media_type or 'none'}")
        return found

    def ask_manifest(self, method: str, repository: str, reference: str) -> Reply:
        """Send a GET or HEAD request for a manifest, and return the answer, of any status."""
        return self._ask(method, repository, f"{repository}/manifests/{reference}")

    def put_manifest(self, repository: str, reference: str, body: bytes, media_type: str) -> str:
        """Store a manifest under a tag or its digest; return its digest."""
        path = f"{repository}/manifests/{reference}"
        reply = self._ask("PUT", repository, path, body=body, headers={"Content-Type": media_type})
        self._expect(HTTPStatus.CREATED, reply, joined(repository, reference))
        return digest_of(body)

    def mount(self, digest: str, source: str, target: str) -> None:
        """Add a blob of one repository to another one, without copying it."""
        reply = self._ask("POST", target, f"{target}/blobs/uploads/?mount={digest}&from={source}")
        self._expect(HTTPStatus.CREATED, reply, joined(source, digest))

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a whole blob; meant for configurations, not for layers."""
        return b"".join(self._pieces(repository, digest))

    def copy_blob(self, repository: str, digest: str, sink: IO[bytes]) -> None:
        """Write a blob into `sink`, piece by piece."""
        for piece in self._pieces(repository, digest):
            sink.write(piece)

    def put_blob(self, repository: str, digest: str, content: IO[bytes] | bytes, size: int) -> None:
        """Store a blob of `size` bytes."""
        what = joined(repository, digest)
        started = self._ask("POST", repository, f"{repository}/blobs/uploads/")
        self._expect(HTTPStatus.ACCEPTED, started, what)
        location = urllib.parse.urlsplit(started.headers["location"])
        query = f"{location.query}&digest={digest}" if location.query else f"digest={digest}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        path = f"{location.path.removeprefix('/v2/')}?{query}"
        self._expect(HTTPStatus.CREATED, self._ask("PUT", repository, path, body=content, headers=headers), what)

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

    def close(self) -> None:
        """Close the connections."""
        if self._wire:
            self._wire.close()

    def refusal(self, reply: Reply, what: str) -> RegistryError:
        """Return the error for an answer to a request for `what`."""
        asked = self._login.asked if self._login else None
        error = refusal(self.endpoint, reply, what, known=bool(asked))
        if asked is not None and asked.problem and error.answer is Answer.DENIED:
            error.details = asked.problem
        return error

    def _pieces(self, repository: str, digest: str) -> Iterator[bytes]:
        headers = {"Accept-Encoding": "identity"}
        wire, response = self._open("GET", repository, f"{repository}/blobs/{digest}", headers=headers)
        if response.status_code != HTTPStatus.OK:
            raise self.refusal(wire.read(response), joined(repository, digest))
        yield from wire.pieces(response)

    def _expect(self, status: HTTPStatus, reply: Reply, what: str) -> None:
        if reply.status != status or reply.is_page:
            raise self.refusal(reply, what)

    def _ask(
        self,
        method: str,
        repository: str,
        path: str,
        *,
        body: IO[bytes] | bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        wire, response = self._open(method, repository, path, body=body, headers=headers)
        return wire.read(response)

    def _open(
        self,
        method: str,
        repository: str,
        path: str,
        *,
        body: IO[bytes] | bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Wire, requests.Response]:
        """Send a request, and again with a login if the registry asks for one; return the unread response."""
        wire, login = self._connected()
        all_headers = {"Accept": ACCEPT, "User-Agent": AGENT, **(headers or {})}
        url = f"{login.base}{path}"
        response = wire.open(method, url, headers=all_headers, body=body, authorization=login.header(repository))
        if not self.public or not login.is_asked_for(response):
            return wire, response
        refused = wire.read(response)
        if login.answer(refused.headers.get("www-authenticate", ""), repository):
            response = wire.open(method, url, headers=all_headers, body=body, authorization=login.header(repository))
            if not login.is_asked_for(response):
                return wire, response
            refused = wire.read(response)
        raise self.refusal(refused, joined(repository, path.rpartition("/")[2]))

    def _connected(self) -> tuple[Wire, Login]:
        # Imports requests, which only live runs need.
        from osh_conformance.registry.login import Login  # noqa: PLC0415
        from osh_conformance.registry.wire import Patience, Wire  # noqa: PLC0415

        if self._wire is None or self._login is None:
            scheme = self.scheme or default_scheme(self.endpoint)
            self._wire = Wire(host=self.endpoint, public=self.public, patience=self.patience or Patience())
            base = f"{scheme}://{self.endpoint}/v2/"
            self._login = Login(wire=self._wire, base=base, agent=AGENT, keyring=self.keyring)
        return self._wire, self._login


def default_scheme(endpoint: str) -> str:
    """Return the scheme of a registry's URLs: plain HTTP on this machine only, as for Docker."""
    return "http" if is_loopback(endpoint) else "https"


def joined(repository: str, reference: str) -> str:
    """Return a repository with its tag or digest."""
    return f"{repository}@{reference}" if ":" in reference else f"{repository}:{reference}"


def public_registry(host: str) -> RegistryClient:
    """Return a client of the registry that serves the references of a host."""
    return RegistryClient(endpoint=DOCKER_HUB if host == DOCKER_IO else host, public=True)


def registries(host: str, mirrors: Sequence[str] = ()) -> tuple[RegistryClient, ...]:
    """Return clients of the registries that may serve the references of a host, its own last.

    `mirrors` are URLs of mirrors of Docker Hub, as the Docker daemon is configured with.
    """
    parts = [urllib.parse.urlsplit(url if "://" in url else f"https://{url}") for url in mirrors if url]
    found = [RegistryClient(endpoint=each.netloc, public=True, scheme=each.scheme) for each in parts]
    return (*(found if host == DOCKER_IO else ()), public_registry(host))


def published_digest(reference: str, mirrors: Sequence[str] = ()) -> str:
    """Return the digest that a reference has in its registry now, or in the first mirror of Docker Hub that has it.

    Raises `RegistryError` if it is not there.
    """
    name = images.name(reference)
    return _source(name, mirrors)[1].digest


def _source(name: images.Name, mirrors: Sequence[str]) -> tuple[RegistryClient, Manifest]:
    """Return the first registry that has an image, and the manifest."""
    *first, last = registries(name.host, mirrors)
    for client in first:
        # Docker too goes on to Docker Hub, whatever is wrong with a mirror.
        with contextlib.suppress(RegistryError):
            return client, client.manifest(name.path, name.digest_or_tag)
    return last, last.manifest(name.path, name.digest_or_tag)


def architecture() -> str:
    """Return this machine's architecture, which is also the nodes', as images name it."""
    return _MACHINES.get(platform.machine(), platform.machine())


def platform_entry(index: Manifest, repository: str, reference: str) -> Mapping[str, Any]:
    """Return an index's entry for the architecture of this machine and its nodes; raises `RegistryError` if none.

    `repository` and `reference`, a tag or a digest, name the index.
    """
    wanted = architecture()
    entries: list[Mapping[str, Any]] = index.content.get("manifests", [])
    for entry in entries:
        described = entry.get("platform", {})
        if described.get("architecture") == wanted and described.get("os", "linux") == "linux":
            return entry
    has = [entry.get("platform", {}).get("architecture", "no architecture") for entry in entries]
    raise other_architecture(
        f"{joined(repository, reference)} is an index without an image for {wanted}: it has {', '.join(has) or 'none'}"
    )


def other_architecture(message: str) -> RegistryError:
    """Return the error for an image that is not for this machine."""
    return RegistryError(
        message,
        answer=Answer.OTHER_ARCHITECTURE,
        expected=f"an image for linux/{architecture()}, this machine and its nodes",
        fix="name an image that is published for this architecture, or use a machine of the image's",
    )


def copy_image(reference: str, client: RegistryClient, target: str, tag: str, mirrors: Sequence[str] = ()) -> None:
    """Copy an image, byte by byte, from its registry, or from a mirror of Docker Hub, to `tag` of `target`.

    Raises `RegistryError`.
    """
    name = images.name(reference)
    _copy(_source(name, mirrors)[0], name.path, name.digest_or_tag, client, target, tag)


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
