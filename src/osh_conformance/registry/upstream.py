"""Registries of the world: what a tag means there now, and images copied from there byte by byte, digest and all."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.registry import images
from osh_conformance.registry.manifest import ACCEPT, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUT = 60.0
_OK = 200
_PIECE = 1 << 20
#: As Docker does: a registry on this machine is asked by plain HTTP.
_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+)(:\d+)?")


class UpstreamRegistry:
    """The registry of one reference's host. Logs in as the user's Docker configuration says."""

    def __init__(self, reference: str) -> None:
        """Connect to nothing yet; raises `SuiteError` where the text is no reference."""
        # Brings requests; only runs that reach a registry need it.
        from oras.container import Container  # noqa: PLC0415
        from oras.provider import Registry  # noqa: PLC0415

        self._asked = images.name(reference)
        # What docker.io is called by those who ask it.
        host = "registry-1.docker.io" if self._asked.host == "docker.io" else self._asked.host
        insecure = bool(_LOOPBACK.fullmatch(host))
        self._registry = Registry(hostname=host, insecure=insecure)
        self._registry.session.request = partial(self._registry.session.request, timeout=_TIMEOUT)
        self._base = f"{'http' if insecure else 'https'}://{host}/v2/{self._asked.path}"
        self._registry.auth.load_configs(Container(f"{host}/{self._asked.path}"))

    def manifest(self, reference: str | None = None) -> Manifest:
        """The manifest of a tag or digest, by default of the reference. Raises `SuiteError` with the answer."""
        answer = self._ask(f"manifests/{reference or self._asked.wanted}", {"Accept": ACCEPT})
        # Computed, not believed: what is pinned must be what came.
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        return Manifest(body=answer.content, media_type=answer.headers["content-type"], digest=digest)

    def blob(self, digest: str) -> Iterator[bytes]:
        """A blob, piece by piece."""
        pieces: Iterator[bytes] = self._ask(f"blobs/{digest}", {}, stream=True).iter_content(_PIECE)
        return pieces

    def _ask(self, path: str, headers: Mapping[str, str], *, stream: bool = False) -> Any:
        url = f"{self._base}/{path}"
        try:
            answer = self._registry.do_request(url, headers=dict(headers), stream=stream)
        except (OSError, ValueError) as error:  # requests' errors are OSErrors
            raise SuiteError(f"{self._asked.canonical}: its registry cannot be asked", details=str(error)) from error
        if answer.status_code != _OK:
            raise SuiteError(
                f"{self._asked.canonical}: its registry answered {answer.status_code}", details=answer.text[:500]
            )
        return answer


def digest(reference: str) -> str:
    """The digest that a reference stands for now. Raises `SuiteError` where its registry does not say."""
    return UpstreamRegistry(reference).manifest().digest
