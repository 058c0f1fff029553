"""What a registry holds, by its HTTP API: manifests and blobs, read, written and mounted."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import platform
import shutil
import tempfile
import urllib.parse
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.registry.manifest import ACCEPT, Manifest
from osh_conformance.registry.upstream import UpstreamRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: How the suite calls itself: its requests are told from those of nodes.
AGENT = "osh-conformance"
#: A blob of some hundred megabytes, on a slow disk.
_ANSWER = 120.0
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryClient:
    """The registry at `endpoint` (host and port), by plain HTTP. Raises `SuiteError` where it answers otherwise."""

    endpoint: str

    def answers(self) -> bool:
        """Whether it can be asked."""
        try:
            return self._ask("GET", "/v2/").status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def has(self, repository: str, reference: str) -> bool:
        """Whether a repository has a manifest of this tag or digest."""
        return self._ask("HEAD", f"/v2/{repository}/manifests/{reference}").status == http.HTTPStatus.OK

    def manifest(self, repository: str, reference: str) -> Manifest:
        """The manifest or index of a tag or digest."""
        answer = self._ask("GET", f"/v2/{repository}/manifests/{reference}")
        self._expect(http.HTTPStatus.OK, answer, f"{repository} {reference}")
        return Manifest(
            body=answer.body,
            media_type=answer.headers["content-type"],
            digest=answer.headers["docker-content-digest"],
        )

    def put_manifest(self, repository: str, reference: str, body: bytes, media_type: str) -> str:
        """Store a manifest under a tag or its digest; return its digest."""
        answer = self._ask("PUT", f"/v2/{repository}/manifests/{reference}", body, {"Content-Type": media_type})
        self._expect(http.HTTPStatus.CREATED, answer, f"{repository} {reference}")
        return f"sha256:{hashlib.sha256(body).hexdigest()}"

    def mount(self, digest: str, source: str, target: str) -> None:
        """Let one repository have a blob of another, without moving a byte of it."""
        answer = self._ask("POST", f"/v2/{target}/blobs/uploads/?mount={digest}&from={source}")
        self._expect(http.HTTPStatus.CREATED, answer, digest)

    def blob(self, repository: str, digest: str) -> bytes:
        """A blob as a whole: for configurations, not for layers."""
        answer = self._ask("GET", f"/v2/{repository}/blobs/{digest}")
        self._expect(http.HTTPStatus.OK, answer, f"{repository} {digest}")
        return answer.body

    def copy_blob(self, repository: str, digest: str, sink: IO[bytes]) -> None:
        """Write a blob into `sink`, piece by piece."""
        with self._connected() as connection:
            connection.request("GET", f"/v2/{repository}/blobs/{digest}", headers={"User-Agent": AGENT})
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                answer = _Answer(status=response.status, headers={}, body=response.read())
                self._expect(http.HTTPStatus.OK, answer, f"{repository} {digest}")
            shutil.copyfileobj(response, sink)

    def put_blob(self, repository: str, digest: str, content: IO[bytes] | bytes, size: int) -> None:
        """Store a blob of `size` bytes."""
        started = self._ask("POST", f"/v2/{repository}/blobs/uploads/")
        self._expect(http.HTTPStatus.ACCEPTED, started, f"{repository} {digest}")
        place = urllib.parse.urlsplit(started.headers["location"])
        path = f"{place.path}?{place.query}&digest={digest}" if place.query else f"{place.path}?digest={digest}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._expect(http.HTTPStatus.CREATED, self._ask("PUT", path, content, headers), f"{repository} {digest}")

    def copy(self, source: str, reference: str, target: str, tag: str) -> tuple[str, ...]:
        """Let `target` have an image of `source` under `tag`, without moving a byte of its layers; its digests."""
        manifest = self.manifest(source, reference)
        digests = [manifest.digest]
        for child in manifest.children:
            digests += self.copy(source, child, target, child)
        for blob in manifest.blobs:
            self.mount(blob, source, target)
        self.put_manifest(target, tag, manifest.body, manifest.media_type)
        return tuple(digests)

    def media_types(self, repository: str, reference: str) -> tuple[str, ...]:
        """The media types of what a reference stands for: index, manifests and layers, each once."""
        manifest = self.manifest(repository, reference)
        found = [manifest.media_type]
        found += [layer["mediaType"] for layer in manifest.content.get("layers", ())]
        for child in manifest.children:
            found += self.media_types(repository, child)
        return tuple(dict.fromkeys(found))

    def _expect(self, status: int, answer: _Answer, what: str) -> None:
        if answer.status != status:
            raise SuiteError(
                f"the registry at {self.endpoint} answered {answer.status} for {what}",
                expected=str(int(status)),
                details=answer.body.decode(errors="replace"),
            )

    @contextlib.contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection(self.endpoint, timeout=_ANSWER)
        try:
            yield connection
        finally:
            connection.close()

    def _ask(
        self, method: str, path: str, body: IO[bytes] | bytes = b"", headers: Mapping[str, str] | None = None
    ) -> _Answer:
        sent = {"Accept": ACCEPT, "User-Agent": AGENT, **(headers or {})}
        with self._connected() as connection:
            connection.request(method, path, body=body or None, headers=sent)
            response = connection.getresponse()
            known = {name.lower(): value for name, value in response.getheaders()}
            return _Answer(status=response.status, headers=known, body=response.read())


def platform_entry(index: Manifest, repository: str, reference: str) -> Mapping[str, Any]:
    """The entry of an index for this machine, which is what nodes on it run; raises `SuiteError` without one.

    `repository` and `reference`, a tag or a digest, are where the index was read.
    """
    wanted = _MACHINES.get(platform.machine(), platform.machine())
    entries: list[Mapping[str, Any]] = index.content.get("manifests", [])
    for entry in entries:
        if entry.get("platform", {}).get("architecture") == wanted:
            return entry
    has = [each.get("platform", {}).get("architecture", "no architecture") for each in entries]
    joined = f"{repository}@{reference}" if ":" in reference else f"{repository}:{reference}"
    raise SuiteError(f"{joined} is an index without an image for {wanted}: it has {', '.join(has) or 'none'}")


def copy_image(reference: str, contents: RegistryClient, target: str, tag: str) -> None:
    """Copy what `reference` stands for in its own registry to `tag` of `target`; raises `SuiteError`."""
    upstream = UpstreamRegistry(reference)
    _copied(upstream, upstream.manifest(), contents, target, tag)


def _copied(upstream: UpstreamRegistry, manifest: Manifest, contents: RegistryClient, target: str, tag: str) -> None:
    for child in manifest.children:
        _copied(upstream, upstream.manifest(child), contents, target, child)
    for blob in manifest.blobs:
        with tempfile.TemporaryFile() as file:
            for piece in upstream.blob(blob):
                file.write(piece)
            size = file.tell()
            file.seek(0)
            contents.put_blob(target, blob, file, size)
    contents.put_manifest(target, tag, manifest.body, manifest.media_type)
