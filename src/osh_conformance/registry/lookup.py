"""Whether registries have images, asked without pulling: quickly, of many at once, and with an answer in any case."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.parse
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from osh_conformance.registry import images
from osh_conformance.registry.answers import Answer, RegistryError, limited
from osh_conformance.registry.client import (
    architecture,
    default_scheme,
    joined,
    other_architecture,
    platform_entry,
    registries,
)
from osh_conformance.registry.credentials import Keyring
from osh_conformance.registry.manifest import MANIFESTS, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from osh_conformance.registry.answers import Reply
    from osh_conformance.registry.client import RegistryClient
    from osh_conformance.registry.images import Name

#: Seconds that mirrors of Docker Hub have before Docker Hub itself is asked too.
_HEAD_START = 0.3
#: A registry that counts pulls names the rest in this header. It counts GET requests, and no HEAD requests.
_REMAINING = "ratelimit-remaining"
_PORTS = {"https": 443, "http": 80}
#: Bytes of a configuration that is worth reading for its architecture.
_MAX_CONFIG = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What a registry answered for a reference. Without FOUND, `message` says what happened, and `fix` what helps.

    `connected`: there is a connection, so UNREACHABLE means only that no answer came in time.
    """

    reference: str
    answer: Answer
    digest: str = ""
    connected: bool = False
    message: str = ""
    fix: str = ""

    @property
    def found(self) -> bool:
        """Whether the image can be pulled to this machine."""
        return self.answer is Answer.FOUND


def look_up(
    reference: str, *, connect_within: float = 1.0, answer_within: float = 3.0, mirrors: Sequence[str] = ()
) -> Lookup:
    """Ask the registry of a reference, and for docker.io these mirrors (URLs), whether it has the image.

    Takes at most `answer_within` seconds, and `connect_within` if there is no connection by then. Raises `SuiteError`
    only for what is no answer: a malformed reference, a broken Docker configuration or file of authorities.
    """
    (found,) = look_up_all(
        [reference], connect_within=connect_within, answer_within=answer_within, mirrors=mirrors
    ).values()
    return found


def look_up_all(
    references: Iterable[str],
    *,
    connect_within: float = 1.0,
    answer_within: float = 3.0,
    mirrors: Sequence[str] = (),
) -> dict[str, Lookup]:
    """Do as `look_up`, for many references at once; return the answers by reference."""
    from osh_conformance.registry import wire  # noqa: F401, PLC0415 - imported before the time runs

    limits = _Limits(connect=connect_within, answer=answer_within, started=time.monotonic())
    keyring = Keyring()
    asked = {reference: _Question(reference, limits, keyring, mirrors) for reference in dict.fromkeys(references)}
    return {reference: question.answer() for reference, question in asked.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    connect: float
    answer: float
    started: float


class _Question:
    """Whether the registry of a reference, or one of its mirrors, has the image."""

    def __init__(self, reference: str, limits: _Limits, keyring: Keyring, mirrors: Sequence[str]) -> None:
        name = images.name(reference)
        changed = threading.Condition()
        clients = registries(name.host, mirrors)
        self._changed = changed
        self._inquiries: list[_Inquiry] = []
        for client in clients:
            client.keyring = keyring
            last = client is clients[-1]
            before = tuple(self._inquiries) if last else ()
            self._inquiries.append(_Inquiry(name, reference, client, limits, before, changed))

    def answer(self) -> Lookup:
        """Wait for an answer, as long as the limits allow."""
        with self._changed:
            while True:
                found = next((each.found for each in self._inquiries if each.found and each.is_over()), None)
                waiting = [each for each in self._inquiries if not each.is_over()]
                if found or not waiting:
                    return found or self._inquiries[-1].outcome()
                self._changed.wait(max(0.001, min(each.ends() for each in waiting) - time.monotonic()))


class _Inquiry:
    """One registry, asked for one image by a daemon thread: name resolution has no deadline."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        name: Name,
        reference: str,
        client: RegistryClient,
        limits: _Limits,
        before: tuple[_Inquiry, ...],
        changed: threading.Condition,
    ) -> None:
        self._name = name
        self._reference = reference
        self._client = client
        self._url = f"{client.scheme or default_scheme(client.endpoint)}://{client.endpoint}/v2/"
        self._limits = limits
        self._before = before
        self._changed = changed
        self._connected = False
        self._done = False
        self._error: Exception | None = None
        #: Set before the architecture is known, which may take too long.
        self._seen: Lookup | None = None
        threading.Thread(target=self._run, daemon=True, name=f"look up {reference}").start()

    @property
    def found(self) -> Lookup | None:
        """The answer, if the registry has the image."""
        return None if self._error else self._seen

    def ends(self) -> float:
        """Return the time at which this registry has had its time."""
        head_start = _HEAD_START if self._before else 0.0
        limits = self._limits
        return limits.started + (limits.answer if self._connected else min(limits.answer, limits.connect + head_start))

    def is_over(self) -> bool:
        """Whether there will be no other answer."""
        return self._done or time.monotonic() >= self.ends()

    def outcome(self) -> Lookup:
        """Return the answer; raises the error that is none of the registry."""
        if isinstance(self._error, RegistryError):
            error = self._error
            message = f"{error.message}: {error.details}" if error.details else error.message
            return Lookup(reference=self._reference, answer=error.answer, message=message, fix=error.fix)
        if self._error:
            raise self._error
        return self._seen or self._silence()

    def _silence(self) -> Lookup:
        from osh_conformance.registry import trust, wire  # noqa: PLC0415 - requests, which only live runs need

        limits = self._limits
        what = f"answer within {limits.answer:g}" if self._connected else f"connection within {limits.connect:g}"
        return Lookup(
            reference=self._reference,
            answer=Answer.UNREACHABLE,
            connected=self._connected,
            message=f"the registry {self._client.endpoint} does not answer: no {what} s",
            fix=wire.fix_of_silence(trust.proxy_for(self._url)),
        )

    def _run(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: all(each.is_over() for each in self._before), _HEAD_START)
            if any(each.found and each.is_over() for each in self._before):
                self._finish(None)
                return
        error: Exception | None = None
        try:
            if self._connect():
                self._ask()
        except Exception as raised:  # noqa: BLE001 - raised in the thread that asks
            error = raised
        finally:
            self._client.close()
        with self._changed:
            self._finish(error)

    def _finish(self, error: Exception | None) -> None:
        self._error, self._done = error, True
        self._changed.notify_all()

    def _connect(self) -> bool:
        """Open a connection and close it: this tells a registry that drops packets from one that is slow.

        Returns whether it answered in time.
        """
        from osh_conformance.registry import trust, wire  # noqa: PLC0415 - requests, which only live runs need

        parts = urllib.parse.urlsplit(trust.proxy_url(self._url) or self._url)
        try:
            port = parts.port or _PORTS.get(parts.scheme, 80)
            socket.create_connection((parts.hostname, port), self._limits.connect).close()
        except TimeoutError:
            return False
        except (OSError, ValueError) as error:
            raise wire.failure(self._client.endpoint, self._url, error, public=True) from error
        self._client.patience = wire.Patience(
            connect=self._limits.connect, read=self._limits.answer, total=self._limits.answer, retry=1.0
        )
        with self._changed:
            self._connected = True
            self._changed.notify_all()
        return True

    def _ask(self) -> None:
        name, client = self._name, self._client
        what = joined(name.path, name.digest_or_tag)
        reply = self._reply()
        if reply.status != HTTPStatus.OK or reply.is_page:
            raise client.refusal(reply, what)
        remaining = reply.headers.get(_REMAINING, "")
        if remaining.partition(";")[0].strip() == "0":
            raise limited(client.endpoint, what, "its pull rate limit is used up")
        digest = reply.headers.get("docker-content-digest", "") or name.digest
        if reply.headers.get("content-type", "").partition(";")[0].strip() not in MANIFESTS:
            digest = client.manifest(name.path, name.digest_or_tag).digest
        self._seen = Lookup(reference=self._reference, answer=Answer.FOUND, digest=digest)
        # Where GET requests are counted, one would cost the user a pull.
        if not remaining:
            self._check_architecture(digest or name.digest_or_tag)

    def _reply(self) -> Reply:
        """Return the answer to a HEAD request, or to a GET request for an error's words, or if HEAD is refused."""
        name = self._name
        try:
            reply = self._client.ask_manifest("HEAD", name.path, name.digest_or_tag)
        except RegistryError as error:
            if error.answer is not Answer.DENIED:
                raise
        else:
            if reply.status in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
                return reply
        return self._client.ask_manifest("GET", name.path, name.digest_or_tag)

    def _check_architecture(self, digest: str) -> None:
        client, path = self._client, self._name.path
        try:
            manifest = client.manifest(path, digest)
            self._seen = Lookup(
                reference=self._reference, answer=Answer.FOUND, digest=self._name.digest or digest_of(manifest.body)
            )
            if "manifests" in manifest.content:
                platform_entry(manifest, path, self._name.digest_or_tag)
                return
            config = manifest.content.get("config", {})
            if config.get("size", _MAX_CONFIG) < _MAX_CONFIG:
                self._check_config(json.loads(client.blob(path, config["digest"])))
        except RegistryError as error:
            # The registry has the image all the same.
            if error.answer is Answer.OTHER_ARCHITECTURE:
                raise
        except (ValueError, TypeError, KeyError, AttributeError):
            return

    def _check_config(self, config: dict[str, str]) -> None:
        has = config.get("architecture") or architecture()
        if has != architecture():
            what = joined(self._name.path, self._name.digest_or_tag)
            raise other_architecture(f"{what} is an image for {has}, not for {architecture()}")
