"""Pulling images with Docker, which logs in, trusts and uses mirrors as its user has set it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance import reference as grammar
from osh_conformance.errors import SuiteError
from osh_conformance.process import CommandError, DeadlineError
from osh_conformance.provision.registries import DOCKER_HUB, DOCKER_IO

if TYPE_CHECKING:
    from osh_conformance.provision.docker import Docker

_PULL = 900.0
#: Words of Docker that say that no registry answered.
_SILENT = (
    "no such host",
    "i/o timeout",
    "connection timed out",
    "connection refused",
    "connection reset",
    "network is unreachable",
    "no route to host",
    "client.timeout exceeded",
    "tls handshake timeout",
    "context deadline exceeded",
    "temporary failure in name resolution",
    "server misbehaving",
    "proxyconnect",
    ": eof",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """Words of a registry, or of Docker, that say why an image does not come, and what helps."""

    words: tuple[str, ...]
    fix: str


#: In this order: an answer can have words of several.
_REFUSALS = (
    _Refusal(
        words=("toomanyrequests", "too many requests", "rate limit"),
        fix="wait, or log in (docker login), or name a registry mirror in the settings of Docker",
    ),
    _Refusal(
        words=("x509", "certificate signed", "certificate is not", "certificate has expired"),
        fix="add the certificate of your authority to this system's store, and restart Docker",
    ),
    _Refusal(words=("no space left",), fix="free some space on the disk of Docker's data (docker system df)"),
    _Refusal(words=("no matching manifest",), fix="name an image that exists for this machine's architecture"),
    _Refusal(words=("manifest unknown", "not found"), fix="check the repository and the tag or digest"),
    _Refusal(
        words=("denied", "unauthorized", "authentication required", "no basic auth"),
        fix="check the name; for a private image: docker login {host}",
    ),
    _Refusal(
        words=("invalid character '<'", "text/html"),
        fix="check what answers at https://{host}/v2/: it is no registry, perhaps a proxy or a login page",
    ),
    _Refusal(words=("status: 5", "status code 5"), fix="try again later: {host} is in trouble"),
)


class PullError(SuiteError):
    """Docker did not pull an image. `unreachable`: no registry answered; otherwise one did, and refused."""

    def __init__(self, reference: str, answer: str, *, unreachable: bool, fix: str = "") -> None:
        what = "no registry answers" if unreachable else "Docker could not pull it"
        super().__init__(f"image {reference}: {what}", fix=fix, details=answer)
        self.unreachable = unreachable


def pull(docker: Docker, reference: str) -> None:
    """Pull an image; raises `PullError` with the answer of the registry."""
    try:
        docker.run("pull", "--quiet", reference, deadline=_PULL)
    except DeadlineError as error:
        raise PullError(reference, f"no end after {_PULL:g} s\n{error.details}", unreachable=False) from error
    except CommandError as error:
        raise refused(reference, error.outcome.tail) from error


def refused(reference: str, answer: str) -> PullError:
    """Return the error for what Docker printed when it could not pull an image."""
    # The words of a name are no words of an answer.
    found = answer.replace(reference, "").lower()
    host = grammar.parse(reference).domain
    host = DOCKER_HUB if host == DOCKER_IO else host
    for refusal in _REFUSALS:
        if any(words in found for words in refusal.words):
            return PullError(reference, answer, unreachable=False, fix=refusal.fix.format(host=host))
    return PullError(reference, answer, unreachable=any(words in found for words in _SILENT))
