"""The secrets of a cell, which must not appear in any output."""

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

#: Removing shorter texts would protect nothing and garble every log.
_SHORTEST = 6
#: As a password it protects nothing, and every second line of a log contains it.
_WORD = "password"
#: The type of Helm's own Secrets: a packed release of half a megabyte, which no text contains as a whole.
_RELEASE = "helm.sh/release.v1"
#: Assignments in a Secret's files (option files, YAML and JSON) whose key ends with one of these words.
_ASSIGNED = re.compile(
    r"""(?:password|passwd|passphrase|secret|token|auth|credential|(?:secret|private|api|access)[_-]?key)["']?
    [ \t]*[:=][ \t]*(?:"((?:[^"\\\r\n]|\\.)*)"|'([^'\r\n]*)'|([^\s"'][^\r\n]*))""",
    re.IGNORECASE | re.VERBOSE,
)
_IN_URL = re.compile(r"://[^\s/:@\"']*:([^\s/@\"']+)@")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(.+?)-----END", re.DOTALL)
#: Entries of Secrets that are not secret. Removing them would garble every text.
_NAMES = frozenset({"host", "hosts", "port", "name", "names", "user", "username", "database", "region", "project"})


class KnownSecrets:
    """The secrets of one cell: those that the suite generated, and the contents of the namespace's Secrets.

    `public` are texts that a Secret may contain but that are not secret, such as names of releases.
    """

    def __init__(self, kube: Kube, namespace: str, known: Iterable[str], public: Iterable[str]) -> None:
        self._kube = kube
        self._namespace = namespace
        self._secrets = set(known)
        self._read: set[str] = set()
        self._public = {*public, _WORD}
        self._redactor: tuple[frozenset[str], process.Redactor] | None = None

    def learn(self) -> None:
        """Read the namespace's Secrets now: an uninstall deletes them, but not the logs that may contain them."""
        try:
            listed = self._kube.list(f"/api/v1/namespaces/{self._namespace}/secrets")
            services = self._kube.list(f"/api/v1/namespaces/{self._namespace}/services")
        except SuiteError:
            return
        # Secrets contain host names too, which are the names of Services.
        self._public |= {service["metadata"]["name"] for service in services}
        own = [secret for secret in listed if secret.get("type") != _RELEASE]
        entries = {entry for secret in own for entry in (secret.get("data") or {}).items()}
        encoded = {value for name, value in entries if name.lower() not in _NAMES} - self._read
        self._read |= encoded
        # Some Secrets contain a password with a line break at its end.
        decoded = [base64.b64decode(value).decode(errors="ignore").strip() for value in encoded]
        inside = [part for text in decoded for part in _parts(text)]
        self._secrets |= {text for text in (*encoded, *decoded, *inside) if is_secret(text)}

    def redact(self, text: str) -> str:
        """Return `text` without the secrets, in any spelling."""
        secrets = frozenset(self._secrets - self._public)
        # Computing the spellings takes longer than the search, and there are thousands of texts.
        if self._redactor is None or self._redactor[0] != secrets:
            self._redactor = (secrets, process.Redactor(tuple(_spellings(secrets))))
        return self._redactor[1](text)


def is_secret(text: str) -> bool:
    """Whether a password or the content of a Secret is worth hiding: long enough, and not the word itself."""
    return len(text) >= _SHORTEST and text.lower() != _WORD


def _parts(text: str) -> Iterator[str]:
    """Yield the secrets in a file of a Secret. A log may contain one of them, but not the whole file."""
    for double, single, plain in _ASSIGNED.findall(text):
        yield from (double, double.replace("\\", ""), single, plain.strip().rstrip(",;"))
    for password in _IN_URL.findall(text):
        yield from (password, unquote(password))
    for key in _PRIVATE_KEY.findall(text):
        yield from key.split()


def _spellings(secrets: Iterable[str]) -> Iterator[str]:
    """Yield each secret as it is, and as spelled in a URL, in JSON, in Python and in base64."""
    for secret in secrets:
        yield from (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1])
        yield from (quote(secret), quote(secret, safe=""), quote_plus(secret))
        yield base64.b64encode(secret.encode()).decode()
