"""What must not be in anything that a person gets to see."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote

from osh_conformance import process
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.cluster.api import Kube

#: A shorter text is no secret worth the name, and would mangle every log.
_SHORTEST = 6
#: Helm's own store: a packed release of half a megabyte, that stands in no text as a whole.
_RELEASE = "helm.sh/release.v1"
#: What a file in a Secret says of itself: option files, YAML and JSON, by the last word of the key.
_ASSIGNED = re.compile(
    r"""(?:password|passwd|passphrase|secret|token|auth|credential|(?:secret|private|api|access)[_-]?key)["']?
    [ \t]*[:=][ \t]*(?:"((?:[^"\\\r\n]|\\.)*)"|'([^'\r\n]*)'|([^\s"'][^\r\n]*))""",
    re.IGNORECASE | re.VERBOSE,
)
_IN_URL = re.compile(r"://[^\s/:@\"']*:([^\s/@\"']+)@")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(.+?)-----END", re.DOTALL)


#: Entries of Secrets that are there for convenience, and would take half of every sentence with them.
_NAMES = frozenset({"host", "hosts", "port", "name", "names", "user", "username", "database", "region", "project"})


class KnownSecrets:
    """The secrets of one cell: those that the suite made up, and what Secrets of the namespace were seen to hold.

    `public` are texts that a Secret may hold and everybody may know: names of releases.
    """

    def __init__(self, kube: Kube, namespace: str, known: Iterable[str], public: Iterable[str]) -> None:
        self._kube = kube
        self._namespace = namespace
        self._secrets = set(known)
        self._read: set[str] = set()
        # As a password it hides nothing, and it stands in every other line.
        self._public = {*public, "password"}
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
        entries = {entry for secret in own for entry in (secret.get("data") or {}).items()}
        encoded = {value for name, value in entries if name.lower() not in _NAMES} - self._read
        self._read |= encoded
        # Many a password was written to its Secret with the end of its line.
        decoded = [base64.b64decode(value).decode(errors="ignore").strip() for value in encoded]
        inside = [part for text in decoded for part in _parts(text)]
        self._secrets |= {text for text in (*encoded, *decoded, *inside) if len(text) >= _SHORTEST}

    def redact(self, text: str) -> str:
        """`text` without any of the secrets, however they are spelled."""
        secrets = frozenset(self._secrets - self._public)
        # Spelling them all takes longer than looking for them, and there are thousands of texts.
        if self._redactor is None or self._redactor[0] != secrets:
            self._redactor = (secrets, process.Redactor(tuple(_spellings(secrets))))
        return self._redactor[1](text)


def _parts(text: str) -> Iterator[str]:
    """The secrets inside a file that is kept in a Secret: a log shows one of them, and never all of the file."""
    for double, single, plain in _ASSIGNED.findall(text):
        yield from (double, double.replace("\\", ""), single, plain.strip().rstrip(",;"))
    for password in _IN_URL.findall(text):
        yield from (password, unquote(password))
    for key in _PRIVATE_KEY.findall(text):
        yield from key.split()


def _spellings(secrets: Iterable[str]) -> Iterator[str]:
    """Each secret as it is, in a URL, inside a JSON or Python text, and as a Secret has it."""
    for secret in secrets:
        yield from (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1])
        yield from (quote(secret), quote(secret, safe=""), quote_plus(secret))
        yield base64.b64encode(secret.encode()).decode()
