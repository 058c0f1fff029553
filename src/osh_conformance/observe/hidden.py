"""What must not be in anything that a person gets to see."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from osh_conformance import process
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.observe.kube import Kube

#: A shorter text is no secret worth the name, and would mangle every log.
_SHORTEST = 6
#: Helm's own store: a packed release of half a megabyte, that stands in no text as a whole.
_RELEASE = "helm.sh/release.v1"


class Hidden:
    """The secrets of one cell: those that the suite made up, and what Secrets of the namespace were seen to hold.

    `public` are texts that a Secret may hold and everybody may know: names of releases.
    """

    def __init__(self, kube: Kube, namespace: str, known: Iterable[str], public: Iterable[str]) -> None:
        self._kube = kube
        self._namespace = namespace
        self._secrets = set(known)
        self._public = set(public)
        self._redactor: tuple[frozenset[str], process.Redactor] | None = None

    def learn(self) -> None:
        """Read the Secrets that are there now: an uninstall takes them away, but not the logs they may be in."""
        try:
            listed = self._kube.list(f"/api/v1/namespaces/{self._namespace}/secrets")
            services = self._kube.list(f"/api/v1/namespaces/{self._namespace}/services")
        except SuiteError:
            return
        # Hosts are kept in Secrets too, and are called like a Service.
        self._public |= {service["metadata"]["name"] for service in services}
        own = [secret for secret in listed if secret.get("type") != _RELEASE]
        encoded = [value for secret in own for value in (secret.get("data") or {}).values()]
        decoded = [base64.b64decode(value).decode(errors="ignore") for value in encoded]
        self._secrets |= {text for text in (*encoded, *decoded) if len(text) >= _SHORTEST}

    def redact(self, text: str) -> str:
        """`text` without any of the secrets, however they are spelled."""
        secrets = frozenset(self._secrets - self._public)
        # Spelling them all takes longer than looking for them, and there are thousands of texts.
        if self._redactor is None or self._redactor[0] != secrets:
            self._redactor = (secrets, process.Redactor(tuple(_spellings(secrets))))
        return self._redactor[1](text)


def _spellings(secrets: Iterable[str]) -> Iterator[str]:
    """Each secret as it is, in a URL, and inside a JSON or Python text."""
    for secret in secrets:
        yield from (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1])
        yield from (quote(secret), quote(secret, safe=""), quote_plus(secret))
