"""One request to a registry: redirects, deadlines, retries, and what goes wrong on the way. Knows no login."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException, IncompleteRead
from typing import IO, TYPE_CHECKING

import requests
from requests.exceptions import ConnectTimeout, InvalidProxyURL, InvalidSchema, ProxyError, Timeout

from osh_conformance.registry import trust
from osh_conformance.registry.answers import Answer, RegistryError, Reply
from osh_conformance.registry.loopback import is_confidential

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: An error of urllib3, which requests passes on while a body is read; by the name that it has there.
_BodyError = requests.exceptions.BaseHTTPError  # type: ignore[attr-defined]
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
#: Bytes of an answer that is no blob: distribution allows 4 MiB for a manifest.
_MAX_BODY = 8 << 20
_PIECE = 1 << 20
#: Seconds before the second and the third attempt.
_PAUSES = (0.3, 1.0)
_SAFE = ("GET", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for a registry, in seconds."""

    connect: float = 10.0
    #: Without any byte: a blob may have some hundred megabytes, and the disk of a registry may be slow.
    read: float = 120.0
    #: For one response, to its last byte.
    total: float = 1800.0
    #: A request that has failed is repeated only within so many seconds.
    retry: float = 20.0


@dataclass(slots=True, kw_only=True)
class Wire:
    """Requests to the registry at `host`, and to where it sends its clients. Not for several threads at once.

    `public`: trust the system's certificate authorities, use the proxies of the environment, repeat what failed.
    """

    host: str
    public: bool
    patience: Patience = field(default_factory=Patience)
    _session: requests.Session | None = field(default=None, init=False, repr=False)

    def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: IO[bytes] | bytes = b"",
        authorization: str = "",
    ) -> requests.Response:
        """Send a request; return the response with its body unread.

        `authorization` goes to the host of `url` alone, and no more once that host has sent the request elsewhere.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            private = {"Authorization": authorization} if authorization else {}
            response = self._repeated(method, url, {**headers, **private}, body)
            location = response.headers.get("location", "")
            if response.status_code not in _REDIRECTS or not location or method not in _SAFE:
                return response
            response.close()
            url, before = self._target(url, location), url
            if origin(url) != origin(before):
                authorization = ""
        raise RegistryError(
            f"the registry {self.host} sends requests from one address to the next, more than {_MAX_REDIRECTS} times",
            answer=Answer.BROKEN,
        )

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        authorization: str = "",
    ) -> Reply:
        """Send a request; return the whole response."""
        return self.read(self.open(method, url, headers=headers, body=body, authorization=authorization))

    def read(self, response: requests.Response) -> Reply:
        """Read a response to its end, which must be near."""
        body = bytearray()
        for piece in self.pieces(response):
            body += piece
            if len(body) > _MAX_BODY:
                raise RegistryError(
                    f"{_host(response.url)} answered with more than {_MAX_BODY >> 20} MiB", answer=Answer.BROKEN
                )
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(status=response.status_code, headers=headers, body=bytes(body), url=response.url)

    def pieces(self, response: requests.Response) -> Iterator[bytes]:
        """Read a response in pieces, and close it."""
        ends = time.monotonic() + self.patience.total
        with response:
            try:
                # Returns what has arrived: a server that sends a byte now and then cannot hold us for ever.
                while piece := response.raw.read1(_PIECE, decode_content=True):
                    yield piece
                    if time.monotonic() > ends:
                        raise TimeoutError(f"the answer did not end within {self.patience.total:g} s")
            except (OSError, _BodyError) as error:
                raise failure(self.host, response.url, error, public=self.public) from error

    def close(self) -> None:
        """Close the connections."""
        if self._session:
            self._session.close()

    def _target(self, url: str, location: str) -> str:
        try:
            target = urllib.parse.urldefrag(urllib.parse.urljoin(url, location)).url
            origin(target)
        except ValueError as error:
            raise RegistryError(
                f"the registry {self.host} sends requests to {location!r}, which is no address", answer=Answer.BROKEN
            ) from error
        if is_confidential(url) and not is_confidential(target):
            raise RegistryError(
                f"the registry {self.host} sends requests from {origin(url)} to {origin(target)}, which anybody on the "
                "way can read and change",
                answer=Answer.BROKEN,
                expected="a redirect to https",
            )
        return target

    def _repeated(
        self, method: str, url: str, headers: Mapping[str, str], body: IO[bytes] | bytes
    ) -> requests.Response:
        """Send a request, and again after a lost connection or a 5xx, if it is safe to repeat."""
        started = time.monotonic()
        pauses = iter(_PAUSES if self.public and method in _SAFE else ())
        while True:
            try:
                response = self._send(method, url, headers, body)
            except (OSError, ValueError, _BodyError) as error:
                pause = next(pauses, None) if _was_reset(error) else None
                if pause is None or time.monotonic() + pause - started > self.patience.retry:
                    raise failure(self.host, url, error, public=self.public) from error
            else:
                pause = next(pauses, None) if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else None
                if pause is None or time.monotonic() + pause - started > self.patience.retry:
                    return response
                response.close()
            threading.Event().wait(pause)

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: IO[bytes] | bytes) -> requests.Response:
        self._session = self._session or trust.new_session(self.host, public=self.public)
        return self._session.request(
            method,
            url,
            data=body,
            headers=headers if self.public else {**headers, "Connection": "close"},
            auth=_as_it_is,
            proxies=trust.proxies_for(url) if self.public else {},
            allow_redirects=False,
            stream=True,
            timeout=(self.patience.connect, self.patience.read),
        )


def failure(endpoint: str, url: str, error: Exception, *, public: bool) -> RegistryError:
    """Return the error of a request to `url` that the registry at `endpoint` did not answer."""
    host = _host(url)
    name = f"the registry {host}" if host == endpoint else host
    reason = _reason(error)
    certificate = next((each for each in _causes(error) if isinstance(each, ssl.SSLCertVerificationError)), None)
    if certificate:
        return _untrusted(name, certificate.verify_message or reason)
    if any(isinstance(each, ssl.SSLError) and "WRONG_VERSION" in str(each) for each in _causes(error)):
        return RegistryError(
            f"{name} speaks no TLS",
            answer=Answer.BROKEN,
            expected="https; plain HTTP only at 127.0.0.1",
            fix="give the registry a certificate",
            details=reason,
        )
    proxy = trust.proxy_for(url) if public else ""
    if proxy and isinstance(error, (InvalidProxyURL, InvalidSchema)):
        return RegistryError(
            f"the proxy {proxy} cannot be used for {host}: {error}",
            answer=Answer.UNREACHABLE,
            expected="a proxy of http:// or https://; for socks5://, the Python package PySocks",
            fix=fix_of_silence(proxy),
        )
    if _is_garbage(error):
        return RegistryError(
            f"{name} answered with something that is no HTTP",
            answer=Answer.BROKEN,
            expected="the answer of a container registry",
            fix="check that this host and port are those of a registry",
            details=reason,
        )
    if any(isinstance(each, ProxyError) for each in _causes(error)):
        message = f"the proxy {proxy} gives no way to {host}"
    else:
        message = f"{name} does not answer"
    fix = fix_of_silence(proxy) if public else ""
    return RegistryError(message, answer=Answer.UNREACHABLE, fix=fix, details=reason)


def origin(url: str) -> str:
    """Return scheme, host and port of a URL: who gets what is sent there."""
    parts = urllib.parse.urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc.rpartition("@")[2]


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add nothing: otherwise requests makes a header of a name and a password in a URL."""
    return request


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it. requests and urllib3 wrap errors as arguments and reasons of others."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and not any(each is other for other in seen):
            seen.append(each)
            yield each
            waiting += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]


def _was_reset(error: Exception) -> bool:
    """Whether a connection was made and lost, so that another one may do better."""
    causes = list(_causes(error))
    # A proxy that refuses is no lost connection.
    return any(isinstance(each, (ConnectionResetError, BrokenPipeError)) for each in causes) and not any(
        isinstance(each, ProxyError) for each in causes
    )


def _is_garbage(error: Exception) -> bool:
    """Whether there was an answer that cannot be read, or a redirect to what is no address."""
    causes = list(_causes(error))
    if any(isinstance(each, (ConnectionError, ProxyError, IncompleteRead)) for each in causes):
        return False
    return isinstance(error, ValueError) or any(isinstance(each, HTTPException) for each in causes)


def _reason(error: Exception) -> str:
    """Return the innermost reason: the texts around it name objects, and URLs with their signatures."""
    causes = list(_causes(error))
    for each in causes:
        if isinstance(each, socket.gaierror):
            return f"its name has no address: {each.strerror}"
    for each in causes:
        if isinstance(each, (TimeoutError, Timeout)):
            return _time_out(each)
    system = [each for each in causes if isinstance(each, OSError) and not isinstance(each, requests.RequestException)]
    if system:
        return system[-1].strerror or str(system[-1])
    return type(error).__name__ if isinstance(error, requests.RequestException) else str(error)


def _time_out(error: BaseException) -> str:
    connecting = isinstance(error, ConnectTimeout)
    if isinstance(error, TimeoutError) and error.args and "within" in str(error):
        return str(error)
    return "no connection in time" if connecting else "no answer in time"


def _untrusted(name: str, reason: str) -> RegistryError:
    unknown_issuer = any(word in reason for word in ("issuer", "self-signed", "self signed"))
    fix = (
        "add the certificate of the authority that signed it to the system's store (on Debian: copy it to "
        "/usr/local/share/ca-certificates/NAME.crt, then run `update-ca-certificates`), and restart Docker"
        if unknown_issuer
        else "correct the certificate, or use a name that it is for; check the clock of this machine"
    )
    return RegistryError(
        f"the certificate of {name} is not trusted: {reason}",
        answer=Answer.UNTRUSTED,
        expected="a certificate that an authority of the system's store signed (x509)",
        fix=fix,
    )


def fix_of_silence(proxy: str) -> str:
    """Return what helps if a host does not answer, directly or through a proxy (host and port)."""
    if proxy:
        return f"check the proxy {proxy}, which HTTP_PROXY or HTTPS_PROXY names, and the exceptions in NO_PROXY"
    return "check the name, the network and its firewall; behind a proxy, set HTTPS_PROXY"
