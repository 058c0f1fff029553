"""What registries answer, and the errors that follow: in the registry's own words, with what helps."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.provision.registries import DOCKER_HUB, DOCKER_IO

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The key of Docker Hub's login in Docker's configuration.
DOCKER_HUB_LOGIN = "https://index.docker.io/v1/"
_WORDS = 300


class Answer(Enum):
    """What became of a question to a registry."""

    FOUND = "found"
    #: The registry answers, and has no such repository, tag or digest.
    ABSENT = "absent"
    #: The registry wants a login, or refuses this one.
    DENIED = "denied"
    #: The registry refuses more pulls at the moment.
    LIMITED = "limited"
    #: 5xx, a web page, or anything else that no registry should answer.
    BROKEN = "broken"
    #: No answer: no name, no connection, or not in time.
    UNREACHABLE = "unreachable"
    #: Its certificate is not trusted.
    UNTRUSTED = "untrusted"
    #: The image exists, but not for this machine.
    OTHER_ARCHITECTURE = "other architecture"


class RegistryError(SuiteError):
    """A registry gave no image; `answer` is the kind of its answer."""

    def __init__(self, message: str, *, answer: Answer, expected: str = "", fix: str = "", details: str = "") -> None:
        super().__init__(message, expected=expected, fix=fix, details=details)
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response, read to its end. The names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def is_page(self) -> bool:
        """Whether this is a web page, which no registry sends."""
        return "html" in self.headers.get("content-type", "") or self.body.lstrip()[:15].lower().startswith(
            (
                b"<!doctype html",
                b"<html",
            )
        )

    @property
    def words(self) -> str:
        """The registry's own words, on one line; empty if it sent none."""
        text = self.body.decode(errors="replace")
        if self.is_page:
            title = re.search(r"<title[^>]*>(.*?)</title>", text, re.DOTALL | re.IGNORECASE)
            return " ".join(title[1].split())[:_WORDS] if title else ""
        return " ".join(_messages(text).split())[:_WORDS]


def _messages(text: str) -> str:
    """Return the messages in the JSON of a registry or a token server, or the text if it is something else."""
    try:
        content = json.loads(text)
    except ValueError:
        return text
    if not isinstance(content, dict):
        return text
    errors = content.get("errors")
    errors = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else [content]
    found = (
        next((str(error[name]) for name in ("message", "details", "error_description", "code") if error.get(name)), "")
        for error in errors
    )
    return "; ".join(filter(None, found))


def refusal(host: str, reply: Reply, what: str, *, known: bool = False) -> RegistryError:
    """Return the error for an answer of the registry at `host` to a request for `what`.

    `known`: whether the request was made with a login.
    """
    asks = reply.status == HTTPStatus.UNAUTHORIZED and "www-authenticate" in reply.headers
    # A web server in front of a registry sends pages with these two.
    if reply.is_page and not asks and reply.status != HTTPStatus.TOO_MANY_REQUESTS:
        return _page(host, reply, what)
    words = f": {reply.words}" if reply.words else ""
    if reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return RegistryError(
            f"the registry {host} denies access to {what}{words}", answer=Answer.DENIED, fix=_fix_of_denial(host, known)
        )
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return limited(host, what, reply.words, reply.headers.get("retry-after", ""))
    if reply.status == HTTPStatus.NOT_FOUND:
        return RegistryError(
            f"the registry {host} has no {what}{words}", answer=Answer.ABSENT, fix=_fix_of_absence(what)
        )
    return RegistryError(
        f"the registry {host} answered {reply.status} for {what}{words}",
        answer=Answer.BROKEN,
        fix="try again later; a registry that keeps answering this is out of order",
    )


def _page(host: str, reply: Reply, what: str) -> RegistryError:
    title = f" ({reply.words!r})" if reply.words else ""
    return RegistryError(
        f"{host} answered {reply.status} with a web page{title} for {what}",
        answer=Answer.BROKEN,
        expected="the answer of a container registry",
        fix=f"look at `curl -v https://{host}/v2/`: perhaps a proxy or a login page of the network answers, "
        "or the host is no registry",
    )


def garbled(host: str, what: str, found: str) -> RegistryError:
    """Return the error for an answer of status 200 whose content is not what it should be."""
    return RegistryError(
        f"the registry {host} answered for {what} with {found}",
        answer=Answer.BROKEN,
        expected="an image manifest, or an index",
        fix="try again; if it lasts, something between this machine and the registry changes its answers",
    )


def limited(host: str, what: str, words: str, retry_after: str = "") -> RegistryError:
    """Return the error of a registry that allows no more pulls at the moment."""
    wait = f" (the registry asks to wait {retry_after} s)" if retry_after.isdigit() else ""
    return RegistryError(
        f"the registry {host} allows no more pulls for now, asked for {what}" + (f": {words}" if words else ""),
        answer=Answer.LIMITED,
        fix=f"log in with `{login_command(host)}`, which raises the limit; or set a registry mirror for the Docker "
        f"daemon; or try again later{wait}",
    )


def login_command(host: str) -> str:
    """Return the command that logs in to a registry."""
    return "docker login" if host in (DOCKER_HUB, DOCKER_IO) else f"docker login {host}"


def _fix_of_denial(host: str, known: bool) -> str:  # noqa: FBT001
    if known:
        return f"check that the user of `{login_command(host)}` may pull it, and that it exists"
    return f"check that it exists; if it is private, log in with `{login_command(host)}`"


def _fix_of_absence(what: str) -> str:
    if "@" in what:
        return "name another digest: the registry removed this one, or never had it"
    return "check repository and tag; the registry may have removed the tag"
