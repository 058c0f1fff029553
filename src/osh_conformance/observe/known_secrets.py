"""The secrets of a cell, which must not appear in any output."""

from __future__ import annotations

import base64
import contextlib
import threading
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.observe.secret_texts import Texts, replace_passwords
from osh_conformance.redaction import REDACTED, Redactor, is_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from osh_conformance.cluster.api import Kube

#: Removing shorter texts would protect nothing and garble every log.
_SHORTEST = 6
#: Where a password stands, a shorter one is hidden too.
_SHORTEST_IN_PLACE = 3
#: As a password it protects nothing, and every second line of a log contains it.
_WORD = "password"
#: The type of Helm's own Secrets: a packed release of half a megabyte, which no text contains as a whole.
_RELEASE = "helm.sh/release.v1"
#: Objects whose names, labels and containers are no secrets.
_OBJECTS = (
    *(f"/api/v1/namespaces/{{}}/{kind}" for kind in ("services", "serviceaccounts", "pods")),
    *(f"/apis/apps/v1/namespaces/{{}}/{kind}" for kind in ("deployments", "statefulsets", "daemonsets")),
    "/apis/batch/v1/namespaces/{}/jobs",
)


class KnownSecrets:
    """The secrets of one cell: those that the suite generated, and the contents of the namespace's Secrets.

    `public` are texts that a Secret may contain but that are not secret, such as names of releases. Names of users,
    projects, databases and objects of the namespace are not secret either. A password that is the same word as such a
    name is hidden only where a password stands: in a URL, and behind `password =`.
    """

    def __init__(self, kube: Kube, namespace: str, known: Iterable[str], public: Iterable[str]) -> None:
        self._kube = kube
        self._namespace = namespace
        self._texts = Texts(passwords=set(known))
        #: The contents of Secrets as the API has them, each with its text.
        self._encoded: set[tuple[str, str]] = set()
        self._read: set[tuple[str, str]] = set()
        self._public = {*public, _WORD}
        self._redact: Callable[[str], str] | None = None
        # Logs are read in threads of their own.
        self._lock = threading.Lock()

    def learn(self) -> None:
        """Read the namespace's Secrets now: an uninstall deletes them, but not the logs that may contain them."""
        try:
            secrets = self._kube.list(f"/api/v1/namespaces/{self._namespace}/secrets")
            maps = self._kube.list(f"/api/v1/namespaces/{self._namespace}/configmaps")
        except SuiteError:
            return
        own = [secret for secret in secrets if secret.get("type") != _RELEASE]
        entries = {entry for secret in own for entry in (secret.get("data") or {}).items()}
        files = {entry for each in maps for entry in (each.get("data") or {}).items()}
        if not (entries | files) - self._read:
            return
        # Names take as long again, and only what is new can be mistaken for one.
        names = {name for each in (*own, *maps, *self._objects()) for name in _names(each)}
        with self._lock:
            self._public |= names
            for key, encoded in entries - self._read:
                decoded = base64.b64decode(encoded).decode(errors="ignore").strip()
                self._texts.add_entry(key, decoded)
                self._encoded.add((encoded, decoded))
            for key, file in files - self._read:
                self._texts.add_public_file(key, file)
            self._read |= entries | files
            self._redact = None

    def redact(self, text: str) -> str:
        """Return `text` without the secrets, in any spelling."""
        with self._lock:
            # Computing the spellings takes longer than the search, and there are thousands of texts.
            self._redact = self._redact or self._redactor()
            redact = self._redact
        return redact(text)

    def redact_values(self, document: Any) -> Any:
        """Return a document, as JSON or YAML has it, with each text in it redacted. Its keys are no secrets."""
        if isinstance(document, dict):
            return {key: self.redact_values(entry) for key, entry in document.items()}
        if isinstance(document, list):
            return [self.redact_values(entry) for entry in document]
        return self.redact(document) if isinstance(document, str) else document

    def _objects(self) -> Iterator[Any]:
        for path in _OBJECTS:
            with contextlib.suppress(SuiteError):
                yield from self._kube.list(path.format(self._namespace))

    def _redactor(self) -> Callable[[str], str]:
        names, passwords = self._public | self._texts.names, self._texts.passwords
        # A password that no person made up is not also a name.
        hidden = {text for text in passwords if text not in (names if is_word(text) else self._public)}
        hidden |= self._texts.others - names
        hidden |= {encoded for encoded, text in self._encoded if text not in names}
        hidden = set(filter(is_secret, hidden))
        everywhere = Redactor(tuple(hidden))
        in_place = {text for text in passwords - hidden if len(text) >= _SHORTEST_IN_PLACE and text.lower() != _WORD}

        def redact(text: str) -> str:
            return replace_passwords(everywhere(text), in_place, REDACTED)

        return redact


def is_secret(text: str) -> bool:
    """Whether a password or the content of a Secret is worth hiding: long enough, and not the word itself."""
    return len(text) >= _SHORTEST and text.lower() != _WORD


def _names(item: Any) -> Iterator[str]:
    """Yield the names of an object and of its containers, and its labels."""
    yield str(item.get("metadata", {}).get("name", ""))
    yield from (item.get("metadata", {}).get("labels") or {}).values()
    spec = item.get("spec") or {}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        yield str(container["name"])
